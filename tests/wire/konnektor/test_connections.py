"""The four ways to connect, the service directory, and faults on purpose."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from tests.konnektor_site import SMCB, Site, context, document, schema

NAMES = {
    "SD": "http://ws.gematik.de/conn/ServiceDirectory/v3.1",
    "SI": "http://ws.gematik.de/conn/ServiceInformation/v2.0",
}


def directory(site: Site) -> Any:
    status, content = site.get("/connector.sds")
    assert status == 200
    root = etree.fromstring(content)
    assert site.schemas is not None
    schema(site.schemas("api-telematik/conn/ServiceDirectory.xsd")).assertValid(root)
    return root


def cards(site: Site, **who: str) -> Any:
    return site.call("EVT", "GetCards", context(**who))


def test_directory_lists_what_is_served(site: Site) -> None:
    root = directory(site)
    versions = {
        (service.get("Name"), version.get("Version"))
        for service in root.iter("{*}Service")
        for version in service.iter("{*}Version")
    }
    assert versions == {
        ("EventService", "7.2.0"),
        ("CardService", "8.1.2"),
        ("CardTerminalService", "1.1.0"),
        ("CertificateService", "6.0.1"),
        ("SignatureService", "7.4.2"),
        ("SignatureService", "7.5.6"),
        ("EncryptionService", "6.1.1"),
        ("AuthSignatureService", "7.4.1"),
    }
    assert root.findtext("SD:TLSMandatory", namespaces=NAMES) == "true"
    assert root.findtext("SD:ClientAutMandatory", namespaces=NAMES) == "true"
    for endpoint in root.iter("{*}EndpointTLS"):
        assert endpoint.get("Location").startswith(site.url + "/ws/")
    assert root.find(".//SI:Endpoint", NAMES) is None


def test_no_client_certificate_no_connection(site: Site) -> None:
    anonymous = replace(site, client=None)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        anonymous.get("/connector.sds")


def test_the_open_directory_is_all_there_is_without_tls(site: Site) -> None:
    plain = replace(site, plain=True)
    root = directory(plain)
    endpoints = [endpoint.get("Location") for endpoint in root.iter("{*}EndpointTLS")]
    assert all(endpoint.startswith(site.url + "/ws/") for endpoint in endpoints)
    assert plain.post("/ws/EventService", b"")[0] == 403
    assert plain.get("/ws/EventService")[0] == 403


def test_a_bound_certificate_of_a_clientsystem_without_rights(site: Site) -> None:
    other = replace(site, client="other")
    assert cards(other).code == 4204
    assert cards(other, clientsystem="cs2").code == 4014


@pytest.fixture(scope="module")
def basic_site(start_site: Any) -> Site:
    settings = {"authentication": "basic", "generation": "PTV5", "directory_open": False}
    return start_site(client=None, **settings)  # type: ignore[no-any-return]


def test_basic(basic_site: Site) -> None:
    assert basic_site.get("/connector.sds")[0] == 401
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        replace(basic_site, plain=True).get("/connector.sds")
    assert replace(basic_site, basic=("pvs", "falsch")).post("/ws/EventService", b"")[0] == 401
    known = replace(basic_site, basic=("pvs", "geheim"))
    assert cards(known).status == 200
    assert cards(known, clientsystem="cs2").code == 4204


def test_ptv5_signs_with_rsa_unless_told(basic_site: Site) -> None:
    known = replace(basic_site, basic=("pvs", "geheim"))
    sizes = {}
    for crypt in ("", "RSA", "ECC", "RSA_ECC"):
        more = {"crypt": crypt} if crypt else {}
        known._jobs += 1
        answer = known.sign(SMCB, document(b"x"), job=f"PTV-{len(sizes):03d}", **more)
        cms = answer.binary("//dss:Base64Signature")
        sizes[crypt] = b"\x2a\x86\x48\xce\x3d\x04\x03\x02" in cms[-400:]
    assert sizes == {"": False, "RSA": False, "ECC": True, "RSA_ECC": True}


def test_plain_http(start_site: Any) -> None:
    plain = replace(start_site(authentication="none", client=None), plain=True)
    root = directory(plain)
    assert root.findtext("SD:TLSMandatory", namespaces=NAMES) == "false"
    assert root.find(".//SI:Endpoint", NAMES).get("Location").startswith("http://")
    assert root.find(".//SI:EndpointTLS", NAMES).get("Location").startswith("https://")
    assert cards(plain).status == 200
    assert cards(replace(plain, plain=False)).status == 200  # TLS always works


def test_a_silent_client_holds_up_nobody(start_site: Any) -> None:
    plain = replace(start_site(authentication="none", client=None), plain=True)
    address = plain.role.address("soap")
    with socket.create_connection(address) as silent, socket.create_connection(address) as broken:
        broken.sendall(b"\x16\x03\x01\x00\x05nonsense")
        assert cards(plain).status == 200
        assert broken.recv(10)[:1] in (b"", b"\x15")  # closed, or a TLS alert
        assert plain.role.stop() == 0
        silent.settimeout(5)
        assert silent.recv(1) == b""
    assert "Traceback" not in plain.role.log()


def test_fault_on_purpose(site: Site) -> None:
    rule = {
        "id": "f",
        "operation": "GetCards",
        "match": {"mandant": "m1"},
        "nth": 2,
        "effect": {"kind": "soap_fault", "code": 4174},
    }
    assert site.role.ask("PUT", "/faults", [rule])[0] == 200
    assert [cards(site).code for _ in range(3)] == [None, 4174, None]
    vendor = {**rule, "nth": None, "effect": {"kind": "soap_fault", "code": 10001, "text": "Eigen"}}
    site.role.ask("PUT", "/faults", [vendor])
    answer = cards(site)
    assert (answer.code, answer.text("//faultstring")) == (10001, "Eigen")
    assert cards(site, mandant="m2").status == 200


def test_warning_on_purpose(site: Site) -> None:
    rule = {"id": "w", "operation": "*", "effect": {"kind": "warning", "code": 4257}}
    site.role.ask("PUT", "/faults", [rule])
    answer = cards(site)
    assert (answer.status, answer.code, answer.text("//CONN:Result")) == (200, 4257, "Warning")


def test_drop_on_purpose(site: Site) -> None:
    site.role.ask(
        "PUT", "/faults", [{"id": "d", "operation": "GetCards", "effect": {"kind": "drop"}}]
    )
    with pytest.raises((ConnectionError, http.client.HTTPException, ssl.SSLError)):
        cards(site)
    site.role.ask("DELETE", "/faults")
    assert cards(site).status == 200


def test_wrong_settings_are_one_line(start_role: Any, running_site: Site) -> None:
    with pytest.raises(AssertionError, match="no such card in or beside any terminal"):
        start_role(
            "simulators.konnektor",
            {
                **running_site.role.settings,
                "listeners": {"soap": {}, "ldap": {}},
                "pins": {"80276999999999999999": {}},
            },
        )
