"""A mail as it lies at the provider, read by others: the S/MIME profile, id by id.

The mail is written by the client module and its Konnektor; asn1crypto, cryptography and Python's
email package take it apart.
"""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms as foreign_cms
from asn1crypto import core
from asn1crypto import x509 as foreign_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from tests.clientmodule_world import World

RECIPIENT_EMAILS = "1.2.276.0.76.4.173"
GCM = "2.16.840.1.101.3.4.1.46"
OAEP = "1.2.840.113549.1.1.7"
HCI_OSIG, HCI_ENC, HP_ENC = "1.2.276.0.76.4.78", "1.2.276.0.76.4.76", "1.2.276.0.76.4.74"
SENDER, RECIPIENTS = "eilig", ("kasse", "person")  # a release that encrypts for RSA and ECC


class GcmParameters(core.Sequence):  # type: ignore[misc]
    _fields = [("nonce", core.OctetString), ("length", core.Integer, {"default": 12})]


class RecipientEmail(core.Sequence):  # type: ignore[misc]
    _fields = [("address", core.IA5String), ("rid", foreign_cms.IssuerAndSerialNumber)]


class RecipientEmails(core.SetOf):  # type: ignore[misc]
    _child_spec = RecipientEmail


@dataclass(frozen=True)
class Sent:
    """A mail in its stages: as submitted, at the provider, decrypted, and what was signed."""

    submitted: EmailMessage
    outer: EmailMessage
    enveloped: Any
    signed_entity: EmailMessage
    signed: Any


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def payload(entity: EmailMessage) -> bytes:
    content = entity.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@pytest.fixture
def sent(kim: World) -> Sent:
    mail = kim.mail(SENDER, *RECIPIENTS)
    mail["Cc"] = kim.address(RECIPIENTS[1])
    mail["Reply-To"] = kim.address(SENDER)
    mail["X-KIM-Sendersystem"] = "Test-PVS;V1"
    kim.send(SENDER, *RECIPIENTS, mail=mail)
    (stored,) = kim.stored(RECIPIENTS[0])
    outer = read(stored)
    content = foreign_cms.ContentInfo.load(payload(outer), strict=True)
    enveloped = content["content"]
    opened = decrypted(kim, payload(outer), enveloped)
    entity = read(opened)
    signed = foreign_cms.ContentInfo.load(opened.partition(b"\r\n\r\n")[2], strict=True)
    assert content["content_type"].native == "authenticated_enveloped_data"
    return Sent(mail, outer, enveloped, entity, signed["content"])


def decrypted(kim: World, cms: bytes, enveloped: Any) -> bytes:
    """Open the message with the recipient's RSA key, by its own means."""
    holder = kim.certificates(RECIPIENTS[0], "C.ENC")["RSA"]
    assert isinstance(holder.private_key, rsa.RSAPrivateKey)
    (entry,) = [
        info.chosen
        for info in enveloped["recipient_infos"]
        if info.name == "ktri"
        and info.chosen["rid"].chosen["serial_number"].native == holder.certificate.serial_number
    ]
    sha256 = hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(sha256), sha256, None)
    key = holder.private_key.decrypt(entry["encrypted_key"].native, oaep)
    info = enveloped["auth_encrypted_content_info"]
    algorithm = info["content_encryption_algorithm"]
    assert algorithm["algorithm"].dotted == GCM
    parameters = GcmParameters.load(algorithm["parameters"].dump())
    sealed = info["encrypted_content"].native + enveloped["mac"].native
    return AESGCM(key).decrypt(parameters["nonce"].native, sealed, None)


def unauthenticated(sent: Sent) -> Any:
    """Return the unauthAttrs: asn1crypto takes their tag, [2], for that of another field."""
    return sent.enveloped["unauth_attrs"]


def recipient_emails(attributes: Any) -> set[tuple[str, bytes, int]]:
    """Return address, issuer and serial number of every entry of the one attribute."""
    (values,) = [a["values"] for a in attributes if a["type"].dotted == RECIPIENT_EMAILS]
    entries = [RecipientEmail.load(value.dump()) for value in values]
    found = [(e["address"].native, e["rid"]["issuer"].dump(), e["rid"]["serial_number"].native)
             for e in entries]  # fmt: skip
    assert len(set(found)) == len(found)
    return set(found)


def identified(sent: Sent) -> list[tuple[bytes, int]]:
    """Return issuer and serial number of every recipient."""
    found = []
    for info in sent.enveloped["recipient_infos"]:
        chosen = info.chosen
        rid = chosen["rid"] if info.name == "ktri" else chosen["recipient_encrypted_keys"][0]["rid"]
        assert rid.name == "issuer_and_serial_number"
        found.append((rid.chosen["issuer"].dump(), rid.chosen["serial_number"].native))
    return found


def held(kim: World) -> set[tuple[str, bytes, int]]:
    """Return whose the encryption certificates are: address, issuer, serial number."""
    return {
        (kim.address(who), one.certificate.issuer.public_bytes(), one.certificate.serial_number)
        for who in (SENDER, *RECIPIENTS)
        for one in kim.certificates(who, "C.ENC").values()
    }


@pytest.mark.requirement("KOM-LE-A_2019", "KOM-LE-A_2098-03", "KOM-LE-A_2099", "KOM-LE-A_2100-02")
@pytest.mark.requirement("KOM-LE-A_2101-01", "KOM-LE-A_2102", "KOM-LE-A_2104", "KOM-LE-A_2193")
def test_outer_message(sent: Sent) -> None:
    for name in ("From", "To", "Cc", "Reply-To", "Message-ID", "X-KIM-Sendersystem"):
        assert sent.outer[name] == sent.submitted[name] is not None
    assert (sent.outer["X-KOM-LE-Version"], sent.outer["Subject"]) == ("1.0", "KOM-LE-Nachricht")
    assert sent.outer.get_content_type() == "application/pkcs7-mime"
    assert sent.outer.get_param("smime-type") == "authenticated-enveloped-data"
    assert sent.outer["Content-Transfer-Encoding"] == "base64"


@pytest.mark.requirement("KOM-LE-A_2106", "KOM-LE-A_2107", "KOM-LE-A_2108", "KOM-LE-A_2109")
@pytest.mark.requirement("KOM-LE-A_2111-01", "KOM-LE-A_2112", "KOM-LE-A_2128")
def test_envelope(kim: World, sent: Sent) -> None:
    assert sent.enveloped["originator_info"].native is None
    assert len(unauthenticated(sent)) == 1
    infos = sent.enveloped["recipient_infos"]
    transported = [info.chosen for info in infos if info.name == "ktri"]
    assert len(transported) == len(infos) // 2 == 1 + len(RECIPIENTS), "each has RSA and ECC"
    for one in transported:
        assert one["key_encryption_algorithm"]["algorithm"].dotted == OAEP
    assert sorted(identified(sent)) == sorted((issuer, number) for _, issuer, number in held(kim))
    assert sent.enveloped["auth_encrypted_content_info"]["encrypted_content"].native
    for who in (SENDER, *RECIPIENTS):
        for one in kim.certificates(who, "C.ENC").values():
            assert policies(one.certificate.public_bytes(Encoding.DER)) & {HCI_ENC, HP_ENC}


@pytest.mark.requirement("KOM-LE-A_2027", "KOM-LE-A_2114-01", "KOM-LE-A_2115-02")
@pytest.mark.requirement("KOM-LE-A_2116", "KOM-LE-A_2117", "KOM-LE-A_2127", "KOM-LE-A_2191")
@pytest.mark.requirement("KOM-LE-A_2190")
def test_recipient_emails(kim: World, sent: Sent) -> None:
    """One entry for every recipient's certificate, the same in the envelope and under the seal."""
    entries = recipient_emails(unauthenticated(sent))
    assert entries == held(kim)
    assert len(entries) == len(identified(sent))
    (signer,) = sent.signed["signer_infos"]
    assert recipient_emails(signer["signed_attrs"]) == entries


@pytest.mark.requirement("KOM-LE-A_2095", "KOM-LE-A_2096", "KOM-LE-A_2097", "KOM-LE-A_2103")
@pytest.mark.requirement("KOM-LE-A_2121", "KOM-LE-A_2299-01")
def test_signed_first_then_encrypted(sent: Sent) -> None:
    """What comes out of the envelope is an opaque signature, and in that the mail."""
    entity = sent.signed_entity
    assert entity.get_content_type() == "application/pkcs7-mime"
    assert entity.get_param("smime-type") == "signed-data"
    assert entity["Content-Transfer-Encoding"] == "binary"
    content = sent.signed["encap_content_info"]
    assert content["content_type"].native == "data"
    wrapped = read(content["content"].native)
    assert wrapped.get_content_type() == "message/rfc822"
    mail = wrapped.get_payload(0)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == sent.submitted["Subject"] == "Befund"
    assert mail["From"] == sent.outer["From"]
    assert mail.get_content().strip() == "Guten Tag"


@pytest.mark.requirement("KOM-LE-A_2118", "KOM-LE-A_2119", "KOM-LE-A_2122", "KOM-LE-A_2123")
@pytest.mark.requirement("KOM-LE-A_2124", "KOM-LE-A_2125", "KOM-LE-A_2126", "KOM-LE-A_2129")
def test_signature(kim: World, sent: Sent) -> None:
    assert sent.signed["crls"].native is None
    (certificate,) = sent.signed["certificates"]
    ours = next(
        one.certificate
        for one in kim.certificates(SENDER, "C.SIG").values()
        if one.certificate.public_bytes(Encoding.DER) == certificate.chosen.dump()
    )
    assert HCI_OSIG in policies(certificate.chosen.dump())
    (signer,) = sent.signed["signer_infos"]
    assert signer["sid"].name == "issuer_and_serial_number"
    assert signer["sid"].chosen["issuer"].dump() == ours.issuer.public_bytes()
    assert signer["sid"].chosen["serial_number"].native == ours.serial_number
    assert signer["unsigned_attrs"].native is None
    assert holds(ours.public_key(), signer)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(sent.signed["encap_content_info"]["content"].native)
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    (stated,) = attributes["message_digest"]
    assert stated.native == digest.finalize()


def holds(key: Any, signer: Any) -> bool:
    """Check the signature over the signed attributes; raises if it does not hold."""
    signed = signer["signed_attrs"].untag().dump()
    sha256 = hashes.SHA256()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signer["signature"].native, signed, ec.ECDSA(sha256))
    else:
        pss = padding.PSS(padding.MGF1(sha256), 32)
        key.verify(signer["signature"].native, signed, pss, sha256)
    return True


def policies(der: bytes) -> set[str]:
    """Return the policies that a certificate names."""
    certificate = foreign_x509.Certificate.load(der)
    return {one["policy_identifier"].dotted for one in certificate.certificate_policies_value}
