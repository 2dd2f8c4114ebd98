"""zeep with the official WSDLs calls every operation of the Konnektor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from lxml import etree

from .konnektor_calls import CALLS, ENCRYPTION, EVENT, TEXT, WHO, Client, decrypted, encrypted
from .konnektor_practice import practice_pki, start_practice

zeep = pytest.importorskip("zeep")

WSDLS = {
    ("EventService", "7.2.0"): "EventService.wsdl",
    ("CardService", "8.1.2"): "CardService_v8_1_2.wsdl",
    ("CardTerminalService", "1.1.0"): "CardTerminalService.wsdl",
    ("CertificateService", "6.0.1"): "CertificateService_v6_0_1.wsdl",
    ("SignatureService", "7.4.2"): "SignatureService_V7_4_2.wsdl",
    ("SignatureService", "7.5.6"): "SignatureService_V7_5_6.wsdl",
    ("EncryptionService", "6.1.1"): "EncryptionService_v6_1_1.wsdl",
    ("AuthSignatureService", "7.4.1"): "AuthSignatureService_v7_4_1.wsdl",
}
OPERATIONS = [(service, operation) for service, calls in CALLS.items() for operation in calls]


@pytest.fixture(scope="module")
def clients(spec: Callable[[str], Path]) -> dict[tuple[str, str], Any]:
    """Return zeep's client for each official WSDL."""
    settings = zeep.Settings(forbid_entities=False)
    return {
        key: zeep.Client(str(spec(f"api-telematik/conn/{name}")), settings=settings)
        for key, name in WSDLS.items()
    }


@pytest.fixture(scope="module", params=["certificate", "basic"])
def running(
    request: Any,
    start_role: Callable[..., Any],
    pki_cache: Path,
    clients: dict[tuple[str, str], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    """Return a client of a Konnektor that is reached over mutual TLS, and over TLS with Basic."""
    pki = practice_pki(pki_cache)
    role = start_practice(start_role, pki, request.param)
    with ExitStack() as stack:
        session = stack.enter_context(requests.Session())
        session.verify = str(pki.ca)
        session.trust_env = False
        if request.param == "basic":
            session.auth = ("pvs", "geheim")
        else:
            session.cert = str(_pem(pki.client("pvs"), tmp_path_factory.mktemp("client")))
        host, port = role.address("soap")
        directory = session.get(f"https://{host}:{port}/connector.sds", timeout=10)
        proxies = dict(_proxies(directory.content, clients, session))
        yield Client(lambda *key: proxies[key], role.control, proxies=proxies)


@pytest.fixture
def client(running: Client) -> Client:
    """Return the client of a Konnektor that was set back to its start."""
    running.ask("POST", "/reset")
    return running


def _pem(file: Any, folder: Path) -> Path:
    key, certificate, _ = pkcs12.load_key_and_certificates(
        file.path.read_bytes(), file.password.encode()
    )
    assert key is not None
    assert certificate is not None
    path = folder / "client.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    os.chmod(path, 0o600)
    return path


def _proxies(directory: bytes, clients: dict[tuple[str, str], Any], session: Any) -> Any:
    for service in etree.fromstring(directory).iter("{*}Service"):
        for version in service.iter("{*}Version"):
            key = (service.get("Name"), version.get("Version"))
            client = clients[key]
            client.transport = zeep.Transport(session=session)
            (binding,) = client.wsdl.bindings
            endpoint = version.find("{*}EndpointTLS").get("Location")
            yield key, client.create_service(binding, endpoint)


def test_every_operation_of_the_official_wsdls_is_called(
    clients: dict[tuple[str, str], Any],
) -> None:
    official = {
        key: {name for binding in client.wsdl.bindings.values() for name in binding._operations}
        for key, client in clients.items()
    }
    assert {key: set(calls) for key, calls in CALLS.items()} == official


def test_the_directory_lists_them_all(running: Client) -> None:
    assert set(running.proxies) == set(CALLS)


@pytest.mark.parametrize(
    ("service", "operation"), OPERATIONS, ids=["-".join((*s, o)) for s, o in OPERATIONS]
)
def test_operation(client: Client, service: tuple[str, str], operation: str) -> None:
    CALLS[service][operation](client)


def test_fault_is_understood(client: Client) -> None:
    with pytest.raises(zeep.exceptions.Fault) as raised:
        client[EVENT].GetCards(Context={**WHO, "MandantId": "m9"})
    error = raised.value.detail[0]
    assert error.findtext("{*}Trace/{*}Code") == "4021"


def test_answers_as_mtom(client: Client, clients: dict[tuple[str, str], Any]) -> None:
    """zeep reads MTOM; it strips line ends around binary parts, so TEXT has none there."""
    cms = encrypted(client)
    seen: list[str] = []
    session = clients[ENCRYPTION].transport.session
    session.headers["Accept"] = 'multipart/related; type="application/xop+xml", text/xml'
    session.hooks["response"].append(lambda r, **_: seen.append(r.headers["Content-Type"]))
    try:
        assert decrypted(client, cms) == TEXT
    finally:
        del session.headers["Accept"]
        session.hooks["response"].clear()
    assert seen[-1].startswith("multipart/related")


@pytest.mark.parametrize("service", CALLS, ids=["-".join(service) for service in CALLS])
def test_own_wsdls_name_every_operation(
    client: Client, clients: dict[tuple[str, str], Any], service: tuple[str, str]
) -> None:
    address = client[service]._binding_options["address"]
    own = zeep.Client(f"{address}?wsdl", transport=clients[service].transport)
    assert set(own.service._operations) == set(CALLS[service])


def test_own_wsdl(client: Client, clients: dict[tuple[str, str], Any]) -> None:
    """What zeep can do with the WSDL of the product itself: call, with bodies it is given."""
    official = clients[EVENT]
    address = client[EVENT]._binding_options["address"]
    own = zeep.Client(f"{address}?wsdl", transport=official.transport)
    context = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
    common = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
    caller = etree.Element(f"{{{context}}}Context")
    for name, value in WHO.items():
        etree.SubElement(caller, f"{{{common}}}{name}").text = value
    answer = own.service.GetCards(_value_1=[caller])
    status, cards = answer._value_1
    assert status.findtext("{*}Result") == "OK"
    assert len(cards) == 3
