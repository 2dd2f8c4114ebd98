"""Handshakes of the TLS contexts that all roles use, in memory."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from simulators.process.errors import InputError
from simulators.process.settings import TlsIdentity
from simulators.process.tls import client_context, load_pkcs12, server_context

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
NAME = "server.test"
PASSWORD = "Import-1"


def self_signed(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return {
        "RSA": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ECC": ec.generate_private_key(ec.SECP256R1()),
    }


@pytest.fixture(scope="module")
def identities(
    keys: dict[str, Key], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, TlsIdentity]:
    directory = tmp_path_factory.mktemp("tls")
    made = {}
    for kind, key in keys.items():
        certificate, private = directory / f"{kind}.crt", directory / f"{kind}.key"
        certificate.write_bytes(self_signed(key).public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made[kind] = TlsIdentity(certificate=certificate, key=private)
    return made


@pytest.fixture
def trusting(identities: dict[str, TlsIdentity], tmp_path: Path) -> Path:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(one.certificate.read_bytes() for one in identities.values()))
    return both


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ...]:
    """Return the ends of a connection after the handshake; raises what refuses it."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(back, there, server_hostname=NAME),
        server.wrap_bio(there, back, server_side=True),
    )
    waiting = set(ends)
    for _ in range(10):
        for end in tuple(waiting):
            try:
                end.do_handshake()
                waiting.discard(end)
            except ssl.SSLWantReadError:
                continue
    assert not waiting
    return ends


@pytest.mark.requirement("KOM-LE-A_2064-02")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["RSA", "ECC"])
def test_tls_1_2_and_1_3_with_either_key(
    identities: dict[str, TlsIdentity], kind: str, version: ssl.TLSVersion
) -> None:
    client = client_context(identities[kind].certificate)
    client.maximum_version = version
    ours, _ = shake_hands(server_context(identities[kind]), client)
    assert ours.version() == version.name.replace("_", ".")
    name, _, bits = ours.cipher() or ("", "", 0)
    assert "GCM" in name or "CHACHA20" in name
    assert bits >= 128


@pytest.mark.requirement("KOM-LE-A_2064-02")
@pytest.mark.parametrize("old", ["server", "client"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_versions_are_refused(identities: dict[str, TlsIdentity], old: str) -> None:
    server = server_context(identities["ECC"])
    client = client_context(identities["ECC"].certificate)
    outdated = server if old == "server" else client
    outdated.set_ciphers("ALL:@SECLEVEL=0")
    outdated.minimum_version = ssl.TLSVersion.TLSv1
    outdated.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol|version"):
        shake_hands(server, client)


@pytest.mark.requirement("KOM-LE-A_2064-02")
@pytest.mark.parametrize(
    ("kind", "suite"),
    [
        ("ECC", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ECC", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("RSA", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("RSA", "ECDHE-RSA-AES256-GCM-SHA384"),
    ],
)
def test_the_suites_of_the_ti(identities: dict[str, TlsIdentity], kind: str, suite: str) -> None:
    """gemSpec_Krypt, TLS 1.2: one side can do nothing else, once the client, once the server."""
    for strict in (0, 1):
        server, client = (
            server_context(identities[kind]),
            client_context(identities[kind].certificate),
        )
        only = (server, client)[strict]
        only.maximum_version = ssl.TLSVersion.TLSv1_2
        only.set_ciphers(suite)
        ours, _ = shake_hands(server, client)
        assert (ours.cipher() or ("",))[0] == suite


@pytest.mark.requirement("A_17239")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_ecc_is_preferred_where_the_server_has_both(
    identities: dict[str, TlsIdentity], trusting: Path, version: ssl.TLSVersion
) -> None:
    """The server follows the client's order, so what it shows is what the client prefers."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.maximum_version = version
    for one in identities.values():
        server.load_cert_chain(one.certificate, one.key)
    ours, _ = shake_hands(server, client_context(trusting))
    shown = x509.load_der_x509_certificate(ours.getpeercert(binary_form=True) or b"")
    assert isinstance(shown.public_key(), ec.EllipticCurvePublicKey)


@pytest.mark.requirement("A_17239", "A_18783", "A_19513")
@pytest.mark.parametrize("kind", ["RSA", "ECC"])
def test_key_and_certificate_come_from_a_pkcs12_file(
    keys: dict[str, Key], identities: dict[str, TlsIdentity], tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "client.p12"
    certificate = x509.load_pem_x509_certificate(identities[kind].certificate.read_bytes())
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(
            *(b"client", keys[kind], certificate, None),
            BestAvailableEncryption(PASSWORD.encode()),
        )
    )
    client = client_context(identities["ECC"].certificate)
    loaded = load_pkcs12(client, file, PASSWORD)
    assert loaded == certificate.public_bytes(Encoding.DER)
    required = server_context(identities["ECC"], identities[kind].certificate, require_client=True)
    _, theirs = shake_hands(required, client)
    assert theirs.getpeercert(binary_form=True) == loaded
    with pytest.raises(InputError, match="PKCS#12"):
        load_pkcs12(client_context(None), file, "falsch")
