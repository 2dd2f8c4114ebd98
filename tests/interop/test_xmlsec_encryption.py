"""xmlsec1 and the official schemas judge XML encryption; xmlsec1's own is decrypted."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from simulators.formats import ecies, xml_encryption
from simulators.pki.cards import CardObject, read_card
from tests.konnektor_site import SMCB, site_pki

XENC = "http://www.w3.org/2001/04/xmlenc#"
NAMES = {"xenc": XENC, "ds": "http://www.w3.org/2000/09/xmldsig#"}
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
ELEMENT = '<brief xmlns="urn:x-kimulator:brief" art="ärztlich">Befund <b/></brief>'.encode()


@pytest.fixture(scope="module")
def card(pki_cache: Path) -> dict[str, CardObject]:
    """Return the encryption keys of a card by Crypt."""
    objects = read_card(site_pki(pki_cache).card(SMCB)).objects
    return {crypt: objects["C.ENC", crypt] for crypt in ("RSA", "ECC")}


@pytest.fixture
def xmlsec1(tool: Callable[[str], str], tmp_path: Path) -> Callable[..., bytes]:
    """Return a function that runs xmlsec1 in a directory of its own."""
    program = tool("xmlsec1")

    def run(*arguments: str) -> bytes:
        done = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout

    return run


def content_key(document: bytes, key: CardObject) -> bytes:
    """Unwrap the RSA entry as XMLEnc 1.1 describes it, without the module's own functions."""
    der = base64.b64encode(key.certificate.public_bytes(Encoding.DER)).decode()
    entry = "//xenc:EncryptedKey[ds:KeyInfo/ds:X509Data/ds:X509Certificate=$der]"
    find = etree.XPath(f"string({entry}//xenc:CipherValue)", namespaces=NAMES)
    value = str(find(etree.fromstring(document), der=der))
    assert isinstance(key.private_key, rsa.RSAPrivateKey)
    return key.private_key.decrypt(base64.b64decode(value), OAEP)


def test_xmlsec1_decrypts_what_was_encrypted(
    card: dict[str, CardObject], xmlsec1: Callable[..., bytes], tmp_path: Path
) -> None:
    certificates = [key.certificate for key in card.values()]
    encrypted = xml_encryption.encrypt(ELEMENT, certificates)
    (tmp_path / "encrypted.xml").write_bytes(encrypted)
    (tmp_path / "key").write_bytes(content_key(encrypted, card["RSA"]))
    plain = xmlsec1("--decrypt", "--aeskey", "key", "encrypted.xml")
    assert etree.tostring(etree.fromstring(plain), method="c14n") == etree.tostring(
        etree.fromstring(ELEMENT), method="c14n"
    )


@pytest.mark.parametrize("bits", [128, 256])
def test_what_xmlsec1_encrypted_is_decrypted(
    card: dict[str, CardObject], xmlsec1: Callable[..., bytes], tmp_path: Path, bits: int
) -> None:
    """The content is xmlsec1's; for the keys of cards it has no algorithm."""
    key = os.urandom(bits // 8)
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "plain.xml").write_bytes(ELEMENT)
    (tmp_path / "template.xml").write_text(
        f'<e:EncryptedData xmlns:e="{XENC}" Type="{XENC}Element"><e:EncryptionMethod '
        f'Algorithm="http://www.w3.org/2009/xmlenc11#aes{bits}-gcm"/><e:CipherData>'
        "<e:CipherValue/></e:CipherData></e:EncryptedData>"
    )
    made = xmlsec1("--encrypt", "--aeskey", "key", "--xml-data", "plain.xml", "template.xml")
    root = etree.fromstring(made)
    own = etree.fromstring(xml_encryption.encrypt(b"", [k.certificate for k in card.values()]))
    entries = own.find(f"{{{NAMES['ds']}}}KeyInfo")
    assert entries is not None
    for entry, crypt in zip(entries, card, strict=True):
        value = entry.find(f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue")
        assert value is not None
        value.text = base64.b64encode(wrapped(key, card[crypt])).decode()
    root.insert(1, entries)
    document = etree.tostring(root)
    read = xml_encryption.read(document)
    for found in card.values():
        plain = read.decrypt(found.certificate.public_bytes(Encoding.DER), found.private_key)
        assert etree.tostring(etree.fromstring(plain), method="c14n") == etree.tostring(
            etree.fromstring(ELEMENT), method="c14n"
        )


def wrapped(key: bytes, found: CardObject) -> bytes:
    public = found.certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return ecies.encrypt(public, key)
    assert isinstance(public, rsa.RSAPublicKey)
    return public.encrypt(key, OAEP)


def test_it_is_valid_against_the_official_schemas(
    card: dict[str, CardObject], spec: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = spec("api-telematik/ext/xenc-schema.xsd").parent
    driver = tmp_path / "driver.xsd"
    driver.write_text(
        '<schema xmlns="http://www.w3.org/2001/XMLSchema">'
        f'<import namespace="{XENC}" schemaLocation="{folder / "xenc-schema.xsd"}"/>'
        '<import namespace="http://www.w3.org/2009/xmlenc11#" '
        f'schemaLocation="{folder / "xenc-schema-11.xsd"}"/></schema>'
    )
    encrypted = xml_encryption.encrypt(ELEMENT, [key.certificate for key in card.values()])
    parser = etree.XMLParser(no_network=True)
    etree.XMLSchema(etree.parse(driver, parser)).assertValid(etree.fromstring(encrypted))
