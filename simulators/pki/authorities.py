"""The TEST-ONLY certificate authorities, as data: name, kind of key, issuer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from .profiles import KeyKind
from .request import TEST_ONLY

# Fixed and long, so that a trust anchor that was imported once stays right, and that
# certificates can be asked for that expired years ago.
AUTHORITY_VALIDITY = (datetime(2015, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC))

_SMCB_UNIT = "Institution des Gesundheitswesens-CA der Telematikinfrastruktur"
_HBA_UNIT = "Heilberufsausweis-CA der Telematikinfrastruktur"
_EGK_UNIT = "Elektronische Gesundheitskarte-CA der Telematikinfrastruktur"
_QES_UNIT = "Qualifizierter VDA der Telematikinfrastruktur"
_KOMP_UNIT = "Komponenten-CA der Telematikinfrastruktur"


@dataclass(frozen=True)
class AuthorityPlan:
    """An authority to be made. ``name`` is its file name; ``issuer`` None makes it a root."""

    name: str
    kind: KeyKind
    issuer: str | None = None
    unit: str | None = None

    @property
    def common_name(self) -> str:
        """The subject's CN: gematik's form under a name that nobody takes for gematik's."""
        return f"KIMULATOR.{self.name}{TEST_ONLY}"


ROOT_RSA, ROOT_BRAINPOOL, ROOT_P256 = "RCA1", "RCA2", "RCA3"
ROOTS = (ROOT_RSA, ROOT_BRAINPOOL, ROOT_P256)

# TLS has a P-256 hierarchy of its own: brainpool certificates fail in most TLS stacks.
AUTHORITIES = (
    AuthorityPlan(ROOT_RSA, KeyKind.RSA),
    AuthorityPlan(ROOT_BRAINPOOL, KeyKind.BRAINPOOL),
    AuthorityPlan(ROOT_P256, KeyKind.P256),
    AuthorityPlan("SMCB-CA1", KeyKind.RSA, ROOT_RSA, _SMCB_UNIT),
    AuthorityPlan("SMCB-CA2", KeyKind.BRAINPOOL, ROOT_BRAINPOOL, _SMCB_UNIT),
    AuthorityPlan("HBA-CA1", KeyKind.RSA, ROOT_RSA, _HBA_UNIT),
    AuthorityPlan("HBA-CA2", KeyKind.BRAINPOOL, ROOT_BRAINPOOL, _HBA_UNIT),
    AuthorityPlan("EGK-CA1", KeyKind.RSA, ROOT_RSA, _EGK_UNIT),
    AuthorityPlan("EGK-CA2", KeyKind.BRAINPOOL, ROOT_BRAINPOOL, _EGK_UNIT),
    AuthorityPlan("HBA-qCA1", KeyKind.RSA, ROOT_RSA, _QES_UNIT),
    AuthorityPlan("HBA-qCA2", KeyKind.BRAINPOOL, ROOT_BRAINPOOL, _QES_UNIT),
    AuthorityPlan("KOMP-CA1", KeyKind.RSA, ROOT_RSA, _KOMP_UNIT),
    AuthorityPlan("KOMP-CA2", KeyKind.P256, ROOT_P256, _KOMP_UNIT),
    AuthorityPlan("PROVIDER-CA1", KeyKind.P256, ROOT_P256, _KOMP_UNIT),
    AuthorityPlan("CLIENTS-CA1", KeyKind.P256),
)

# Who issues what, by the kind of the certificate's key.
SMCB_CA = {KeyKind.RSA: "SMCB-CA1", KeyKind.BRAINPOOL: "SMCB-CA2"}
HBA_CA = {KeyKind.RSA: "HBA-CA1", KeyKind.BRAINPOOL: "HBA-CA2"}
EGK_CA = {KeyKind.RSA: "EGK-CA1", KeyKind.BRAINPOOL: "EGK-CA2"}
QES_CA = {KeyKind.RSA: "HBA-qCA1", KeyKind.BRAINPOOL: "HBA-qCA2"}
TLS_CA = {KeyKind.RSA: "KOMP-CA1", KeyKind.P256: "KOMP-CA2"}
PROVIDER_CA = "PROVIDER-CA1"
CLIENTS_CA = "CLIENTS-CA1"

CARD_CAS = (*SMCB_CA.values(), *HBA_CA.values(), *EGK_CA.values(), *QES_CA.values())
# Authorities whose certificates the OCSP responder answers for.
OCSP_CAS = (*CARD_CAS, *TLS_CA.values(), PROVIDER_CA)

# The PEM files of trust, by file name.
TRUST_FILES = {
    "roots.pem": ROOTS,
    "ca.pem": (ROOT_RSA, ROOT_P256, *TLS_CA.values()),
    "trust.pem": (*ROOTS, *CARD_CAS, *TLS_CA.values(), PROVIDER_CA),
    "provider-ca.pem": (ROOT_RSA, ROOT_P256, *TLS_CA.values(), PROVIDER_CA),
    "clients-ca.pem": (CLIENTS_CA,),
}
