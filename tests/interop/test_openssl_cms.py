"""CMS between kimulator and openssl, RSA and ECC, both directions.

Client module and judge share simulators.formats: a mistake there would cancel out. openssl was
written by others and checks certificates and keys that it made itself.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from simulators.formats import (
    asn1,
    cms_attributes,
    enveloped_data,
    recipient_emails,
    signed_data,
)
from simulators.formats.certificates import certificate_id
from simulators.formats.errors import Tampered, UnknownAlgorithm

CONTENT = b"Content-Type: message/rfc822\r\n\r\n" + os.urandom(5000) + b"\r\n"
KEYS = {
    "rsa": ["-newkey", "rsa:2048"],
    "ecc": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"],
}


@dataclass(frozen=True)
class Party:
    kind: str
    directory: Path
    certificate: x509.Certificate
    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def certificate_file(self) -> str:
        return str(self.directory / f"{self.kind}.pem")

    @property
    def key_file(self) -> str:
        return str(self.directory / f"{self.kind}.key")


@pytest.fixture(scope="module")
def openssl(tool: Callable[[str], str]) -> Callable[..., bytes]:
    """Return a function that runs openssl on standard input and fails with its message."""
    program = tool("openssl")

    def run(*arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run([program, *arguments], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    return run


@pytest.fixture(scope="module")
def parties(
    openssl: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Party]:
    directory = tmp_path_factory.mktemp("openssl")
    found = {}
    for kind, arguments in KEYS.items():
        files = (directory / f"{kind}.pem", directory / f"{kind}.key")
        openssl(
            *("req", "-x509", "-nodes", "-days", "2", "-subj", f"/C=DE/CN={kind} TEST-ONLY"),
            *("-out", str(files[0]), "-keyout", str(files[1]), *arguments),
        )
        key = load_pem_private_key(files[1].read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate(files[0].read_bytes())
        found[kind] = Party(kind, directory, certificate, key)
    return found


@pytest.fixture(params=["rsa", "ecc"])
def party(request: pytest.FixtureRequest, parties: dict[str, Party]) -> Party:
    return parties[request.param]


def signed_by(party: Party, **options: object) -> bytes:
    signer = signed_data.key_signer(party.certificate, party.private_key)
    return signed_data.sign(CONTENT, signer, signing_time=datetime.now(UTC), **options)  # type: ignore[arg-type]


def verify(openssl: Callable[..., bytes], party: Party, cms: bytes, *more: str) -> bytes:
    return openssl(
        *("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"),
        *("-CAfile", party.certificate_file, *more),
        data=cms,
    )


def test_openssl_verifies_what_we_sign(openssl: Callable[..., bytes], party: Party) -> None:
    entry = recipient_emails.attribute([("a@x.kim.telematik-test", party.certificate)])
    cms = signed_by(party, attributes=[entry], content_hint="none")
    assert verify(openssl, party, cms) == CONTENT


def test_openssl_verifies_our_detached_signature(
    openssl: Callable[..., bytes], party: Party, tmp_path: Path
) -> None:
    content = tmp_path / "content"
    content.write_bytes(CONTENT)
    cms = signed_by(party, detached=True)
    assert verify(openssl, party, cms, "-content", str(content)) == CONTENT


def test_openssl_refuses_our_signature_over_something_else(
    openssl: Callable[..., bytes], party: Party
) -> None:
    cms = signed_by(party).replace(b"message/rfc822", b"message/rfc823")
    with pytest.raises(AssertionError, match="verif"):
        verify(openssl, party, cms)


def test_openssl_sees_the_six_attributes(openssl: Callable[..., bytes], party: Party) -> None:
    text = openssl(
        "cms", "-cmsout", "-print", "-inform", "DER", data=signed_by(party, content_hint="none")
    ).decode()
    attributes = text.split("signedAttrs:")[1].split("signatureAlgorithm:")[0]
    assert len(re.findall(r"^\s+object:", attributes, re.MULTILINE)) == 6
    assert f"({cms_attributes.SIGNING_CERTIFICATE_V2})" in attributes
    assert f"({cms_attributes.ALGORITHM_PROTECTION})" in attributes


def test_we_verify_what_openssl_signs(openssl: Callable[..., bytes], party: Party) -> None:
    options = ["-keyopt", "rsa_padding_mode:pss"] if party.kind == "rsa" else []
    # openssl 3.0 cannot stream a PSS signature ("illegal zero content")
    for form in [[]] if party.kind == "rsa" else [[], ["-stream"]]:
        cms = openssl(
            *("cms", "-sign", "-cades", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256"),
            *("-signer", party.certificate_file, "-inkey", party.key_file, *options, *form),
            data=CONTENT,
        )
        read = signed_data.read(cms)
        (signer,) = read.signers
        assert read.content == CONTENT
        assert (signer.digest_ok, signer.signature_ok) == (True, True)
        assert cms_attributes.SIGNING_CERTIFICATE_V2 in signer.attributes


def test_we_verify_pkcs1_and_other_hashes_of_openssl(
    openssl: Callable[..., bytes], parties: dict[str, Party]
) -> None:
    for party, digest in ((parties["rsa"], "sha256"), (parties["ecc"], "sha512")):
        cms = openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", digest),
            *("-signer", party.certificate_file, "-inkey", party.key_file),
            data=CONTENT,
        )
        (signer,) = signed_data.read(cms).signers
        assert (signer.digest_ok, signer.signature_ok) == (True, True)


def test_we_verify_a_signature_of_openssl_without_attributes(
    openssl: Callable[..., bytes], party: Party
) -> None:
    cms = openssl(
        *("cms", "-sign", "-noattr", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256"),
        *("-signer", party.certificate_file, "-inkey", party.key_file),
        data=CONTENT,
    )
    (signer,) = signed_data.read(cms).signers
    assert (signer.digest_ok, signer.signature_ok) == (True, True)
    (signer,) = signed_data.read(cms.replace(b"message/rfc822", b"message/rfc823")).signers
    assert not signer.signature_ok


def test_we_find_a_signer_that_openssl_names_by_its_key(
    openssl: Callable[..., bytes], party: Party
) -> None:
    cms = openssl(
        *("cms", "-sign", "-keyid", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256"),
        *("-signer", party.certificate_file, "-inkey", party.key_file),
        data=CONTENT,
    )
    (signer,) = signed_data.read(cms).signers
    assert signer.certificate == party.certificate
    assert signer.signature_ok


def decrypt(openssl: Callable[..., bytes], party: Party, cms: bytes) -> bytes:
    return openssl(
        *("cms", "-decrypt", "-binary", "-inform", "DER"),
        *("-recip", party.certificate_file, "-inkey", party.key_file),
        data=cms,
    )


def test_openssl_opens_what_we_encrypt(openssl: Callable[..., bytes], party: Party) -> None:
    cms = enveloped_data.encrypt(CONTENT, [party.certificate])
    assert decrypt(openssl, party, cms) == CONTENT


def test_openssl_opens_what_we_encrypt_for_both(
    openssl: Callable[..., bytes], parties: dict[str, Party]
) -> None:
    both = [party.certificate for party in parties.values()]
    cms = enveloped_data.encrypt(CONTENT, [*both, *both])
    for party in parties.values():
        assert decrypt(openssl, party, cms) == CONTENT


def test_openssl_opens_it_with_recipient_emails_once_its_tag_is_right(
    openssl: Callable[..., bytes], party: Party
) -> None:
    """openssl issue 26101: it looks for unauthAttrs under [3] instead of [2] (RFC 5083)."""
    entry = recipient_emails.attribute([("a@x.kim.telematik-test", party.certificate)])
    cms = enveloped_data.encrypt(CONTENT, [party.certificate], unauthenticated=[entry])
    under_two, under_three = (asn1.set_of([entry], asn1.context(number)) for number in (2, 3))
    assert cms.endswith(under_two)
    assert decrypt(openssl, party, cms.removesuffix(under_two) + under_three) == CONTENT


def encrypted_by(openssl: Callable[..., bytes], party: Party, *more: str) -> bytes:
    options = {
        "rsa": ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"),
        "ecc": ("ecdh_kdf_md:sha256",),
    }[party.kind]
    return openssl(
        *("cms", "-encrypt", "-aes-256-gcm", "-binary", "-outform", "DER", *more),
        *("-recip", party.certificate_file),
        *(word for option in options for word in ("-keyopt", option)),
        data=CONTENT,
    )


def test_we_open_what_openssl_encrypts(openssl: Callable[..., bytes], party: Party) -> None:
    for form in ((), ("-stream",)):
        read = enveloped_data.read(encrypted_by(openssl, party, *form))
        assert read.recipients == (certificate_id(party.certificate),)
        assert read.unauthenticated == {}
        name = certificate_id(party.certificate)
        assert read.decrypt(name, party.private_key) == CONTENT


def test_we_notice_that_openssls_message_was_altered(
    openssl: Callable[..., bytes], party: Party
) -> None:
    cms = bytearray(encrypted_by(openssl, party))
    cms[-40] ^= 1
    with pytest.raises(Tampered):
        enveloped_data.read(bytes(cms)).decrypt(
            certificate_id(party.certificate), party.private_key
        )


def test_openssls_default_key_transport_is_not_kims(
    openssl: Callable[..., bytes], parties: dict[str, Party]
) -> None:
    """RSA PKCS#1 v1.5, and ECDH with SHA-1 in its KDF, are named, not opened."""
    for party in parties.values():
        cms = openssl(
            *("cms", "-encrypt", "-aes-256-gcm", "-binary", "-outform", "DER"),
            party.certificate_file,
            data=CONTENT,
        )
        with pytest.raises(UnknownAlgorithm):
            enveloped_data.read(cms).decrypt(certificate_id(party.certificate), party.private_key)
