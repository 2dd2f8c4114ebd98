"""Certificate profiles as data: policies, key usage and extensions of each certificate type.

Sources: the public test cards of gematik (HBA, SMC-B), GemLibPki's CertificateProfile and
CertificateType (C.AK.AUT, C.FD.TLS-S, C.FD.TLS-C, the OID of C.CM.TLS-CS). Unconfirmed: the key
usage of C.CM.TLS-CS, taken like that of C.AK.AUT, because its name says client and server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from .request import CardType, Reference

# Fixed, so that certificates live on when the responder's port changes: whoever asks for a
# status maps this name to the running responder by setting.
OCSP_URL = "http://ocsp.kimulator.invalid/ocsp"
CPS_URL = "http://policy.kimulator.invalid/not-valid"

GEM_OR_CP = "1.2.276.0.76.4.163"
HBA_CP = "1.2.276.0.76.4.145"
QCP_N_QSCD = "0.4.0.194112.1.2"
DOCTOR = "1.2.276.0.76.4.30"
CHAMBER_CP = {DOCTOR: "1.3.6.1.4.1.42675.1.1"}

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
EMAIL_PROTECTION = ExtendedKeyUsageOID.EMAIL_PROTECTION
OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING

# QcCompliance (0.4.0.1862.1.1) and QcSSCD (0.4.0.1862.1.4), ETSI EN 319 412-5.
QC_STATEMENTS = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"),
    bytes.fromhex("30143008060604008E4601013008060604008E460104"),
)
# validityModel with the chain model (1.3.6.1.4.1.8301.3.5.1), as qualified certificates state it.
CHAIN_MODEL = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.4.1.8301.3.5"),
    bytes.fromhex("300C060A2B06010401C06D030501"),
)


class KeyKind(StrEnum):
    """The kinds of keys in this PKI. Cards have RSA and brainpool, TLS has RSA and P-256."""

    RSA = "RSA-2048"
    BRAINPOOL = "brainpoolP256r1"
    P256 = "P-256"


def key_usage(*names: str) -> x509.KeyUsage:
    """Return the KeyUsage extension with exactly the bits *names* (cryptography's names)."""
    bits = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    unknown = set(names) - bits.keys()
    assert not unknown, unknown
    return x509.KeyUsage(**{**bits, **dict.fromkeys(names, True)})


@dataclass(frozen=True)
class Profile:
    """What all certificates of one type have in common.

    ``rsa`` and ``ecc`` are the key usages, which differ by the kind of key; ``hba`` adds the
    policies of the HBA's issuers, with the chamber's own where it is known; ``ocsp`` says that
    the responder answers for the type.
    """

    name: str
    policies: tuple[str, ...]
    rsa: tuple[str, ...]
    ecc: tuple[str, ...]
    extended: tuple[x509.ObjectIdentifier, ...] = ()
    hba: bool = False
    ocsp: bool = True
    extensions: tuple[x509.ExtensionType, ...] = field(default=())

    def key_usage(self, kind: KeyKind) -> x509.KeyUsage:
        """Return the key usage for a key of *kind*."""
        return key_usage(*(self.rsa if kind is KeyKind.RSA else self.ecc))

    def policy_extension(self, profession_oid: str | None) -> x509.CertificatePolicies | None:
        """Return the policies for a holder with *profession_oid*, None if there are none."""
        policies = [_policy(oid) for oid in self.policies]
        if self.hba:
            policies.append(_policy(HBA_CP, CPS_URL))
            chamber = CHAMBER_CP.get(profession_oid or "")
            policies += [_policy(chamber)] if chamber else []
        return x509.CertificatePolicies(policies) if policies else None


def _policy(oid: str, cps: str | None = None) -> x509.PolicyInformation:
    return x509.PolicyInformation(x509.ObjectIdentifier(oid), [cps] if cps else None)


_SIGN = ("digital_signature",)
_SIGN_OR_TRANSPORT = ("digital_signature", "key_encipherment")
_NON_REPUDIATION = ("content_commitment",)
_TRANSPORT = ("key_encipherment", "data_encipherment")
_AGREE = ("key_agreement",)

HCI_AUT = Profile(
    "C.HCI.AUT",
    (GEM_OR_CP, "1.2.276.0.76.4.77"),
    _SIGN_OR_TRANSPORT,
    _SIGN,
    (CLIENT_AUTH,),
)
HCI_ENC = Profile("C.HCI.ENC", (GEM_OR_CP, "1.2.276.0.76.4.76"), _TRANSPORT, _AGREE)
HCI_OSIG = Profile(
    "C.HCI.OSIG", (GEM_OR_CP, "1.2.276.0.76.4.78"), _NON_REPUDIATION, _NON_REPUDIATION
)
HP_AUT = Profile(
    "C.HP.AUT",
    ("1.2.276.0.76.4.75",),
    _SIGN_OR_TRANSPORT,
    ("digital_signature", "key_agreement"),
    (CLIENT_AUTH, EMAIL_PROTECTION),
    hba=True,
)
HP_ENC = Profile("C.HP.ENC", ("1.2.276.0.76.4.74",), _TRANSPORT, _AGREE, hba=True)
HP_QES = Profile(
    "C.HP.QES",
    ("1.2.276.0.76.4.72", QCP_N_QSCD),
    _NON_REPUDIATION,
    _NON_REPUDIATION,
    hba=True,
    extensions=(QC_STATEMENTS, CHAIN_MODEL),
)
# An eGK's certificates (policies oid_egk_aut, oid_egk_enc); the rest is taken like C.HP.AUT and
# C.HP.ENC without the policies of the chambers (unconfirmed: no test eGK is at hand).
CH_AUT = Profile(
    "C.CH.AUT", (GEM_OR_CP, "1.2.276.0.76.4.70"), _SIGN_OR_TRANSPORT, _SIGN, (CLIENT_AUTH,)
)
CH_ENC = Profile("C.CH.ENC", (GEM_OR_CP, "1.2.276.0.76.4.68"), _TRANSPORT, _AGREE)
# A provider's process has one identity for both directions: server, and client of the relay.
FD_TLS = Profile(
    "C.FD.TLS-S",
    (GEM_OR_CP, "1.2.276.0.76.4.169", "1.2.276.0.76.4.168"),
    _SIGN_OR_TRANSPORT,
    _SIGN,
    (SERVER_AUTH, CLIENT_AUTH),
)
AK_AUT = Profile(
    "C.AK.AUT",
    (GEM_OR_CP, "1.2.276.0.76.4.79"),
    _SIGN_OR_TRANSPORT,
    _SIGN,
    (SERVER_AUTH, CLIENT_AUTH),
)
# The card terminal's identity on its gSMC-KT (Tab_PKI_241).
SMKT_AUT = Profile(
    "C.SMKT.AUT", (GEM_OR_CP, "1.2.276.0.76.4.82"), _SIGN_OR_TRANSPORT, _SIGN, (SERVER_AUTH,)
)
CM_TLS = Profile(
    "C.CM.TLS-CS",
    (GEM_OR_CP, "1.2.276.0.76.4.175"),
    _SIGN_OR_TRANSPORT,
    _SIGN,
    (SERVER_AUTH, CLIENT_AUTH),
)
# Issued by the Konnektor's administration, not by the TI: no policy, no Admission.
CLIENTSYSTEM = Profile("Clientsystem", (), _SIGN_OR_TRANSPORT, _SIGN, (CLIENT_AUTH,), ocsp=False)
OCSP_SIGNER = Profile(
    "OCSP", (), _SIGN, _SIGN, (OCSP_SIGNING,), ocsp=False, extensions=(x509.OCSPNoCheck(),)
)

# A card's objects by the reference under which the Konnektor knows them.
_INSTITUTION: dict[Reference, Profile] = {"C.AUT": HCI_AUT, "C.ENC": HCI_ENC, "C.SIG": HCI_OSIG}
_PERSON: dict[Reference, Profile] = {"C.AUT": HP_AUT, "C.ENC": HP_ENC, "C.QES": HP_QES}
CARD_PROFILES: dict[CardType, dict[Reference, Profile]] = {
    "SMC-B": _INSTITUTION,
    "HSM-B": _INSTITUTION,
    "HBA": _PERSON,
    "HBA-qSig": _PERSON,
    "ZOD_2.0": _PERSON,
    "EGK": {"C.AUT": CH_AUT, "C.ENC": CH_ENC},
    "KVK": {},
    "UNKNOWN": {},
}
TLS_PROFILES = {profile.name: profile for profile in (FD_TLS, AK_AUT, CM_TLS)}
