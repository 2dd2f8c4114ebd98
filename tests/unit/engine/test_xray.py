"""The X-ray says what each layer holds, keeps keys to itself, and survives any bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.engine import command
from scenarios.engine.documents import error_codes, mails, outcome
from scenarios.engine.documents.identities import Identities
from scenarios.engine.documents.mails import Envelope
from scenarios.engine.inspection.tree import lines
from scenarios.engine.xray.keys import Keys, Opened
from scenarios.engine.xray.message import MAX_DEPTH, MAX_MESSAGES, xray
from scenarios.engine.xray.node import MAX_CHILDREN, Node, visible
from simulators.formats import enveloped_data, komle, recipient_emails, signed_data
from simulators.formats.certificates import certificate_id
from simulators.formats.headers import Headers
from simulators.formats.kas_part import KasPart, small_mail

SENDER, RECIPIENT = "praxis@kv.dox.kim.telematik-test", "kasse@b.kim.telematik-test"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@cache
def card() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Praxis \x1b[2J TEST-ONLY")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 4711)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()), key


def client_mail(subject: str = "Rückfrage", service: str = "eAU;Lieferung;V1.2") -> bytes:
    envelope = Envelope(SENDER, (RECIPIENT,), NOW)
    mail = mails.kim_mail(envelope, subject, "Guten Tag").content
    return mail.replace(b"KIM-Mail;Default;V1.0", service.encode())


@cache
def protected(mail: bytes, signed_for: str = RECIPIENT) -> bytes:
    certificate, key = card()
    attribute = recipient_emails.attribute([(RECIPIENT, certificate)])
    inside = recipient_emails.attribute([(signed_for, certificate)])
    signer = signed_data.key_signer(certificate, key)
    cms = signed_data.sign(
        komle.wrap_client_mail(mail), signer, signing_time=NOW, attributes=[inside]
    )
    sealed = enveloped_data.encrypt(
        komle.signed_entity(cms), [certificate], unauthenticated=[attribute]
    )
    return komle.outer_message(mail, sealed, version="1.0", extra={})


def own_keys() -> Keys:
    certificate, key = card()

    def opening(cms: bytes, addresses: Sequence[str]) -> Opened:
        assert list(addresses) == [RECIPIENT]
        opened = enveloped_data.read(cms).decrypt(certificate_id(certificate), key)
        return Opened(opened, "mit meiner Karte")

    return Keys(opening, lambda _: {certificate_id(certificate): RECIPIENT})


def shown(root: Node) -> str:
    return "\n".join(lines(root))


def test_a_protected_mail_without_keys_tells_what_is_outside() -> None:
    found = xray(protected(client_mail()))
    assert found.kind == "outer-mail"
    text = shown(found)
    assert "AES-256-GCM" in text
    assert "nicht geöffnet: ohne Schlüssel" in text
    assert f"{RECIPIENT}: CN=Praxis \\x1b[2J TEST-ONLY, Nr. 4711" in text
    assert "Rückfrage" not in text


def test_a_protected_mail_is_shown_through_all_layers() -> None:
    found = xray(protected(client_mail()), own_keys())
    kinds = [one.kind for one in found.walk()]
    for kind in ("envelope", "recipient", "opened", "signature", "signer", "certificate", "part"):
        assert kind in kinds
    signer = found.find("signer")
    assert signer is not None
    assert (signer.mark, signer.value) == ("ok", "stimmt rechnerisch")
    assert "Client-Mail: Rückfrage" in shown(found)
    assert f"im Verzeichnis das Zertifikat von {RECIPIENT}" in shown(found)


def test_headers_that_differ_outside_are_marked() -> None:
    message = protected(client_mail())
    forged = message.replace(f"From: {SENDER}".encode(), b"From: x@y.kim.telematik-test", 1)
    differing = xray(forged, own_keys()).find("differing")
    assert differing is not None
    assert (differing.value, differing.mark) == ("From", "bad")


def test_recipients_that_differ_inside_are_marked() -> None:
    message = protected(client_mail(), "anders@b.kim.telematik-test")
    differing = xray(message, own_keys()).find("differing")
    assert differing is not None
    assert differing.title == "recipient-emails"
    assert xray(protected(client_mail()), own_keys()).find("differing") is None


def test_a_signature_over_something_else_does_not_hold() -> None:
    certificate, key = card()
    cms = signed_data.sign(b"<Bundle/>", signed_data.key_signer(certificate, key), signing_time=NOW)
    mail = mails.eau_delivery(
        Envelope(SENDER, (RECIPIENT,), NOW), "1", cms.replace(b"<Bundle/>", b"<Bundle >")
    )
    signer = xray(mail.content).find("signer")
    assert signer is not None
    assert signer.mark == "bad"
    assert "der Inhalt ist ein anderer" in signer.value


def test_an_eau_is_read_for_reading(spec: object) -> None:
    file = spec("eau/examples/KBV_PR_EAU_Bundle__Beispiel_1-eAU_ERST_GKV.xml")  # type: ignore[operator]
    envelope = Envelope(SENDER, (RECIPIENT,), NOW)
    mail = mails.eau_delivery(envelope, "1", Path(file).read_bytes()).content
    text = shown(xray(mail))
    assert "eAU (Arbeitsunfähigkeitsbescheinigung): e010" in text
    assert "Versicherte Person: Ludger Königsstein" in text
    assert "arbeitsunfähig: 2020-02-03 bis 2020-02-28  (festgestellt 2020-02-03)" in text


def test_an_error_of_the_insurer_names_code_and_document() -> None:
    code = error_codes.NOT_INSURED
    document = outcome.outcome(
        Identities(1, "x").uuid("y"), code, outcome.Subject(bundle_identifier="urn:uuid:1")
    )
    mail = mails.eau_error(Envelope(SENDER, (RECIPIENT,), NOW), "2", document, "Grund")
    text = shown(xray(mail.content))
    assert f"Fehler 100: {code.display}" in text
    assert "betrifft: urn:uuid:1" in text


def test_of_the_key_of_mail_data_only_the_beginning_is_shown() -> None:
    key, digest = bytes(range(32)), bytes(range(32, 64))
    part = KasPart("https://kas.kim.telematik-test/a/1", key, digest, 99)
    headers = Headers.parse(b"From: a@b\r\nTo: c@d")
    found = xray(small_mail(headers, part))
    text = shown(found) + json.dumps(found.as_data())
    assert "https://kas.kim.telematik-test/a/1" in text
    assert "00010203…" in text
    for secret in (key, digest):
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode() not in text


def test_a_receipt_shows_what_was_read() -> None:
    receipt = (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        b"Original-Message-ID: <1@a>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"
        b"--b--\r\n"
    )
    text = shown(xray(receipt))
    assert text.startswith("Nachricht: Bericht (MDN)")
    assert "Original-Message-ID: <1@a>" in text
    assert "Disposition: manual-action/MDN-sent-manually; displayed" in text


def test_codes_and_a_wrong_dienstkennung_are_explained() -> None:
    mail = (
        b"X-KIM-DecryptionResult: 03\r\nX-KIM-Fehlermeldung: 4009\r\nX-KIM-Neu: 1\r\n"
        b"X-KIM-IntegrityCheckResult: X99\r\nX-KIM-Dienstkennung: quatsch\r\n\r\n"
    )
    text = shown(xray(mail))
    assert "[!] X-KIM-DecryptionResult: 03  (Konnektor nicht verfügbar" in text
    assert "Code des Herstellers" in text
    assert "[FEHLER] X-KIM-Dienstkennung: quatsch  (keine Dienstkennung" in text
    assert "unbekanntes X-KIM-Feld" in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"Subject: \x1b]0;weg\x07\xe2\x80\xae\r\n\r\n\x1b[2J",
        b"Subject: =?utf-8?b?a?=\r\nContent-Type: text/plain; charset=zlib\r\n\r\nx",
        b'Content-Disposition: attachment; filename="\x1b[31m\xff.p7s"\r\n\r\n0\x80',
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx",
        b"A: b\r\nContent-Transfer-Encoding: rot13\r\n\r\nx",
        b"Content-Type: application/xml\r\n\r\n<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        b"Content-Type: text/xml\r\n\r\n" + b"<a>" * 100_000,
        b"Content-Disposition: x-kas\r\nContent-Type: text/plain\r\n\r\n" + b"[" * 100_000,
        b"\r\n".join(b"X-KIM-%d: 1" % number for number in range(5000)) + b"\r\n\r\n",
    ],
)
def test_hostile_bytes_give_plain_bounded_lines(content: bytes) -> None:
    root = xray(content)
    told = list(lines(root))
    assert all(line.isprintable() and len(line) < 2000 for line in told)
    assert len(told) < 2 * MAX_CHILDREN
    assert json.loads(json.dumps(root.as_data()))["kind"]


def test_messages_within_messages_end_at_a_depth() -> None:
    content = b"Subject: innen\r\n\r\n"
    for _ in range(200):
        content = b"Content-Type: message/rfc822\r\n\r\n" + content
    text = shown(xray(content))
    assert "zu tief verschachtelt" in text
    assert text.count("eingebettete Nachricht") == MAX_DEPTH + 1


def test_messages_side_by_side_end_at_a_number() -> None:
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innen\r\n\r\nx\r\n"
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + inner * 100
    text = shown(xray(content))
    assert text.count("eingebettete Nachricht: innen") == MAX_MESSAGES - 1
    assert "zu viele Nachrichten" in text


def test_multiparts_within_multiparts_end_at_a_depth() -> None:
    content = b"Subject: x\r\n\r\ninnen\r\n"
    for number in range(500):
        kind = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n" % number
        content = kind + b"--b%d\r\n" % number + content
    assert len(list(lines(xray(content)))) < 50


@given(st.text(max_size=600))
def test_texts_become_one_plain_line(text: str) -> None:
    assert visible(text).isprintable()
    assert len(visible(text, 40)) <= 40


@settings(max_examples=80, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_any_damage_to_a_protected_mail_is_survived(
    inside: bool, changes: list[tuple[int, int]]
) -> None:
    keys, message = own_keys(), protected(client_mail())
    if inside:
        entity = keys.open(komle.encrypted_cms(message), [RECIPIENT]).entity
        damaged = Opened(_changed(entity, changes), "")
        root = xray(message, Keys(lambda _cms, _addresses: damaged))
    else:
        root = xray(_changed(message, changes))
    assert all(line.isprintable() for line in lines(root))


def _changed(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed)


def test_the_command_prints_the_tree_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail, target = tmp_path / "m.eml", tmp_path / "m.json"
    mail.write_bytes(client_mail("Be\x1btreff", "KIM-Mail;Default;V1.0"))
    assert command.main(["inspect", str(mail), "--json", str(target)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Nachricht: Be\\x1btreff\n├─ Kopf: ")
    assert json.loads(target.read_text(encoding="utf-8"))["kind"] == "mail"
    assert command.main(["inspect", str(mail), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "Be\\x1btreff"


def test_files_that_cannot_be_inspected_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["inspect", str(tmp_path)]) == 2
    mail = tmp_path / "m.eml"
    mail.write_bytes(client_mail())
    assert command.main(["inspect", str(mail), "--run-dir", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
