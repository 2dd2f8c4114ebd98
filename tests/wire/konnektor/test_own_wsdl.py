"""The WSDL that the product gives of itself: as the official ones, but for the types."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.konnektor_site import Site

OFFICIAL = {
    "EventService": "EventService.wsdl",
    "CardService": "CardService_v8_1_2.wsdl",
    "CardTerminalService": "CardTerminalService.wsdl",
    "CertificateService": "CertificateService_v6_0_1.wsdl",
    "SignatureService/v7.4": "SignatureService_V7_4_2.wsdl",
    "SignatureService/v7.5": "SignatureService_V7_5_6.wsdl",
    "EncryptionService": "EncryptionService_v6_1_1.wsdl",
    "AuthSignatureService": "AuthSignatureService_v7_4_1.wsdl",
}


def facts(document: Any) -> dict[str, tuple[str, str]]:
    """Return SOAPAction and the namespace of the request's element of each operation."""
    found = {}
    parts = {m.get("name"): m.find("{*}part") for m in document.iterfind("{*}message")}
    for operation in document.iterfind("{*}portType/{*}operation"):
        name = operation.get("name")
        part = parts[operation.find("{*}input").get("message").split(":")[1]]
        prefix, local = part.get("element").split(":")
        assert local == name
        (action,) = document.xpath(
            "//*[local-name()='binding']/*[local-name()='operation'][@name=$name]/*/@soapAction",
            name=name,
        )
        found[name] = (action, part.nsmap[prefix])
    return found


@pytest.mark.parametrize("path", OFFICIAL)
def test_operations_are_those_of_the_official_one(site: Site, spec: Any, path: str) -> None:
    status, content = site.get(f"/ws/{path}?wsdl")
    assert status == 200
    own = etree.fromstring(content)
    official = etree.parse(spec(f"api-telematik/conn/{OFFICIAL[path]}")).getroot()
    assert own.get("targetNamespace") == official.get("targetNamespace")
    assert facts(own) == facts(official)
    (address,) = own.xpath("//*[local-name()='address']/@location")
    assert address == f"{site.url}/ws/{path}"


def test_the_directory_says_where(site: Site) -> None:
    directory = etree.fromstring(site.get("/connector.sds")[1])
    told = [entry.get("Location") for entry in directory.iter("{*}WSDL")]
    assert sorted(told) == sorted(f"{site.url}/ws/{path}?wsdl" for path in OFFICIAL)


def test_case_of_the_question_and_other_questions(site: Site) -> None:
    assert site.get("/ws/EventService?WSDL")[0] == 200
    assert site.get("/ws/EventService?xsd=1")[0] == 405


def test_a_host_header_that_is_no_address(site: Site) -> None:
    connection = site.connection()
    connection.putrequest("GET", "/ws/EventService?wsdl", skip_host=True)
    connection.putheader("Host", 'x"><y')
    connection.endheaders()
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 400 or b"<y" not in content
