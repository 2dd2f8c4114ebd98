"""The service directory of every make that is shipped: valid, in its order, no path twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from simulators.konnektor.services import all_services
from simulators.konnektor.settings import KonnektorSettings
from simulators.konnektor.soap.service_directory import service_directory
from simulators.makes.make import Make
from simulators.makes.profiles import names
from simulators.makes.services import OPERATIONS, SERVICES


def test_settings_name_the_services_that_there_are() -> None:
    served = all_services()
    assert {name: set(service.paths) for name, service in SERVICES.items()} == {
        service.name: {
            ".".join(one.version.split(".")[:2]) for one in served if one.name == service.name
        }
        for service in served
    }
    for service in served:
        named = SERVICES[service.name]
        assert named.paths[".".join(service.version.split(".")[:2])] == service.path
        assert set(service.operations) <= named.operations
    operations = {name for service in served for name in service.operations}
    assert operations == OPERATIONS


@pytest.mark.parametrize("name", names())
def test_directory(name: str, spec: Callable[[str], Path]) -> None:
    make = Make.model_validate({"profile": name})
    settings = KonnektorSettings(
        name="k",
        data_dir=Path(),
        trust=Path("t"),
        authentication="certificate",
        tls={"certificate": "c", "key": "k"},
        client_ca=Path("c"),
        make=make,
    )
    root = etree.fromstring(
        service_directory(settings, all_services(), "konnektor:443", datetime.now(UTC))
    )
    schema = spec("api-telematik/conn/ServiceDirectory.xsd")
    etree.XMLSchema(etree.parse(schema)).assertValid(root)
    services = [service.get("Name") for service in root.iter("{*}Service")]
    assert services[: len(make.order)] == make.order
    assert len(set(services)) == len(services) == 7
    addresses = [endpoint.get("Location") for endpoint in root.iter("{*}EndpointTLS")]
    assert len(set(addresses)) == len(addresses) == len(all_services())
    assert all(one.startswith(f"https://konnektor:443{make.base_path}/") for one in addresses)
    versions = [
        version.get("Version")
        for service in root.iter("{*}Service")
        if service.get("Name") == "SignatureService"
        for version in service.iter("{*}Version")
    ]
    assert versions == sorted(versions, reverse=make.newest_first)
    assert root.findtext(".//{*}ProductVendorName") == make.vendor_name
    assert root.findtext(".//{*}FWVersion") == make.fw_version


def test_paths_and_orders_name_services_that_there_are() -> None:
    known = {service.name for service in all_services()}
    versions = {f"{s.name}/{'.'.join(s.version.split('.')[:2])}" for s in all_services()}
    for name in names():
        make = Make.model_validate({"profile": name})
        assert set(make.paths) <= known | versions
        assert set(make.order) <= known
