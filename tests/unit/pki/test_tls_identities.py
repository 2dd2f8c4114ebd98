"""TLS with the certificates of a tree: Python's ssl on both ends, no port needed."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulators.pki.tree import Pkcs12File, PkiTree
from simulators.process.errors import InputError
from simulators.process.tls import client_context, load_pkcs12, server_context


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes | None:
    """Shake hands in memory; return the client certificate that the server saw."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_server = server.wrap_bio(to_server, to_client, server_side=True)
    at_client = client.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(6):
        for side in (at_client, at_server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    at_client.write(b"ping")
    assert at_server.read(4) == b"ping"
    return at_server.getpeercert(binary_form=True)


@pytest.mark.parametrize("name", ["mail", "konnektor"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "kim.internal", "10.1.2.3"])
def test_every_server_is_valid_for_the_worlds_hosts(tree: PkiTree, name: str, host: str) -> None:
    handshake(server_context(tree.tls(name)), client_context(tree.ca), host)


def test_a_server_is_valid_for_its_own_name_only(tree: PkiTree) -> None:
    client = client_context(tree.ca)
    handshake(server_context(tree.tls("mail")), client, "mail.dom1.kim.telematik-test")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(server_context(tree.tls("konnektor")), client, "mail.dom1.kim.telematik-test")


def test_pythons_strict_checks_are_passed(tree: PkiTree) -> None:
    client = client_context(tree.ca)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    handshake(server_context(tree.tls("mail")), client, "localhost")


def client_with(file: Pkcs12File, ca: Path) -> tuple[ssl.SSLContext, bytes]:
    context = client_context(ca)
    return context, load_pkcs12(context, file.path, file.password)


def test_a_client_module_is_let_in_by_the_provider(tree: PkiTree) -> None:
    client, der = client_with(tree.kim_certificate("praxis"), tree.ca)
    server = server_context(tree.tls("mail"), tree.provider_ca, require_client=True)
    assert handshake(server, client, "localhost") == der


def test_another_provider_is_let_in_by_the_provider(tree: PkiTree) -> None:
    client = client_context(tree.ca, tree.tls("mail"))
    server = server_context(tree.tls("mail"), tree.provider_ca, require_client=True)
    assert handshake(server, client, "localhost") is not None


def test_a_clientsystem_is_let_in_by_its_konnektor(tree: PkiTree) -> None:
    client, der = client_with(tree.client("pvs"), tree.ca)
    server = server_context(tree.tls("konnektor"), tree.clients_ca, require_client=True)
    assert handshake(server, client, "localhost") == der


def test_a_clientsystem_is_not_let_in_by_the_provider(tree: PkiTree) -> None:
    client, _ = client_with(tree.client("pvs"), tree.ca)
    server = server_context(tree.tls("mail"), tree.provider_ca, require_client=True)
    with pytest.raises(ssl.SSLError):
        handshake(server, client, "localhost")


def test_a_client_module_is_not_let_in_by_the_konnektor(tree: PkiTree) -> None:
    client, _ = client_with(tree.kim_certificate("praxis"), tree.ca)
    server = server_context(tree.tls("konnektor"), tree.clients_ca, require_client=True)
    with pytest.raises(ssl.SSLError):
        handshake(server, client, "localhost")


def test_a_wrong_password_opens_nothing(tree: PkiTree) -> None:
    with pytest.raises(InputError, match="not readable as PKCS#12"):
        load_pkcs12(client_context(tree.ca), tree.client("pvs").path, "wrong")


def test_names_and_fingerprint_of_a_kim_certificate(tree: PkiTree) -> None:
    file = tree.kim_certificate("praxis")
    _, certificate, chain = pkcs12.load_key_and_certificates(
        file.path.read_bytes(), file.password.encode()
    )
    assert certificate is not None
    names = {attribute.oid: attribute.value for attribute in certificate.subject}
    assert names[NameOID.COMMON_NAME] == "praxis.sonnenschein#CM"
    assert names[NameOID.ORGANIZATION_NAME] == "kimulator TEST-ONLY - NOT-VALID"
    assert file.fingerprint == certificate.fingerprint(hashes.SHA256()).hex()
    assert len(chain) == 1
    assert len(file.password) >= 20


@pytest.mark.parametrize(
    ("name", "key", "policies", "role"),
    [
        ("mail", ec.EllipticCurvePublicKey, {".163", ".169", ".168"}, ".172"),
        ("konnektor", rsa.RSAPublicKey, {".163", ".79"}, None),
    ],
)
def test_profiles_of_servers(
    tree: PkiTree, name: str, key: type, policies: set[str], role: str | None
) -> None:
    pem = tree.tls(name).certificate.read_bytes()
    certificate, issuer = x509.load_pem_x509_certificates(pem)
    certificate.verify_directly_issued_by(issuer)
    assert isinstance(certificate.public_key(), key)
    get = certificate.extensions.get_extension_for_class
    prefix = "1.2.276.0.76.4"
    found = {p.policy_identifier.dotted_string for p in get(x509.CertificatePolicies).value}
    assert found == {prefix + policy for policy in policies}
    usage = get(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment is (key is rsa.RSAPublicKey)
    assert set(get(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    if role:
        info = get(x509.Admissions).value[0].profession_infos[0]
        assert [oid.dotted_string for oid in info.profession_oids or []] == [prefix + role]


def test_every_certificate_says_that_it_is_for_tests(tree: PkiTree) -> None:
    for path in tree.directory.rglob("*.pem"):
        for certificate in (
            x509.load_pem_x509_certificates(path.read_bytes() or b"")
            if (b"BEGIN CERT" in path.read_bytes())
            else ()
        ):
            for name in (certificate.subject, certificate.issuer):
                text = name.rfc4514_string()
                assert "TEST-ONLY" in text or "NOT-VALID" in text, path
            assert certificate.public_bytes(Encoding.DER)
