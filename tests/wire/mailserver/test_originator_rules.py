"""Who may send as whom (A_23421, A_23422), and what a server takes from another provider."""

from __future__ import annotations

import smtplib

import pytest

from tests.mail_providers import FACHARZT, KASSE, KLINIK, PRAXIS, RunningProvider, mail


def refusal(kv: RunningProvider, text: bytes, sender: str = PRAXIS, to: str = FACHARZT) -> int:
    """Send as PRAXIS and return the code of the reply that refused it, else 250."""
    with kv.smtp(PRAXIS) as client:
        try:
            client.sendmail(sender, [to], text)
        except smtplib.SMTPSenderRefused as refused:
            return refused.smtp_code
        except smtplib.SMTPRecipientsRefused as refused:
            return next(iter(refused.recipients.values()))[0]
        except smtplib.SMTPDataError as refused:
            return refused.smtp_code
    return 250


def test_mail_from_must_be_the_user(kv: RunningProvider) -> None:
    assert refusal(kv, mail(sender=FACHARZT), sender=FACHARZT) == 550
    with kv.smtp(PRAXIS) as client:
        assert client.mail(FACHARZT)[1] == b"5.7.1 A_23421: MAIL FROM is not the user"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"From: Praxis <{PRAXIS.upper()}>", 250),
        (f"From: <{FACHARZT}>", 550),
        (f"From: <{PRAXIS}>, <{FACHARZT}>", 550),
        (f"From: <{PRAXIS}>\r\nFrom: <{PRAXIS}>", 550),
        ("From: ", 550),
        ("X-From: niemand", 550),
        (f"From: <{PRAXIS}>\r\nSender: <{PRAXIS}>", 250),
        (f"From: <{PRAXIS}>\r\nSender: <{FACHARZT}>", 550),
        (f"From: <{PRAXIS}>\r\nSender: ", 550),
        (f"From: <{PRAXIS}>\r\nReply-To: <{KASSE}>", 250),
        (f"From: <{PRAXIS}>\r\nReply-To: <a@b.kim.telematik>", 250),
        (f"From: <{PRAXIS}>\r\nReply-To: <a@example.com>", 550),
        (f"From: <{PRAXIS}>\r\nReply-To: =?utf-8?q?<a=40example=2Ecom>?=", 550),
        (f"From: <{PRAXIS}>\r\nReply-To: niemand", 550),
        (f"From: <{PRAXIS}>\r\nReply-To: niemand:;", 250),
        (f"From: <{PRAXIS}>\r\nReply-To: ", 250),
        (f"From: <{PRAXIS}>\r\nReply-To : a@example.com", 550),
        (f"From: Praxis: <{PRAXIS}>, {PRAXIS};", 250),
        (f"From: Praxis: <{PRAXIS}>, {FACHARZT};", 550),
        ("From: Praxis: ;", 550),
        (f"From: <{PRAXIS}>\r\nFrom : <{FACHARZT}>", 550),
        (f"From: =?utf-8?q?facharzt=40x?= <{PRAXIS}>", 250),
        ("From: =?utf-8?q?<" + PRAXIS.replace("@", "=40") + ">?=", 550),
        (f"From: <{PRAXIS}>\r\nReply-To: <{KASSE}>, <a@kim.telematik-test.example.com>", 550),
    ],
)
def test_headers_name_the_sender(kv: RunningProvider, header: str, code: int) -> None:
    text = f"{header}\r\nTo: <{FACHARZT}>\r\n\r\nHallo\r\n".encode()
    assert refusal(kv, text) == code
    assert len(kv.mailbox(FACHARZT)) == (code == 250)
    # The rules do not hold for a mail whose only recipient is its sender.
    assert refusal(kv, text, to=PRAXIS) == 250


def test_report_of_a_client_module_goes_to_its_own_user_only(kv: RunningProvider) -> None:
    report = b"From: <cm@praxis.test>\r\nSubject: Fehler\r\n\r\n4004\r\n"
    assert refusal(kv, report, sender="", to=PRAXIS) == 250
    assert refusal(kv, report, sender="", to=FACHARZT) == 550
    assert kv.mails(PRAXIS)[0].startswith(b"Return-Path: <>\r\n")


def test_unknown_recipients_are_refused_at_rcpt(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        client.mail(PRAXIS)
        code, text = client.rcpt(f"niemand@{kv.domain}")
        assert (code, text[:5]) == (550, b"5.1.1")
        code, text = client.rcpt("wer@anderswo.kim.telematik-test")
        assert (code, text[:5]) == (550, b"5.1.2")
        assert client.rcpt(FACHARZT)[0] == 250


def test_provider_delivers_without_login_but_only_here(kv: RunningProvider) -> None:
    with kv.smtp(context=kv.other_provider()) as client:
        client.sendmail(KLINIK, [FACHARZT], mail(sender="irgendwer@x", recipient=FACHARZT))
        client.mail(KLINIK)
        code, text = client.rcpt(KASSE)
        assert (code, text[:5]) == (550, b"5.7.1")
        client.rset()
        assert client.mail("spam@example.com")[0] == 550
    assert len(kv.mailbox(FACHARZT)) == 1


def test_client_module_without_login_delivers_nothing(kv: RunningProvider) -> None:
    with kv.smtp() as client:
        assert client.mail(PRAXIS)[0] == 530
        assert client.rcpt(FACHARZT)[0] == 503
        assert client.docmd("DATA")[0] == 503
