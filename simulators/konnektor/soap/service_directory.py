"""The service directory ``/connector.sds`` (ServiceDirectory v3.1, TIP1-A_4528 to 4533)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from lxml import etree

from simulators.makes.make import Make

from ..operation import Service
from ..settings import KonnektorSettings
from .answers import Element, add, timestamp
from .namespaces import DIRECTORY, PRODUCT, SERVICE_INFORMATION, name

# Which ProductTypeVersion belongs to a generation; the minor numbers are unconfirmed.
_PRODUCT_TYPE_VERSIONS = {"PTV5": "5.0.0", "PTV6": "6.0.0"}


def service_directory(
    settings: KonnektorSettings, services: Sequence[Service], authority: str, started: datetime
) -> bytes:
    """Return the document for a client that called *authority* (host and port).

    Plain endpoints are listed only where TLS is not mandatory; TLS works there too if the
    Konnektor has a certificate. If not, EndpointTLS, for which the schema asks nevertheless,
    names the plain address.
    """
    root = etree.Element(
        name(DIRECTORY, "ConnectorServices"),
        nsmap={"CONN": DIRECTORY, "SI": SERVICE_INFORMATION, "PI": PRODUCT},
    )
    _add_product(root, settings, started)
    secure = settings.authentication != "none"
    add(root, DIRECTORY, "TLSMandatory", _boolean(secure))
    client = settings.authentication in ("certificate", "basic")
    add(root, DIRECTORY, "ClientAutMandatory", _boolean(client))
    listed = add(root, SERVICE_INFORMATION, "ServiceInformation")
    make = settings.make
    address = f"://{authority}"
    protected = ("https" if settings.tls is not None else "http") + address
    plain = None if secure else "http" + address
    for service_name, versions in groupby(_ordered(make, services), key=lambda one: one.name):
        entry = add(listed, SERVICE_INFORMATION, "Service")
        entry.set("Name", service_name)
        versions_of = list(versions)
        add(entry, SERVICE_INFORMATION, "Abstract", versions_of[0].abstract)
        holder = add(entry, SERVICE_INFORMATION, "Versions")
        for service in versions_of:
            version = _add_version(holder, service, path_of(make, service), protected, plain)
            of_wsdl = make.target_namespace == "wsdl"
            version.set("TargetNamespace", service.wsdl_namespace if of_wsdl else service.namespace)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def path_of(make: Make, service: Service) -> str:
    """Return the path under which this make serves *service* in its version."""
    return make.base_path + (make.path_of(service.name, service.version) or service.path)


def _ordered(make: Make, services: Sequence[Service]) -> list[Service]:
    """Return *services* in the order in which this make lists them, versions together."""
    places = {name: place for place, name in enumerate(make.order)}
    names = list(dict.fromkeys(service.name for service in services))
    names.sort(key=lambda name: places.get(name, len(places)))
    step = -1 if make.newest_first else 1
    return [
        service
        for name in names
        for service in [one for one in services if one.name == name][::step]
    ]


def product_type_version(settings: KonnektorSettings) -> str:
    """Return the ProductTypeVersion: the make's, or that of its generation."""
    return settings.make.product_type_version or _PRODUCT_TYPE_VERSIONS[settings.generation]


def add_product_information(
    parent: Element, settings: KonnektorSettings, started: datetime, product_type: str
) -> Element:
    """Append PI:ProductInformation for *product_type* of this make."""
    make = settings.make
    information = add(parent, PRODUCT, "ProductInformation")
    add(information, PRODUCT, "InformationDate", timestamp(started))
    kind = add(information, PRODUCT, "ProductTypeInformation")
    add(kind, PRODUCT, "ProductType", product_type)
    add(kind, PRODUCT, "ProductTypeVersion", product_type_version(settings))
    identification = add(information, PRODUCT, "ProductIdentification")
    add(identification, PRODUCT, "ProductVendorID", make.vendor_id)
    add(identification, PRODUCT, "ProductCode", make.product_code)
    local = add(add(identification, PRODUCT, "ProductVersion"), PRODUCT, "Local")
    add(local, PRODUCT, "HWVersion", make.hw_version)
    add(local, PRODUCT, "FWVersion", make.fw_version)
    names = add(information, PRODUCT, "ProductMiscellaneous")
    add(names, PRODUCT, "ProductVendorName", make.vendor_name)
    add(names, PRODUCT, "ProductName", make.product_name)
    return information


def _add_product(root: Element, settings: KonnektorSettings, started: datetime) -> None:
    add_product_information(root, settings, started, "Konnektor")


def _add_version(
    holder: Element, service: Service, path: str, protected: str, plain: str | None
) -> Element:
    version = add(holder, SERVICE_INFORMATION, "Version")
    version.set("Version", service.version)
    add(version, SERVICE_INFORMATION, "Abstract", f"{service.name} {service.version}")
    if plain is not None:
        add(version, SERVICE_INFORMATION, "Endpoint").set("Location", plain + path)
    add(version, SERVICE_INFORMATION, "EndpointTLS").set("Location", protected + path)
    add(version, SERVICE_INFORMATION, "WSDL").set("Location", f"{protected}{path}?wsdl")
    return version


def _boolean(value: bool) -> str:
    return "true" if value else "false"
