"""Faults of the mail server: replies, altered mails, dropped connections, and the reset."""

from __future__ import annotations

import json
import poplib
import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.formats import enveloped_data, komle
from simulators.formats.certificates import certificate_id
from tests.mail_providers import FACHARZT, PASSWORD, PRAXIS, RunningProvider, mail


def send(kv: RunningProvider, text: bytes | None = None, recipient: str = FACHARZT) -> None:
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [recipient], text or mail(recipient=recipient))


@pytest.mark.parametrize("step", ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_reply_at_a_step_of_smtp(kv: RunningProvider, step: str) -> None:
    effect = {"kind": "reply", "code": 451, "text": "4.7.1 auf Wunsch"}
    kv.faults({"operation": f"SMTP.{step}", "times": 1, "effect": effect})
    with kv.smtp() as client:
        answers = [client.ehlo()]
        client.user, client.password = PRAXIS, PASSWORD
        if step == "AUTH":
            with pytest.raises(smtplib.SMTPAuthenticationError, match="451"):
                client.auth("PLAIN", client.auth_plain)
        client.ehlo()
        client.auth("PLAIN", client.auth_plain)
        answers += [client.mail(PRAXIS), client.rcpt(FACHARZT)]
        if step == "DATA":
            answers.append(client.docmd("DATA"))
    assert step in ("AUTH", "EHLO") or (451, b"4.7.1 auf Wunsch") in answers
    assert kv.mailbox(FACHARZT) == []


def test_connections_are_dropped_and_refused(kv: RunningProvider) -> None:
    kv.faults(
        {"operation": "SMTP.CONNECT", "nth": 1, "effect": {"kind": "drop"}},
        {"operation": "SMTP.CONNECT", "nth": 2, "effect": {"kind": "reply", "code": 421}},
        {"operation": "POP3.CONNECT", "nth": 1, "effect": {"kind": "drop"}},
    )
    for _ in range(2):
        with pytest.raises((smtplib.SMTPException, OSError)), kv.smtp():
            pass
    with kv.smtp():
        pass
    with pytest.raises((poplib.error_proto, OSError)), kv.pop3():
        pass
    with kv.pop3():
        pass


def test_rule_for_one_recipient_leaves_the_others(kv: RunningProvider) -> None:
    effect = {"kind": "reply", "code": 452, "text": "4.2.2 voll"}
    kv.faults({"operation": "SMTP.RCPT", "match": {"recipient": "facharzt@*"}, "effect": effect})
    with kv.smtp(PRAXIS) as client:
        refused = client.sendmail(PRAXIS, [FACHARZT, PRAXIS], mail())
    assert refused == {FACHARZT: (452, b"4.2.2 voll")}
    assert len(kv.mailbox(PRAXIS)) == 1


@pytest.mark.parametrize("command", ["PASS", "STAT", "RETR", "QUIT"])
def test_reply_at_a_step_of_pop3(kv: RunningProvider, command: str) -> None:
    send(kv)
    effect = {"kind": "reply", "text": "auf Wunsch"}
    kv.faults({"operation": f"POP3.{command}", "effect": effect, "times": 1})
    with kv.pop3() as client:
        client.user(FACHARZT)
        calls = {
            "PASS": lambda: client.pass_(PASSWORD),
            "STAT": client.stat,
            "RETR": lambda: client.retr(1),
            "QUIT": lambda: client._shortcmd("QUIT"),
        }
        if command != "PASS":
            client.pass_(PASSWORD)
        with pytest.raises(poplib.error_proto, match="auf Wunsch"):
            calls[command]()


def test_retrieval_of_one_mail_is_cut(kv: RunningProvider) -> None:
    send(kv)
    send(kv, mail(message_id="<2@cm.test>"))
    match = {"message_id": "<2@*", "user": FACHARZT}
    kv.faults({"operation": "POP3.RETR", "match": match, "effect": {"kind": "drop"}})
    with kv.pop3(FACHARZT) as client:
        client.retr(1)
        with pytest.raises((poplib.error_proto, OSError)):
            client.retr(2)


def test_header_is_replaced_in_one_mailbox_only(kv: RunningProvider) -> None:
    effect = {"kind": "replace_header", "header": "From", "value": "<boese@x.kim.telematik-test>"}
    kv.faults({"operation": "store", "match": {"recipient": FACHARZT}, "effect": effect})
    with kv.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT, PRAXIS], mail())
    (altered,), (same,) = kv.mails(FACHARZT), kv.mails(PRAXIS)
    assert b"\r\nFrom: <boese@x.kim.telematik-test>\r\n" in altered
    assert same.endswith(mail())
    assert altered.startswith(b"Return-Path:")
    assert kv.mailbox(FACHARZT)[0]["size"] == len(altered)


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_altered_ciphertext_is_readable_but_not_decryptable(kv: RunningProvider, size: int) -> None:
    key = rsa.generate_private_key(65537, 2048)
    certificate = _certificate(key)
    cms = enveloped_data.encrypt(b"x" * size, [certificate])
    sent = komle.outer_message(mail(), cms, version="1.0", extra={})
    kv.faults({"operation": "store", "nth": 2, "effect": {"kind": "corrupt_ciphertext"}})
    send(kv, sent)
    send(kv, sent)
    good, bad = (enveloped_data.read(komle.encrypted_cms(text)) for text in kv.mails(FACHARZT))
    name = certificate_id(certificate)
    assert good.decrypt(name, key) == b"x" * size
    assert bad.recipients == good.recipients
    with pytest.raises(enveloped_data.Tampered):
        bad.decrypt(name, key)


def test_store_refuses_or_drops_and_keeps_nothing(kv: RunningProvider) -> None:
    effect = {"kind": "reply", "code": 452, "text": "4.3.1 Platte voll"}
    kv.faults(
        {"operation": "store", "nth": 1, "effect": effect},
        {"operation": "store", "nth": 2, "effect": {"kind": "drop"}},
    )
    with pytest.raises(smtplib.SMTPDataError, match="Platte voll"):
        send(kv)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(kv)
    assert kv.mailbox(FACHARZT) == []
    send(kv)
    assert len(kv.mailbox(FACHARZT)) == 1


def test_unknown_effect_is_refused(kv: RunningProvider) -> None:
    rule = {"id": "1", "operation": "store", "effect": {"kind": "soap_fault"}}
    status, body = kv.role.ask("PUT", "/faults", [rule])
    assert status == 400
    assert b"corrupt_ciphertext" in body


def test_control_port_shows_and_empties_mailboxes(kv: RunningProvider) -> None:
    send(kv)
    send(kv, recipient=PRAXIS)
    _, body = kv.role.ask("GET", "/mailboxes")
    assert {box["address"]: box["mails"] for box in json.loads(body)} == {FACHARZT: 1, PRAXIS: 1}
    (listed,) = kv.mailbox(FACHARZT.upper())
    assert datetime.fromisoformat(listed["received"]) <= datetime.now(UTC)
    assert kv.role.ask("GET", f"/mailboxes/{FACHARZT}/none")[0] == 404
    assert kv.role.ask("GET", "/mailboxes/niemand")[0] == 404
    assert kv.role.ask("DELETE", f"/mailboxes/{FACHARZT}/{listed['uid']}")[0] == 204
    assert kv.mailbox(FACHARZT) == []
    assert kv.role.ask("DELETE", f"/mailboxes/{PRAXIS}")[0] == 204
    assert kv.mailbox(PRAXIS) == []


def test_reset_empties_mailboxes_and_numbers_go_on(kv: RunningProvider) -> None:
    send(kv)
    (before,) = kv.mailbox(FACHARZT)
    assert kv.role.ask("POST", "/reset")[0] == 204
    assert kv.mailbox(FACHARZT) == []
    send(kv)
    (after,) = kv.mailbox(FACHARZT)
    assert after["uid"] != before["uid"]


def test_no_password_reaches_disk_log_or_journal(kv: RunningProvider) -> None:
    send(kv)
    with kv.pop3(FACHARZT):
        pass
    data = kv.role.directory / "data"
    files = [file for file in data.rglob("*") if file.is_file()]
    stored = b"".join(file.read_bytes() for file in files)
    assert PASSWORD.encode() not in stored
    assert PASSWORD not in kv.role.log()
    assert PASSWORD not in json.dumps(kv.role.journal())
    assert {file.stat().st_mode & 0o077 for file in (*files, *data.iterdir())} == {0}


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST-ONLY")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.public_key(key.public_key()).sign(key, hashes.SHA256())
