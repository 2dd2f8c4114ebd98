"""openssl judges what the Konnektor makes, and the Konnektor accepts what openssl makes."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fpdf import FPDF

from simulators.pki.cards import CardObject, read_card
from simulators.pki.tree import PkiTree
from tests.konnektor_site import (
    CMS,
    ENVELOPING,
    HBA,
    SMCB,
    SMCB_G20,
    Site,
    context,
    document,
    site_pki,
    site_settings,
)

CONTENT = b"Content-Type: message/rfc822\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n" * 50
KINDS = ["RSA", "ECC"]


@pytest.fixture(scope="module")
def site(start_role: Callable[..., Any], pki_cache: Path, spec: Callable[[str], Path]) -> Site:
    """Return a Konnektor of generation PTV5, which signs with RSA when asked to."""
    pki = site_pki(pki_cache)
    responder = start_role("simulators.pki", {"pki": str(pki.directory), "listeners": {"ocsp": {}}})
    host, port = responder.address("ocsp")
    url = f"http://{host}:{port}/ocsp"
    settings = site_settings(
        pki, ocsp_url=url, authentication="none", generation="PTV5",
        pins={SMCB: {"PIN.SMC": {"state": "VERIFIED"}}, HBA: {"PIN.CH": {"state": "VERIFIED"}}},
    )  # fmt: skip
    role = start_role("simulators.konnektor", settings)
    return Site(role, pki, client=None, plain=True, schemas=spec)


@pytest.fixture
def openssl(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs ``openssl cms`` in a directory of its own."""
    program = tool("openssl")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, "cms", *arguments], cwd=tmp_path, capture_output=True, check=False
        )
        output = done.stderr.decode("utf-8", "replace")
        assert done.returncode == 0, output
        return output

    return run


def card_object(pki: PkiTree, iccsn: str, reference: str, crypt: str) -> CardObject:
    return read_card(pki.card(iccsn)).objects[reference, crypt]  # type: ignore[index]


def write_key(folder: Path, found: CardObject) -> None:
    """Write certificate and key of a test card for openssl."""
    (folder / "card.crt").write_bytes(found.certificate.public_bytes(Encoding.PEM))
    pem = found.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "card.key").write_bytes(pem)


@pytest.mark.parametrize("crypt", KINDS)
@pytest.mark.parametrize("signer", [(SMCB, None), (HBA, "eva")], ids=["SMC-B", "HBA"])
def test_openssl_verifies_what_sign_document_made(
    site: Site,
    openssl: Callable[..., str],
    tmp_path: Path,
    crypt: str,
    signer: tuple[str, str | None],
) -> None:
    iccsn, user = signer
    answer = site.sign(
        iccsn, document(CONTENT, short_text="Brief"), ENVELOPING, crypt=crypt,
        context=context(user=user), revocation="true",
    )  # fmt: skip
    (tmp_path / "signed").write_bytes(answer.binary("//dss:Base64Signature"))
    openssl(
        *("-verify", "-cades", "-binary", "-inform", "DER", "-in", "signed", "-out", "content"),
        *("-CAfile", str(site.pki.trust), "-purpose", "any"),
    )
    assert (tmp_path / "content").read_bytes() == CONTENT


@pytest.mark.parametrize("crypt", KINDS)
def test_openssl_verifies_a_detached_signature(
    site: Site, openssl: Callable[..., str], tmp_path: Path, crypt: str
) -> None:
    answer = site.sign(SMCB, document(CONTENT), CMS, crypt=crypt)
    (tmp_path / "signed").write_bytes(answer.binary("//dss:Base64Signature"))
    (tmp_path / "content").write_bytes(CONTENT)
    openssl(
        *("-verify", "-cades", "-binary", "-inform", "DER", "-in", "signed"),
        *("-content", "content", "-CAfile", str(site.pki.trust), "-purpose", "any"),
    )


@pytest.mark.parametrize("crypt", KINDS)
def test_openssl_verifies_both_signatures_of_a_pdf(
    site: Site, openssl: Callable[..., str], tmp_path: Path, crypt: str
) -> None:
    letter = FPDF(enforce_compliance="PDF/A-2B")
    letter.add_page()
    pdf = bytes(letter.output())
    options = "<dss:SignatureType>http://uri.etsi.org/02778/3</dss:SignatureType>"
    for iccsn, user in ((HBA, "eva"), (SMCB, None)):
        given = document(pdf, "application/pdf-a", "Arztbrief")
        answer = site.sign(iccsn, given, options, crypt=crypt, context=context(user=user))
        pdf = answer.binary("//SIG:DocumentWithSignature/dss:Base64Data")
    ranges = re.findall(rb"/ByteRange\s*\[0 (\d+) (\d+) (\d+)\]", pdf)
    assert len(ranges) == 2
    for first, second, rest in (map(int, found) for found in ranges):
        (tmp_path / "covered").write_bytes(pdf[:first] + pdf[second : second + rest])
        (tmp_path / "signed").write_bytes(bytes.fromhex(pdf[first + 1 : second - 1].decode()))
        openssl(
            *("-verify", "-cades", "-binary", "-inform", "DER", "-in", "signed"),
            *("-content", "covered", "-CAfile", str(site.pki.trust), "-purpose", "any"),
        )


@pytest.mark.parametrize("crypt", KINDS)
def test_openssl_opens_what_encrypt_document_made(
    site: Site, openssl: Callable[..., str], tmp_path: Path, crypt: str
) -> None:
    found = card_object(site.pki, SMCB, "C.ENC", crypt)
    write_key(tmp_path, found)
    encoded = base64.b64encode(found.certificate.public_bytes(Encoding.DER)).decode()
    answer = site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys><CRYPT:Certificate>{encoded}</CRYPT:Certificate>"
        f"</CRYPT:RecipientKeys><CONN:Document><dss:Base64Data>"
        f"{base64.b64encode(CONTENT).decode()}</dss:Base64Data></CONN:Document>",
    )
    (tmp_path / "cms").write_bytes(answer.binary("//dss:Base64Data"))
    openssl(
        *("-decrypt", "-binary", "-inform", "DER", "-in", "cms", "-out", "content"),
        *("-recip", "card.crt", "-inkey", "card.key"),
    )
    assert (tmp_path / "content").read_bytes() == CONTENT


@pytest.mark.parametrize("stream", [(), ("-stream",)], ids=["DER", "BER"])
@pytest.mark.parametrize("crypt", KINDS)
def test_decrypt_document_opens_what_openssl_made(
    site: Site, openssl: Callable[..., str], tmp_path: Path, crypt: str, stream: tuple[str, ...]
) -> None:
    write_key(tmp_path, card_object(site.pki, SMCB, "C.ENC", crypt))
    (tmp_path / "content").write_bytes(CONTENT)
    how = (
        ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256")
        if crypt == "RSA"
        else ("-keyopt", "ecdh_kdf_md:sha256", "-aes256-wrap")
    )
    openssl(
        *("-encrypt", "-binary", "-aes-256-gcm", *stream, "-outform", "DER", "-in", "content"),
        *("-out", "cms", "-recip", "card.crt", *how),
    )
    encoded = base64.b64encode((tmp_path / "cms").read_bytes()).decode()
    answer = site.call(
        "CRYPT",
        "DecryptDocument",
        f"{context()}<CRYPT:PrivateKeyOnCard><CONN:CardHandle>{site.handle(SMCB)}"
        "</CONN:CardHandle></CRYPT:PrivateKeyOnCard><CONN:Document><dss:Base64Data>"
        f"{encoded}</dss:Base64Data></CONN:Document>",
    )
    assert answer.binary("//dss:Base64Data") == CONTENT


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize(
    "way",
    [
        ("RSA", ("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32")),
        ("RSA", ()),
        ("ECC", ()),
    ],
    ids=["PSS", "PKCS1", "ECDSA"],
)
def test_verify_document_accepts_what_openssl_made(
    site: Site,
    openssl: Callable[..., str],
    tmp_path: Path,
    way: tuple[str, tuple[str, ...]],
    detached: bool,
) -> None:
    crypt, padding = way
    write_key(tmp_path, card_object(site.pki, SMCB, "C.SIG", crypt))
    (tmp_path / "content").write_bytes(CONTENT)
    openssl(
        *("-sign", "-cades", "-binary", "-md", "sha256", "-outform", "DER", "-in", "content"),
        *("-out", "signed", "-signer", "card.crt", "-inkey", "card.key", *padding),
        *(() if detached else ("-nodetach",)),
    )
    encoded = base64.b64encode((tmp_path / "signed").read_bytes()).decode()
    given = document(CONTENT, short_text=None) if detached else ""
    answer = site.call(
        "SIG",
        "VerifyDocument",
        f'{context()}{given}<dss:SignatureObject><dss:Base64Signature Type="urn:ietf:rfc:5652">'
        f"{encoded}</dss:Base64Signature></dss:SignatureObject>"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )
    assert answer.text("//SIG:HighLevelResult") == "VALID"


def test_the_rsa_only_card_is_used_too(
    site: Site, openssl: Callable[..., str], tmp_path: Path
) -> None:
    handle = site.handle(SMCB_G20)
    assert handle
    found = card_object(site.pki, SMCB_G20, "C.ENC", "RSA")
    write_key(tmp_path, found)
    answer = site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context('m2')}<CRYPT:RecipientKeys><CRYPT:CertificateOnCard><CONN:CardHandle>{handle}"
        "</CONN:CardHandle></CRYPT:CertificateOnCard></CRYPT:RecipientKeys><CONN:Document>"
        f"<dss:Base64Data>{base64.b64encode(CONTENT).decode()}</dss:Base64Data></CONN:Document>",
    )
    (tmp_path / "cms").write_bytes(answer.binary("//dss:Base64Data"))
    openssl(
        *("-decrypt", "-binary", "-inform", "DER", "-in", "cms", "-out", "content"),
        *("-recip", "card.crt", "-inkey", "card.key"),
    )
    assert (tmp_path / "content").read_bytes() == CONTENT
