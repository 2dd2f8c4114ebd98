"""The Konnektor's service directory and what follows from it."""

from __future__ import annotations

import pytest

from clientmodule.konnektor.faults import KonnektorUnreachable
from clientmodule.konnektor.service_directory import read_service_directory
from clientmodule.konnektor.soap import last_trace
from clientmodule.konnektor.xml import parse
from clientmodule.sending.rounds import encrypts_for_all, signature_crypt

SIGNATURE = "http://ws.gematik.de/conn/SignatureService/v7."


def directory(*services: tuple[str, str, str]) -> bytes:
    listed = "".join(
        f'<SI:Service Name="{name}"><SI:Versions><SI:Version TargetNamespace="{namespace}" '
        f'Version="{version}"><SI:EndpointTLS Location="https://k/{version}"/></SI:Version>'
        "</SI:Versions></SI:Service>"
        for name, namespace, version in services
    )
    return (
        '<C:ConnectorServices xmlns:C="http://ws.gematik.de/conn/ServiceDirectory/v3.1" '
        'xmlns:SI="http://ws.gematik.de/conn/ServiceInformation/v2.0" '
        'xmlns:P="http://ws.gematik.de/int/version/ProductInformation/v1.1">'
        "<P:ProductInformation><P:ProductTypeInformation><P:ProductType>Konnektor PTV6"
        "</P:ProductType><P:ProductTypeVersion>6.0.0</P:ProductTypeVersion>"
        "</P:ProductTypeInformation><P:HWVersion>2.0.0</P:HWVersion><P:FWVersion>5.0.5"
        "</P:FWVersion><P:ProductName>Muster</P:ProductName></P:ProductInformation>"
        f"<SI:ServiceInformation>{listed}</SI:ServiceInformation></C:ConnectorServices>"
    ).encode()


@pytest.mark.requirement("KOM-LE-A_2077")
def test_newest_supported_version() -> None:
    """KOM-LE-A_2077: compared as numbers, and only what the client module speaks."""
    read = read_service_directory(
        directory(
            ("SignatureService", SIGNATURE + "4", "7.4.10"),
            ("EventService", "e", "7.2.0"),
        )
    )
    assert read.newest("SignatureService", [SIGNATURE + "4"]).version == (7, 4, 10)
    with pytest.raises(KonnektorUnreachable):
        read.newest("SignatureService", [SIGNATURE + "5"])
    with pytest.raises(KonnektorUnreachable):
        read.newest("EncryptionService", ["x"])


def test_either_namespace_of_a_service_is_understood() -> None:
    """Konnektoren name the namespace of the WSDL, or that of the messages."""
    of_wsdl = "http://ws.gematik.de/conn/SignatureService/WSDL/v7.4"
    read = read_service_directory(directory(("SignatureService", of_wsdl, "7.4.2")))
    assert read.newest("SignatureService", [SIGNATURE + "4"]).namespace == SIGNATURE + "4"


@pytest.mark.requirement("A_21388-01")
def test_version_header() -> None:
    """A_21388-01."""
    read = read_service_directory(directory(("EventService", "e", "7.2.0")))
    assert read.version_header == "<Muster><Konnektor PTV6><6.0.0><2.0.0><5.0.5>"


@pytest.mark.requirement("A_17464")
@pytest.mark.parametrize(
    ("signature", "encryption", "ecc"),
    [("7.4.1", "6.1.1", True), ("7.5.6", "6.1.2", True), ("7.4.0", "6.1.1", False),
     ("7.4.1", "6.1.0", False)],
)  # fmt: skip
def test_ecc(signature: str, encryption: str, ecc: bool) -> None:
    """A_17464."""
    read = read_service_directory(
        directory(("SignatureService", "s", signature), ("EncryptionService", "e", encryption))
    )
    assert read.supports_ecc is ecc


@pytest.mark.parametrize("content", [b"", b"<a", b"<a/>", b"\xff\xfe", b"kein XML"])
def test_what_is_no_directory(content: bytes) -> None:
    with pytest.raises(KonnektorUnreachable):
        read_service_directory(content)


def test_entities_are_not_expanded() -> None:
    text = b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'
    assert "root" not in (parse(text).text or "")


def test_last_trace_counts() -> None:
    """gemILF_PS 6.1."""
    traces = "".join(
        f"<Trace><Code>{code}</Code><ErrorText>Text {code}</ErrorText></Trace>"
        for code in (10000, 4085)
    )
    error = parse(f'<Error xmlns="http://ws.gematik.de/tel/error/v2.0">{traces}</Error>'.encode())
    assert last_trace(error) == (4085, "Text 4085")
    assert last_trace(parse(b"<a/>")) is None


@pytest.mark.requirement("KOM-LE-A_2020", "KOM-LE-A_2022")
@pytest.mark.parametrize(
    ("release", "all_certificates"),
    [("1.5.2-8", True), ("1.5.2", True), ("1.5.0-2", True), ("1.5.2-9", False),
     ("1.5.3", False), ("1.5.2-10", False)],
)  # fmt: skip
def test_releases(release: str, all_certificates: bool) -> None:
    """ecc-migration.md: from 1.5.2-9 on RSA only if there is nothing else."""
    assert encrypts_for_all(release) is all_certificates
    assert signature_crypt(release, "auto", ecc=True) == ("RSA" if all_certificates else "RSA_ECC")
    assert signature_crypt(release, "auto", ecc=False) == "RSA"
    assert signature_crypt(release, "ECC", ecc=True) == "ECC"
