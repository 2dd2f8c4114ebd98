"""RSA and ECC recipients of one message with recipient-emails, as openssl and asn1crypto see it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as foreign_cms
from asn1crypto import core
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.formats import asn1, recipient_emails
from simulators.pki.cards import CardObject, read_card
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context, site_pki, site_settings

CONTENT = "Content-Type: message/rfc822\r\n\r\nGrüße\r\n".encode() * 50
RECIPIENT_EMAILS = "1.2.276.0.76.4.173"
CHOSEN = ((SMCB, "RSA"), (SMCB, "ECC"), (SMCB_G20, "RSA"), (HBA, "ECC"))


@pytest.fixture(scope="module")
def site(start_role: Callable[..., Any], pki_cache: Path, spec: Callable[[str], Path]) -> Site:
    """Return a Konnektor that nobody has to log in to; OCSP is out of its reach."""
    pki = site_pki(pki_cache)
    role = start_role(
        "simulators.konnektor", site_settings(pki, ocsp_url=None, authentication="none")
    )
    return Site(role, pki, client=None, plain=True, schemas=spec)


@pytest.fixture(scope="module")
def keys(site: Site) -> list[CardObject]:
    """Return keys of three cards, RSA and brainpool."""
    return [
        read_card(site.pki.card(iccsn)).objects["C.ENC", crypt]  # type: ignore[index]
        for iccsn, crypt in CHOSEN
    ]


@pytest.fixture(scope="module")
def attribute(keys: list[CardObject]) -> bytes:
    """Return recipient-emails for all of them (KOM-LE-A_2114-01)."""
    return recipient_emails.attribute(
        [(f"{n}@praxis.kim.telematik-test", key.certificate) for n, key in enumerate(keys)]
    )


@pytest.fixture(scope="module")
def message(site: Site, keys: list[CardObject], attribute: bytes) -> bytes:
    """Return what EncryptDocument makes for all of them."""
    certificates = "".join(
        f"<CRYPT:Certificate>{_base64(key.certificate.public_bytes(Encoding.DER))}"
        "</CRYPT:Certificate>"
        for key in keys
    )
    answer = site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys>{certificates}</CRYPT:RecipientKeys><CONN:Document>"
        f"<dss:Base64Data>{_base64(CONTENT)}</dss:Base64Data></CONN:Document>"
        "<CRYPT:OptionalInputs><CRYPT:EncryptionType>urn:ietf:rfc:5652</CRYPT:EncryptionType>"
        "<CRYPT:UnprotectedProperties><dss:Property><dss:Identifier>RecipientEmailsAttribute"
        f"</dss:Identifier><dss:Value><CMSAttribute>{_base64(attribute)}</CMSAttribute>"
        "</dss:Value></dss:Property></CRYPT:UnprotectedProperties></CRYPT:OptionalInputs>",
    )
    return answer.binary("//dss:Base64Data")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


@pytest.mark.parametrize("which", range(len(CHOSEN)))
def test_openssl_opens_it_with_every_key(
    message: bytes, keys: list[CardObject], tool: Callable[[str], str], tmp_path: Path, which: int
) -> None:
    """openssl expects unauthAttrs under [3] (its issue 26101): for it alone the tag is changed."""
    found = keys[which]
    (tmp_path / "card.crt").write_bytes(found.certificate.public_bytes(Encoding.PEM))
    pem = found.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "card.key").write_bytes(pem)
    attributes = bytes(asn1.parse(message).children[1].only().children[-1].encoded)
    assert message.endswith(attributes)
    retagged = message[: -len(attributes)] + asn1.retag(asn1.context(3), attributes)
    (tmp_path / "cms").write_bytes(retagged)
    done = subprocess.run(
        [
            *(tool("openssl"), "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "cms"),
            *("-out", "content", "-recip", "card.crt", "-inkey", "card.key"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert (tmp_path / "content").read_bytes() == CONTENT


def test_asn1crypto_reads_every_field(
    message: bytes, keys: list[CardObject], attribute: bytes
) -> None:
    content = foreign_cms.ContentInfo.load(message, strict=True)["content"]
    serials = []
    for recipient in content["recipient_infos"]:
        chosen = recipient.chosen
        named = chosen if recipient.name == "ktri" else chosen["recipient_encrypted_keys"][0]
        assert named["rid"].name == "issuer_and_serial_number"
        serials.append((recipient.name, named["rid"].chosen["serial_number"].native))
    assert sorted(serials) == sorted(
        ("ktri" if crypt == "RSA" else "kari", key.certificate.serial_number)
        for (_, crypt), key in zip(CHOSEN, keys, strict=True)
    )
    (found,) = content["unauth_attrs"]
    assert found["type"].dotted == RECIPIENT_EMAILS
    assert found.dump() == attribute
    entries = [core.Sequence.load(value.dump()) for value in found["values"]]
    assert sorted(entry[0].native for entry in entries) == [
        f"{n}@praxis.kim.telematik-test" for n in range(len(CHOSEN))
    ]
