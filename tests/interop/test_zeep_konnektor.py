"""zeep with the official WSDLs calls every operation of the Konnektor."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
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

from tests.konnektor_site import HBA, SMCB, site_pki, site_settings

zeep = pytest.importorskip("zeep")

WSDLS = {
    ("EventService", "7.2.0"): "EventService.wsdl",
    ("CardService", "8.1.2"): "CardService_v8_1_2.wsdl",
    ("CertificateService", "6.0.1"): "CertificateService_v6_0_1.wsdl",
    ("SignatureService", "7.4.2"): "SignatureService_V7_4_2.wsdl",
    ("SignatureService", "7.5.6"): "SignatureService_V7_5_6.wsdl",
    ("EncryptionService", "6.1.1"): "EncryptionService_v6_1_1.wsdl",
    ("AuthSignatureService", "7.4.1"): "AuthSignatureService_v7_4_1.wsdl",
}
WHO = {"MandantId": "m1", "ClientSystemId": "cs1", "WorkplaceId": "w1"}
EVA = {**WHO, "UserId": "eva"}
TEXT = b"Befund\r\n"


@dataclass
class Konnektor:
    """The Konnektor as zeep sees it: a service proxy for each entry of the service directory."""

    services: dict[tuple[str, str], Any]

    def __getitem__(self, key: tuple[str, str]) -> Any:
        return self.services[key]

    def handle(self, iccsn: str) -> str:
        cards = self["EventService", "7.2.0"].GetCards(Context=WHO).Cards.Card
        return str(next(card.CardHandle for card in cards if card.Iccsn == iccsn))


@pytest.fixture(scope="module")
def clients(spec: Callable[[str], Path]) -> dict[tuple[str, str], Any]:
    """Return zeep's client for each official WSDL."""
    settings = zeep.Settings(forbid_entities=False)
    return {
        key: zeep.Client(str(spec(f"api-telematik/conn/{name}")), settings=settings)
        for key, name in WSDLS.items()
    }


@pytest.fixture(scope="module", params=["certificate", "basic"])
def konnektor(
    request: Any,
    start_role: Callable[..., Any],
    pki_cache: Path,
    clients: dict[tuple[str, str], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Konnektor]:
    """Return a running Konnektor, reached over mutual TLS and over TLS with Basic."""
    pki = site_pki(pki_cache)
    responder = start_role("simulators.pki", {"pki": str(pki.directory), "listeners": {"ocsp": {}}})
    host, port = responder.address("ocsp")
    settings = site_settings(
        pki, ocsp_url=f"http://{host}:{port}/ocsp", authentication=request.param
    )
    role = start_role("simulators.konnektor", settings)
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
        yield Konnektor(dict(_proxies(directory.content, clients, session)))


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
    from lxml import etree

    for service in etree.fromstring(directory).iter("{*}Service"):
        for version in service.iter("{*}Version"):
            key = (service.get("Name"), version.get("Version"))
            client = clients[key]
            client.transport = zeep.Transport(session=session)
            (binding,) = client.wsdl.bindings
            endpoint = version.find("{*}EndpointTLS").get("Location")
            yield key, client.create_service(binding, endpoint)


def test_cards_and_terminals(konnektor: Konnektor) -> None:
    service = konnektor["EventService", "7.2.0"]
    answer = service.GetCards(**{"mandant-wide": True}, Context=WHO, CardType="SM-B")
    assert [card.Iccsn for card in answer.Cards.Card] == [SMCB]
    assert answer.Status.Result == "OK"
    terminals = service.GetCardTerminals(Context=WHO).CardTerminals.CardTerminal
    assert [terminal.CtId for terminal in terminals] == ["t1"]


def test_pins(konnektor: Konnektor) -> None:
    service = konnektor["CardService", "8.1.2"]
    handle = konnektor.handle(SMCB)
    state = service.GetPinStatus(Context=WHO, CardHandle=handle, PinTyp="PIN.SMC")
    assert state.PinStatus == "VERIFIED"
    entered = service.VerifyPin(Context=WHO, CardHandle=handle, PinTyp="PIN.SMC")
    assert entered.PinResult == "OK"


def test_certificates(konnektor: Konnektor) -> None:
    service = konnektor["CertificateService", "6.0.1"]
    read = service.ReadCardCertificate(
        CardHandle=konnektor.handle(SMCB),
        Context=WHO,
        CertRefList={"CertRef": ["C.AUT", "C.ENC", "C.SIG"]},
        Crypt="ECC",
    )
    entries = read.X509DataInfoList.X509DataInfo
    assert [entry.CertRef for entry in entries] == ["C.AUT", "C.ENC", "C.SIG"]
    verified = service.VerifyCertificate(
        Context=WHO, X509Certificate=entries[1].X509Data.X509Certificate
    )
    assert verified.VerificationStatus.VerificationResult == "VALID"


@pytest.mark.parametrize("version", ["7.4.2", "7.5.6"])
@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
def test_sign_and_verify(konnektor: Konnektor, version: str, crypt: str) -> None:
    service = konnektor["SignatureService", version]
    signed = service.SignDocument(
        CardHandle=konnektor.handle(SMCB),
        Crypt=crypt,
        Context=WHO,
        TvMode="NONE",
        JobNumber=service.GetJobNumber(Context=WHO),
        SignRequest=[_sign_request()],
    )
    assert signed[0].Status.Result == "OK"
    signature = signed[0].SignatureObject.Base64Signature
    assert signature.Type == "urn:ietf:rfc:5652"
    verified = service.VerifyDocument(
        Context=WHO,
        OptionalInputs={"ReturnVerificationReport": {}},
        SignatureObject={"Base64Signature": signature},
        IncludeRevocationInfo=False,
    )
    assert verified.VerificationResult.HighLevelResult == "VALID"
    assert verified.OptionalOutputs.VerificationReport.IndividualReport


def test_qes(konnektor: Konnektor) -> None:
    service = konnektor["SignatureService", "7.5.6"]
    signed = service.SignDocument(
        CardHandle=konnektor.handle(HBA),
        Context=EVA,
        TvMode="NONE",
        JobNumber=service.GetJobNumber(Context=WHO),
        SignRequest=[_sign_request("eAU", revocation=True)],
    )
    assert signed[0].SignatureObject.Base64Signature._value_1


def test_encrypt_and_decrypt(konnektor: Konnektor) -> None:
    service = konnektor["EncryptionService", "6.1.1"]
    handle = konnektor.handle(SMCB)
    encrypted = service.EncryptDocument(
        Context=WHO,
        RecipientKeys={"CertificateOnCard": {"CardHandle": handle, "Crypt": "RSA_ECC"}},
        Document={"Base64Data": {"_value_1": TEXT, "MimeType": "text/plain"}},
        OptionalInputs={"EncryptionType": "urn:ietf:rfc:5652"},
    )
    cms = encrypted.Document.Base64Data._value_1
    decrypted = service.DecryptDocument(
        Context=WHO,
        PrivateKeyOnCard={"CardHandle": handle},
        Document={"Base64Data": {"_value_1": cms}},
    )
    assert decrypted.Document.Base64Data._value_1 == TEXT


def test_external_authenticate(konnektor: Konnektor) -> None:
    answer = konnektor["AuthSignatureService", "7.4.1"].ExternalAuthenticate(
        CardHandle=konnektor.handle(SMCB),
        Context=WHO,
        OptionalInputs={"SignatureType": "urn:bsi:tr:03111:ecdsa"},
        BinaryString={
            "Base64Data": {
                "_value_1": hashlib.sha256(TEXT).digest(),
                "MimeType": "application/octet-stream",
            }
        },
    )
    assert answer.SignatureObject.Base64Signature._value_1[:1] == b"\x30"


def test_fault_is_understood(konnektor: Konnektor) -> None:
    with pytest.raises(zeep.exceptions.Fault) as raised:
        konnektor["EventService", "7.2.0"].GetCards(Context={**WHO, "MandantId": "m9"})
    error = raised.value.detail[0]
    assert error.findtext("{*}Trace/{*}Code") == "4021"


def _sign_request(short_text: str = "none", revocation: bool = False) -> dict[str, Any]:
    return {
        "RequestID": "r1",
        "OptionalInputs": {"SignatureType": "urn:ietf:rfc:5652", "IncludeEContent": True},
        "Document": {
            "ShortText": short_text,
            "Base64Data": {"_value_1": TEXT, "MimeType": "text/plain"},
        },
        "IncludeRevocationInfo": revocation,
    }
