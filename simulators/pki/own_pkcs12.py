"""Own test cards: which objects of a card a PKCS#12 file holds, and what it says of the holder.

Told by the certificate's type where its policies name one (1.2.276.0.76.4.72 to .78), else by its
KeyUsage: contentCommitment is C.QES of an HBA and C.SIG of an SMC-B, digitalSignature is C.AUT,
keyEncipherment or keyAgreement alone is C.ENC. The kind of key is its Crypt. As on gematik's test
cards, where C.AUT with RSA has keyEncipherment besides and C.AUT of an HBA has keyAgreement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from simulators.formats.certificates import common_name, policies, profession_oids, telematik_id
from simulators.formats.errors import FormatError
from simulators.process.errors import InputError
from simulators.process.guardrails import refuse_real_trust_anchor

from .certificate import PrivateKey
from .pkcs12_keys import read_pkcs12
from .request import HBAX, CardType, Crypt, Reference

MIN_RSA_BITS = 2048
CURVES = (ec.BrainpoolP256R1, ec.SECP256R1)
_ICCSN = re.compile(r"(?:[0-9]{1,3}\.)?(80276[0-9]{15})")
# Certificate types by policy (gemSpec_OID; on gematik's test cards): of institutions, of persons.
_TYPES_OF: dict[str, dict[str, Reference]] = {
    "SMC-B": {
        "1.2.276.0.76.4.76": "C.ENC",
        "1.2.276.0.76.4.77": "C.AUT",
        "1.2.276.0.76.4.78": "C.SIG",
    },
    "HBA": {
        "1.2.276.0.76.4.72": "C.QES",
        "1.2.276.0.76.4.74": "C.ENC",
        "1.2.276.0.76.4.75": "C.AUT",
    },
}


@dataclass(frozen=True)
class OwnObject:
    """An object of a card from a PKCS#12 file; ``chain`` are the certificates in it without key."""

    path: Path
    reference: Reference
    crypt: Crypt
    certificate: x509.Certificate
    private_key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class OwnHolder:
    """What own certificates say of the card and its holder; None where they are silent."""

    iccsn: str | None = None
    telematik_id: str | None = None
    profession_oid: str | None = None
    profession_item: str | None = None
    common_name: str | None = None
    given_name: str | None = None
    surname: str | None = None


def read_own_objects(path: Path, password: str, card_type: CardType) -> tuple[OwnObject, ...]:
    """Read the PKCS#12 file *path*: each of its keys is an object of a card of *card_type*.

    Raises InputError in one German line: as ``read_pkcs12``, and for a key that cards do not
    have, or a certificate that fits no object of the card or belongs to the real TI.
    """
    content = read_pkcs12(path, password)
    return tuple(
        _own_object(path, key, certificate, content.others, card_type)
        for key, certificate in content.pairs
    )


def _own_object(
    path: Path,
    key: object,
    certificate: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    card_type: CardType,
) -> OwnObject:
    try:
        refuse_real_trust_anchor(certificate.issuer.rfc4514_string())
    except InputError:
        raise InputError(f"{path}: Zertifikate der echten TI werden abgelehnt") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise InputError(f"{path}: weder ein RSA- noch ein ECC-Schlüssel")
    crypt = _crypt(path, key)
    try:
        reference = _reference(certificate, card_type)
    except FormatError as error:
        raise InputError(f"{path}: {error}") from None
    return OwnObject(path, reference, crypt, certificate, key, others)


def holder_of_own(objects: Sequence[OwnObject]) -> OwnHolder:
    """Return what the certificates of *objects* agree on.

    Raises InputError when they name different Telematik-IDs: a card has one.
    """
    found = [(own, _holder(own)) for own in objects]
    ids = {holder.telematik_id: own.path for own, holder in found if holder.telematik_id}
    if len(ids) > 1:
        named = ", ".join(f"{number} ({path.name})" for number, path in ids.items())
        raise InputError(f"eine Karte hat eine Telematik-ID, die Dateien nennen {named}")

    def first(name: str) -> str | None:
        return next((value for _, one in found if (value := getattr(one, name))), None)

    return OwnHolder(**{name: first(name) for name in OwnHolder.__dataclass_fields__})


def missing_type(own: OwnObject, card_type: CardType) -> str | None:
    """Return the OID of the certificate type that *own* should name in its policies and does not,
    so that it was told by its KeyUsage; None where it names it.
    """
    types = _TYPES_OF[_kind(card_type)]
    wanted = next(oid for oid, reference in types.items() if reference == own.reference)
    return None if wanted in policies(own.certificate) else wanted


def _kind(card_type: CardType) -> str:
    return "HBA" if card_type in HBAX else "SMC-B"


def _crypt(path: Path, key: PrivateKey) -> Crypt:
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise InputError(f"{path}: ein RSA-Schlüssel von nur {key.key_size} Bit")
        return "RSA"
    if not isinstance(key.curve, CURVES):
        raise InputError(f"{path}: Karten haben brainpoolP256r1, nicht {key.curve.name}")
    return "ECC"


def _reference(certificate: x509.Certificate, card_type: CardType) -> Reference:
    """Return which object of a card *certificate* is. Raises FormatError when none fits."""
    usage = _key_usage(certificate)
    kind = _kind(card_type)
    named = set(policies(certificate))
    for of, types in _TYPES_OF.items():
        for oid, reference in types.items():
            if oid in named:
                if of != kind:
                    raise FormatError(f"ein Zertifikat {reference} für {of}, nicht für {kind}")
                return _fitting(reference, usage)
    if usage.content_commitment:
        return "C.QES" if kind == "HBA" else "C.SIG"
    if usage.digital_signature:
        return "C.AUT"
    return _fitting("C.ENC", usage)


def _fitting(reference: Reference, usage: x509.KeyUsage) -> Reference:
    """Return *reference* if *usage* allows what its key is there for. Raises FormatError."""
    allowed = {
        "C.AUT": usage.digital_signature,
        "C.ENC": usage.key_encipherment or usage.key_agreement,
        "C.SIG": usage.content_commitment or usage.digital_signature,
        "C.QES": usage.content_commitment,
    }
    if not allowed[reference]:
        raise FormatError(f"die KeyUsage des Zertifikats passt nicht zu {reference}")
    return reference


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise FormatError(
            "das Zertifikat hat keine KeyUsage, sie sagt, welches der Karte es ist"
        ) from None
    except ValueError:
        raise FormatError("die Erweiterungen des Zertifikats sind nicht lesbar") from None


def _holder(own: OwnObject) -> OwnHolder:
    certificate = own.certificate
    try:
        oids = profession_oids(certificate)
        return OwnHolder(
            iccsn=_iccsn(certificate),
            telematik_id=telematik_id(certificate),
            profession_oid=oids[0] if oids else None,
            profession_item=_profession_item(certificate),
            common_name=common_name(certificate) or None,
            given_name=_named(certificate, NameOID.GIVEN_NAME),
            surname=_named(certificate, NameOID.SURNAME),
        )
    except FormatError as error:
        raise InputError(f"{own.path}: {error}") from None


def _iccsn(certificate: x509.Certificate) -> str | None:
    """Return the ICCSN from the subject's serialNumber, ``16.80276…`` on test cards."""
    found = _ICCSN.fullmatch(_named(certificate, NameOID.SERIAL_NUMBER) or "")
    return found and found[1]


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    names = certificate.subject.get_attributes_for_oid(oid)
    return str(names[0].value) if names else None


def _profession_item(certificate: x509.Certificate) -> str | None:
    try:
        admissions = certificate.extensions.get_extension_for_class(x509.Admissions).value
    except x509.ExtensionNotFound:
        return None
    return next(
        (
            item
            for one in admissions
            for info in one.profession_infos
            for item in info.profession_items
        ),
        None,
    )
