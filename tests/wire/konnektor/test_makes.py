"""A make of its own: what differs between Konnektoren, and what no source confirms, can be set."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from simulators.formats import enveloped_data
from simulators.formats.certificates import certificate_id
from simulators.makes.make import Make
from simulators.pki.cards import read_card
from simulators.process.randomness import Randomness
from tests.konnektor_site import (
    ENVELOPING,
    HBA,
    PREFIXES,
    SMCB,
    SMCB_G20,
    Answer,
    Site,
    context,
    document,
    envelope,
    schema,
)

DIGEST = hashlib.sha512(b"challenge").digest()


@pytest.fixture(scope="module")
def other(start_site: Any) -> Site:
    """Return a Konnektor of generation PTV6 that goes further than the usual one."""
    make = {
        "target_namespace": "wsdl",
        "encrypt_rsa_ecc": "ecc",
        "authenticate_rsa": "ecdsa",
        "texts": {"1047": "Zertifikat gesperrt"},
    }
    ends = {"qes": "2028-01-01", "qes_g20": "2028-07-01", "smcb": [{"day": "2028-07-01"}]}
    started: Site = start_site(make=make, rsa_ends=ends, authentication="none", client=None)
    return replace(started, plain=True)


def authenticate(site: Site, digest: bytes, iccsn: str = SMCB, **who: Any) -> Any:
    return site.call(
        "AUTH",
        "ExternalAuthenticate",
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{context(**who)}"
        "<SIG74:BinaryString><dss:Base64Data>"
        f"{base64.b64encode(digest).decode()}</dss:Base64Data></SIG74:BinaryString>",
    )


def test_the_directory_names_the_bindings(other: Site, spec: Any) -> None:
    _, content = other.get("/connector.sds")
    found = {v.get("TargetNamespace") for v in etree.fromstring(content).iter("{*}Version")}
    wsdls = (
        *("EventService", "CardService_v8_1_2", "CertificateService_v6_0_1"),
        *("SignatureService_V7_4_2", "SignatureService_V7_5_6", "EncryptionService_v6_1_1"),
        *("AuthSignatureService_v7_4_1", "CardTerminalService"),
    )
    files = [spec(f"api-telematik/conn/{name}.wsdl") for name in wsdls]
    assert found == {etree.parse(file).getroot().get("targetNamespace") for file in files}


def test_ecdsa_where_rsa_was_usual(other: Site) -> None:
    answer = authenticate(other, DIGEST[:32])
    assert answer.binary("//dss:Base64Signature[@Type='urn:bsi:tr:03111:ecdsa']")
    key: Any = read_card(other.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate.public_key()
    hashed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    key.verify(answer.binary("//dss:Base64Signature"), DIGEST[:32], hashed)


def test_a_card_without_ecc_goes_on_with_rsa(other: Site) -> None:
    answer = authenticate(other, DIGEST[:32], SMCB_G20, mandant="m2")
    assert answer.binary("//dss:Base64Signature[@Type='urn:ietf:rfc:3447']")


def test_encrypts_for_ecc_only(other: Site) -> None:
    answer = other.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys><CRYPT:CertificateOnCard><CONN:CardHandle>"
        f"{other.handle(SMCB)}</CONN:CardHandle><CRYPT:Crypt>RSA_ECC</CRYPT:Crypt>"
        "</CRYPT:CertificateOnCard></CRYPT:RecipientKeys><CONN:Document><dss:Base64Data>eA=="
        "</dss:Base64Data></CONN:Document>",
    )
    ecc = read_card(other.pki.card(SMCB)).objects["C.ENC", "ECC"].certificate
    assert answer.code is None
    cms = answer.binary("//dss:Base64Data")
    assert enveloped_data.read(cms).recipients == (certificate_id(ecc),)


def test_rsa_ends_by_the_virtual_clock(other: Site) -> None:
    def code(day: str) -> int | None:
        other.role.ask("PUT", "/clock", {"now": f"{day}T12:00:00+00:00"})
        return other.sign(SMCB_G20, document(b"x"), ENVELOPING, context=context("m2")).code

    assert [code("2028-06-30"), code("2028-07-01")] == [None, 4058]
    other.role.ask("POST", "/reset")


def test_its_own_words(other: Site, ocsp: Any) -> None:
    certificate = read_card(other.pki.card(HBA)).objects["C.AUT", "RSA"].certificate
    ocsp.ask("PUT", f"/certificates/{certificate.serial_number}", {"status": "revoked"})
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    answer = other.call(
        "CERT",
        "VerifyCertificate",
        f"{context()}<CERTCMN:X509Certificate>{encoded}</CERTCMN:X509Certificate>",
    )
    ocsp.ask("POST", "/reset")
    assert answer.code == 1047
    assert answer.text("//GERROR:ErrorText") == "Zertifikat gesperrt"


PROFILES = ["ahorn", "eiche"]  # all of them: tests/unit/konnektor/test_make_directories.py


def listed(site: Site) -> list[tuple[str, str, str]]:
    """Return service, version and address, in the order of the service directory."""
    _, content = site.get("/connector.sds")
    return [
        (
            service.get("Name"),
            version.get("Version"),
            version.find("{*}EndpointTLS").get("Location"),
        )
        for service in etree.fromstring(content).iter("{*}Service")
        for version in service.iter("{*}Version")
    ]


@pytest.fixture(scope="module")
def of_profile(start_site: Any) -> Any:
    """Return a function from a profile's name to a Konnektor of this make, but as fast as ours."""
    sites: dict[str, Site] = {}

    def get(name: str) -> Site:
        if name not in sites:
            quick = {"usual": 0, "jitter": 0, "operations": dict.fromkeys(SLOW, 0)}
            sites[name] = start_site(make={"profile": name, "latency": quick})
        return sites[name]

    return get


SLOW = ("SignDocument", "ReadCardCertificate", "VerifyPin")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_serves_what_its_directory_lists(of_profile: Any, name: str, spec: Any) -> None:
    site, make = of_profile(name), Make.model_validate({"profile": name})
    _, content = site.get("/connector.sds")
    schema(spec("api-telematik/conn/ServiceDirectory.xsd")).assertValid(etree.fromstring(content))
    found = listed(site)
    addresses = [address for _, _, address in found]
    assert len(set(addresses)) == len(addresses)
    services = list(dict.fromkeys(service for service, _, _ in found))
    assert services[: len(make.order)] == make.order
    signing = [version for service, version, _ in found if service == "SignatureService"]
    assert signing == sorted(signing, reverse=make.newest_first)
    event = next(address for service, _, address in found if service == "EventService")
    path = event.removeprefix(site.url)
    assert path.startswith(make.base_path)
    body = f"<EVT:GetCards>{context()}</EVT:GetCards>"
    status, answer = with_action(site, path, body)
    assert (status, b"GetCardsResponse" in answer) == (200, True)


def with_action(site: Site, path: str, body: str) -> tuple[int, bytes]:
    """POST as a strict make wants it."""
    connection = site.connection()
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"http://ws.gematik.de/conn/EventService/v7.2#GetCards"',
    }
    connection.request("POST", path, envelope(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def traces(answer: Answer) -> list[dict[str, str]]:
    """Return the Traces of a fault as tables."""
    found = answer.body.findall(".//GERROR:Trace", PREFIXES)
    return [{etree.QName(part).localname: part.text or "" for part in trace} for trace in found]


def test_a_vendors_trace_stands_before_gematiks(of_profile: Any) -> None:
    answer = of_profile("ahorn").call("EVT", "GetCards", context("m9"))
    vendor, last = traces(answer)
    assert (vendor["Code"], vendor["ErrorText"]) == ("10101", "Anfrage abgewiesen")
    assert (last["Code"], last["ErrorText"]) == ("4004", "Ungültige Mandanten-ID")
    assert last["LogReference"]
    assert vendor["Severity"] == last["Severity"] == "Error"
    assert answer.text("faultstring") == last["ErrorText"]


@pytest.fixture(scope="module")
def shaped(start_site: Any) -> Site:
    """Return a Konnektor that tells little of its faults and is slow at GetCards."""
    started: Site = start_site(
        make={
            "trace": {"event_id": False, "instance": "", "component": "AK", "detail": False},
            "unknown_handle": {"ReadCardCertificate": 4101},
            "latency": {"jitter": 20, "operations": {"GetCards": 30}},
        }
    )
    return started


def test_fields_of_a_trace_that_a_make_leaves_empty(shaped: Site) -> None:
    (trace,) = traces(shaped.call("EVT", "GetCards", "<CCTX:Context/><EVT:Falsch/>"))
    assert (trace["EventID"], trace["Instance"], trace["CompType"]) == ("", "", "AK")
    assert "Detail" not in trace


def read_certificate(site: Site, handle: str) -> int | None:
    return site.call(
        "CERT",
        "ReadCardCertificate",
        f"<CONN:CardHandle>{handle}</CONN:CardHandle>{context()}"
        "<CERT:CertRefList><CERT:CertRef>C.AUT</CERT:CertRef></CERT:CertRefList>",
    ).code


def test_an_unknown_handle(shaped: Site, site: Site) -> None:
    assert read_certificate(site, "gibt-es-nicht") == 4008
    assert read_certificate(shaped, "gibt-es-nicht") == 4101


def test_latency_is_seeded(shaped: Site) -> None:
    """The same seed waits the same, beyond what the work takes."""
    shaped.role.ask("POST", "/reset")
    for _ in range(3):
        shaped.call("EVT", "GetCards", context())
    waited = Randomness(7, "konnektor").stream("latency")
    least = [30 + waited.uniform(-1, 1) * 20 for _ in range(3)]
    took = [e["milliseconds"] for e in shaped.role.journal() if e["step"] == "GetCards"]
    assert all(real >= planned for real, planned in zip(took, least, strict=True))


def test_tls_as_the_make_speaks_it(of_profile: Any) -> None:
    site = of_profile("eiche")  # at most 1.2
    connection = site.connection()
    connection.connect()
    assert connection.sock.version() == "TLSv1.2"
    connection.close()
