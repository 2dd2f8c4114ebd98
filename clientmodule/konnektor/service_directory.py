"""The Konnektor's service directory, /connector.sds (KOM-LE-A_2076, 2077)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from .faults import KonnektorUnreachable
from .xml import parse

_PRODUCT = "{http://ws.gematik.de/int/version/ProductInformation/v1.1}"
_SERVICE = "{http://ws.gematik.de/conn/ServiceInformation/v2.0}"
ECC_SIGNATURE_SERVICE = (7, 4, 1)
ECC_ENCRYPTION_SERVICE = (6, 1, 1)

Version = tuple[int, ...]


@dataclass(frozen=True)
class ServiceVersion:
    """One offered version of a service; ``endpoint`` is None where plain HTTP is not offered.

    ``namespace`` is that of its messages. Konnektoren name that one, or the WSDL's, which differs
    by a part ``WSDL`` in the path; both are understood.
    """

    namespace: str
    version: Version
    endpoint_tls: str | None
    endpoint: str | None


@dataclass(frozen=True)
class ServiceDirectory:
    """What the Konnektor is and which services it offers where."""

    product_name: str
    product_type: str
    product_type_version: str
    hardware: str
    firmware: str
    services: dict[str, tuple[ServiceVersion, ...]]

    def newest(self, service: str, supported: Iterable[str]) -> ServiceVersion:
        """Return the newest version of *service* with one of the *supported* namespaces.

        Raises KonnektorUnreachable when it offers none.
        """
        namespaces = set(supported)
        offered = [v for v in self.services.get(service, ()) if v.namespace in namespaces]
        if not offered:
            raise KonnektorUnreachable(f"{service}: no supported version is offered")
        return max(offered, key=lambda candidate: candidate.version)

    @property
    def supports_ecc(self) -> bool:
        """Tell whether certificates with ECC keys may be used (A_17464, A_17472)."""
        return (
            self._greatest("SignatureService") >= ECC_SIGNATURE_SERVICE
            and self._greatest("EncryptionService") >= ECC_ENCRYPTION_SERVICE
        )

    @property
    def version_header(self) -> str:
        """The value of X-KIM-KONVersion (A_21388-01)."""
        parts = (
            self.product_name,
            self.product_type,
            self.product_type_version,
            self.hardware,
            self.firmware,
        )
        return "".join(f"<{part}>" for part in parts)

    def _greatest(self, service: str) -> Version:
        return max((v.version for v in self.services.get(service, ())), default=())


def read_service_directory(content: bytes) -> ServiceDirectory:
    """Read the XML of /connector.sds. Raises KonnektorUnreachable if it is none."""
    root = parse(content)
    services: dict[str, tuple[ServiceVersion, ...]] = {}
    for service in root.iter(_SERVICE + "Service"):
        versions = tuple(_version(element) for element in service.iter(_SERVICE + "Version"))
        services[service.get("Name", "")] = versions
    if not services:
        raise KonnektorUnreachable("the service directory lists no services")

    def product(name: str) -> str:
        return " ".join((root.findtext(f".//{_PRODUCT}{name}") or "").split())

    return ServiceDirectory(
        product_name=product("ProductName"),
        product_type=product("ProductType"),
        product_type_version=product("ProductTypeVersion"),
        hardware=product("HWVersion"),
        firmware=product("FWVersion"),
        services=services,
    )


def _version(element: etree._Element) -> ServiceVersion:
    def location(name: str) -> str | None:
        found = element.find(_SERVICE + name)
        return None if found is None else found.get("Location")

    try:
        number = tuple(int(part) for part in element.get("Version", "").split("."))
    except ValueError:
        number = ()
    return ServiceVersion(
        namespace=element.get("TargetNamespace", "").replace("/WSDL/", "/"),
        version=number,
        endpoint_tls=location("EndpointTLS"),
        endpoint=location("Endpoint"),
    )
