"""The services that the settings of a make can name: versions, operations, paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NamedService:
    """A service: its operations, and by version (major and minor) its usual path."""

    operations: frozenset[str]
    paths: Mapping[str, str]


def _named(operations: str, **paths: str) -> NamedService:
    by_version = {version.strip("v").replace("_", "."): path for version, path in paths.items()}
    return NamedService(frozenset(operations.split()), MappingProxyType(by_version))


SERVICES: Mapping[str, NamedService] = MappingProxyType(
    {
        "EventService": _named(
            "GetCards GetCardTerminals GetResourceInformation Subscribe Unsubscribe "
            "GetSubscription RenewSubscriptions",
            v7_2="/EventService",
        ),
        "CardService": _named(
            "GetPinStatus VerifyPin ChangePin UnblockPin EnablePin DisablePin",
            v8_1="/CardService",
        ),
        "CardTerminalService": _named("RequestCard EjectCard", v1_1="/CardTerminalService"),
        "CertificateService": _named(
            "ReadCardCertificate CheckCertificateExpiration VerifyCertificate",
            v6_0="/CertificateService",
        ),
        "SignatureService": _named(
            "SignDocument VerifyDocument GetJobNumber StopSignature ActivateComfortSignature "
            "DeactivateComfortSignature GetSignatureMode",
            v7_4="/SignatureService/v7.4",
            v7_5="/SignatureService/v7.5",
        ),
        "EncryptionService": _named("EncryptDocument DecryptDocument", v6_1="/EncryptionService"),
        "AuthSignatureService": _named("ExternalAuthenticate", v7_4="/AuthSignatureService"),
    }
)
OPERATIONS = frozenset[str]().union(*(service.operations for service in SERVICES.values()))


def versions() -> frozenset[str]:
    """Return the services as settings name them in one version: ``SignatureService/7.5``."""
    return frozenset(
        f"{name}/{version}" for name, service in SERVICES.items() for version in service.paths
    )
