"""Mails are written as the register says, and each departure from it is found and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scenarios.engine.actors.registered_mail import Content, Stated, write
from scenarios.engine.checks.dienstkennung import judged
from scenarios.engine.checks.rule import Status
from scenarios.engine.documents import mails
from scenarios.engine.documents.mails import Envelope
from scenarios.engine.scenario.failure import StepFailed
from scenarios.engine.scenario.sent_part import SentPart
from scenarios.engine.services.registry import shipped
from simulators.formats import signed_data

QES, OSIG = "1.2.276.0.76.4.72", "1.2.276.0.76.4.78"
IDENTITY = "90c9ae58-5a9d-4861-b77d-665d10b2789d"
OTHER = "11111111-5a9d-4861-b77d-665d10b2789d"
BUNDLE = f"""<Bundle xmlns="http://hl7.org/fhir"><identifier><value value="urn:uuid:{IDENTITY}"/>
</identifier></Bundle>""".encode()
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENVELOPE = Envelope("a@kv.dox.kim.telematik-test", ("b@kv.dox.kim.telematik-test",), NOW)
ANSWER = Envelope(ENVELOPE.sender, ENVELOPE.recipients, NOW, in_reply_to="<1@x.invalid>")


def signed(policy: str) -> bytes:
    """Return the Bundle signed by a key whose certificate has the policy of a card."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Karte TEST-ONLY")])
    policies = x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(policy), None)]
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + timedelta(days=1))
        .add_extension(policies, critical=False)
        .sign(key, hashes.SHA256())
    )
    return signed_data.sign(BUNDLE, signed_data.key_signer(certificate, key), signing_time=NOW)


@pytest.fixture(scope="module")
def by_smcb() -> bytes:
    return signed(OSIG)


def part(content: bytes, **stated: str) -> Content:
    return Content(SentPart.model_validate({"document": "x", **stated}), content)


def mail(
    service: str, *contents: Content, subject: str | None = None, reply: bool = False
) -> bytes:
    """Return the mail that a ``send`` step writes."""
    entry = shipped().entry(service)
    envelope = ANSWER if reply else ENVELOPE
    return write(entry, envelope, Stated(service, subject, None, contents), OTHER).content


def test_an_inquiry_is_named_after_its_bundle(by_smcb: bytes) -> None:
    content = mail("eEB;Anfrage;V1.1", part(by_smcb))
    assert f"Subject: TEEB0_ANF_{IDENTITY}\r\n".encode() in content
    assert f"filename=TEEB0_ANF_{IDENTITY}.p7s\r\n".encode() in content
    assert b"Content-Description: eEB_ANF\r\n" in content
    found = judged(shipped(), content, dsn=True)
    assert found.status is Status.PASSED, found.evidence
    assert "empfohlen" in judged(shipped(), content, dsn=False).evidence


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Dienstkennung: eEB;Anf", "Dienstkennung: eeb;anf", "Groß- und Kleinschreibung"),
        ("Dienstkennung: eEB", "Dienstkennung: eXB", "nicht im Register"),
        ("Subject: TEEB0_ANF", "Subject: TEEB0_BES", "Betreff TEEB0_BES"),
        (f"Subject: TEEB0_ANF_{IDENTITY}", f"Subject: TEEB0_ANF_{OTHER}", f"Betreff {OTHER}"),
        (".p7s", ".p7m", "Dateiname"),
        ("Description: eEB_ANF", "Description: eEB", "gehört nicht dazu; 0 Anhänge eEB_ANF"),
        ("application/octet-stream", "application/pkcs7-mime", "application/pkcs7-mime"),
        ("attachment; file", "inline; file", "Content-Disposition inline"),
        ("MIME-Version", "Disposition-Notification-To: a@b\r\nMIME-Version", "MDN"),
        ("text/plain", "text/html", "HTML"),
    ],
)
def test_a_departure_is_found_and_the_source_named(
    by_smcb: bytes, old: str, new: str, said: str
) -> None:
    content = mail("eEB;Anfrage;V1.1", part(by_smcb))
    assert old.encode() in content
    found = judged(shipped(), content.replace(old.encode(), new.encode()), dsn=True)
    assert found.status is Status.FAILED
    assert said in found.evidence
    assert "Register" in found.evidence or "spec-VSDM-Ersatzbescheinigung" in found.evidence


def test_signatures_are_by_the_right_card_and_over_the_content(by_smcb: bytes) -> None:
    for content, said in (
        (signed(QES), "von einer anderen Karte signiert"),
        (BUNDLE, "kein SignedData"),
        (by_smcb.replace(b"<identifier>", b"<identifieR>"), "stimmt rechnerisch nicht"),
    ):
        sent = mail("eEB;Anfrage;V1.1", part(content), subject=f"TEEB0_ANF_{OTHER}")
        found = judged(shipped(), sent, dsn=True)
        assert found.status is Status.FAILED
        assert said in found.evidence


def test_what_must_not_be_signed_is_not(by_smcb: bytes) -> None:
    found = judged(shipped(), mail("eEB;Fehler;V1.1", part(by_smcb), reply=True), dsn=True)
    assert "signiert, erwartet nicht signiert" in found.evidence
    found = judged(shipped(), mail("eEB;Fehler;V1.1", part(BUNDLE)), dsn=True)
    assert "In-Reply-To fehlt" in found.evidence


def test_receipts_headers_and_counts_of_an_eau(by_smcb: bytes) -> None:
    one = mails.eau_delivery(ENVELOPE, IDENTITY, by_smcb).content
    assert judged(shipped(), one, dsn=True).status is Status.PASSED
    assert "DSN nicht angefordert" in judged(shipped(), one, dsn=False).evidence
    copied = one.replace(b"Subject:", b"Cc: c@d\r\nSubject:")
    assert "nur To ist erlaubt" in judged(shipped(), copied, dsn=True).evidence
    nameless = one.replace(b"Reply-To:", b"X-Reply:")
    assert "Reply-To fehlt" in judged(shipped(), nameless, dsn=True).evidence
    extras = mails.Extras(attachments=(mails.Attachment(b"x", "text/plain", "x.txt", "eAU"),))
    two = mails.eau_delivery(ENVELOPE, IDENTITY, by_smcb, extras).content
    assert "2 Anhänge eAU, erwartet 1" in judged(shipped(), two, dsn=True).evidence


def test_an_account_has_its_companion_file_and_no_copy() -> None:
    companion = part(b"<b/>")
    data = part(b"xkm", **{"as": "<Name>", "file_name": "Z01.con.xkm"})
    sent = mail("1ClickHybridDRG;Lieferung;V1.0", companion, data)
    assert judged(shipped(), sent, dsn=True).status is Status.PASSED
    assert b"Subject: 1ClickHybridDRG-Lieferung\r\n" in sent
    copied = sent.replace(b"Subject:", b"Cc: c@d\r\nSubject:")
    assert "Cc ist nicht erlaubt" in judged(shipped(), copied, dsn=True).evidence
    alone = mail("1ClickHybridDRG;Lieferung;V1.0", companion)
    assert "0 Anhänge <Name>, erwartet 1" in judged(shipped(), alone, dsn=True).evidence
    documented = mail(
        "eDokumentation-QSKE;Lieferung;V2.0",
        part(b"<b/>"),
        part(b"xkm", file_name="987654321_QSKE.zip.xkm"),
    )
    assert judged(shipped(), documented, dsn=True).status is Status.PASSED


def test_where_nothing_is_known_nothing_is_judged() -> None:
    sent = mail("DALE-UV;Einsendung;V1.0", subject="Bericht")
    found = judged(shipped(), sent, dsn=False)
    assert found.status is Status.NOT_APPLICABLE
    assert "zweiter Hand" in found.evidence


@pytest.mark.parametrize(
    ("service", "contents", "said"),
    [
        ("DALE-UV;Einsendung;V1.0", (), "subject fehlt"),
        ("1ClickHybridDRG;Lieferung;V1.0", (part(b"x", **{"as": "<Name>"}),), "file_name fehlt"),
        ("eEB;Anfrage;V1.1", (part(b"x", **{"as": "eEB_BES"}),), "steht nicht im Register"),
        ("1ClickAbrechnung;Eingangsbestaetigung;V2.0", (), "Lesebestätigungen"),
    ],
)
def test_what_nobody_says_is_not_made_up(
    service: str, contents: tuple[Content, ...], said: str
) -> None:
    with pytest.raises(StepFailed) as refused:
        mail(service, *contents)
    assert said in str(refused.value)
