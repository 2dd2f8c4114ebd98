"""Delivery status notifications: RFC 3461 to 3464 and KOM-LE-A_2147."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats.dsn import (
    MAX_RECIPIENTS,
    DeliveryReport,
    RecipientReport,
    delivery_report,
    read_report,
)
from simulators.formats.errors import FormatError
from simulators.formats.headers import decoded

ARRIVAL = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
ORIGINAL = (
    b"From: praxis@x.kim.telematik-test\r\nTo: kasse@y.kim.telematik-test\r\nMessage-ID: <1@x>\r\n"
)
DELIVERED = RecipientReport(
    "kasse@y.kim.telematik-test",
    "delivered",
    "2.0.0",
    original_recipient="rfc822;kasse+2Beau@y.kim.telematik-test",
)
FAILED = RecipientReport("weg@y.kim.telematik-test", "failed", "5.1.1", "smtp; 550 5.1.1 unknown")
NO_KEY = RecipientReport(
    "ohne@y.kim.telematik-test", "failed", "5.7.5", "x-kim; 4004 kein Zertifikat"
)


def report(*reports: RecipientReport, original: bytes = ORIGINAL, **others: object) -> bytes:
    arguments: dict[str, object] = {
        "reporting_mta": "mail.y.kim.telematik-test",
        "to": "praxis@x.kim.telematik-test",
        "sender_text": "Mail Delivery Subsystem <mailer-daemon@y.kim.telematik-test>",
        "message_id": "<dsn1@y>",
        "in_reply_to": "<1@x>",
    }
    arguments.update(others)
    return delivery_report(
        reports=reports,
        original_headers=original,
        arrival=ARRIVAL,
        now=NOW,
        **arguments,  # type: ignore[arg-type]
    )


def read(message: bytes) -> DeliveryReport:
    found = read_report(message)
    assert found is not None
    return found


def test_a_report_reads_back() -> None:
    found = read(report(DELIVERED, FAILED))
    assert found.reporting_mta == "mail.y.kim.telematik-test"
    assert found.arrival == ARRIVAL
    assert found.in_reply_to == "<1@x>"
    assert [(r.address, r.action, r.status) for r in found.reports] == [
        (DELIVERED.address, "delivered", "2.0.0"),
        (FAILED.address, "failed", "5.1.1"),
    ]
    assert found.reports[0].original_recipient == "rfc822;kasse+eau@y.kim.telematik-test"
    assert found.reports[1].diagnostic == FAILED.diagnostic
    assert found.original_headers is not None
    assert found.original_headers.to_bytes() == ORIGINAL
    assert found.headers.get("Date") == "Mon, 23 Nov 2026 12:00:05 +0000"


def test_2147_the_form_is_the_one_of_rfc_3464() -> None:
    """As an independent parser sees it: three parts, the status in groups, headers only."""
    message = email.message_from_bytes(report(DELIVERED, FAILED), policy=email.policy.default)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    human, status, original = message.iter_parts()
    assert human.get_content_type() == "text/plain"
    assert original.get_content_type() == "text/rfc822-headers"
    whole, first, second = status.get_payload()
    assert whole["Reporting-MTA"] == "dns; mail.y.kim.telematik-test"
    assert whole["Arrival-Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert first["Final-Recipient"] == "rfc822; kasse@y.kim.telematik-test"
    assert first["Original-Recipient"] == "rfc822; kasse+eau@y.kim.telematik-test"
    assert second["Action"] == "failed"
    assert second["Diagnostic-Code"] == "smtp; 550 5.1.1 unknown"
    assert message.defects == []


def test_people_read_german() -> None:
    assert decoded(read(report(DELIVERED)).headers.get("Subject") or "") == (
        "Zustellbestätigung (Delivery Status Notification)"
    )
    text = read(report(DELIVERED, FAILED, NO_KEY)).text
    assert "wurde an folgende Empfänger zugestellt:\r\n  kasse@y.kim.telematik-test" in text
    assert "weg@y.kim.telematik-test: 550 5.1.1 unknown (Status 5.1.1)" in text
    assert "ohne@y.kim.telematik-test: Nachricht konnte nicht für alle" in text
    assert "(Fehler 4004)" in text


def test_a_20650_05_codes_stand_once_per_error_in_the_header() -> None:
    codes = [("X-KIM-Fehlermeldung", "4004"), ("X-KIM-Fehlermeldung", "4005")]
    found = read(report(NO_KEY, extra_headers=codes))
    assert found.headers.get_all("X-KIM-Fehlermeldung") == ["4004", "4005"]
    found = read(report(NO_KEY, extra_headers={"X-KIM-Fehlermeldung": "4001"}))
    assert found.headers.get("X-KIM-Fehlermeldung") == "4001"


def test_automatic_answers_say_so() -> None:
    """RFC 3834: else two automatons answer each other for ever."""
    assert read(report(FAILED)).headers.get("Auto-Submitted") == "auto-replied"


def test_the_envelope_id_of_the_sender_comes_back() -> None:
    assert b"Original-Envelope-Id: QQ314159+\r\n" in report(FAILED, envelope_id="QQ314159+2B")


def test_eight_bit_headers_of_the_original_stay() -> None:
    original = b"Subject: M\xfcller\r\n"
    found = read(report(FAILED, original=original))
    assert found.original_headers is not None
    assert found.original_headers.to_bytes() == original


@pytest.mark.parametrize(
    "bad",
    [
        RecipientReport("a@b\r\nAction: delivered", "failed", "5.0.0"),
        RecipientReport("a@b", "failed", "5.0.0", "smtp; 550 no\r\n\r\nFinal-Recipient: x"),
        RecipientReport("a@b", "failed", "5.0.0", None, "rfc822;x\ny"),
    ],
)
def test_a_value_cannot_break_out_of_its_field(bad: RecipientReport) -> None:
    with pytest.raises(FormatError):
        report(bad)


def test_xtext_cannot_smuggle_line_breaks() -> None:
    sneaky = RecipientReport("a@b", "failed", "5.0.0", None, "rfc822;a+0D+0AAction: delivered")
    (found,) = read(report(sneaky)).reports
    assert found.action == "failed"


FOREIGN = b"""\
From: MAILER-DAEMON@example.kim.telematik-test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type="delivery-status";
\tboundary="B/1"

This is a MIME-encapsulated message.

--B/1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system.

--B/1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: DNS; example.kim.telematik-test
X-Postfix-Queue-ID: 4711
Arrival-Date: Mon, 23 Nov 2026 13:00:00 +0100 (CET)

Final-Recipient: RFC822;a@b
Original-Recipient: rfc822; A@b
Action: Failed
Status: 5.0.0
Diagnostic-Code: smtp; 554 delivery
    error: dd

--B/1
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: x@y
Message-ID: <1@x>

Body
--B/1--
"""


def test_a_foreign_report_is_read() -> None:
    found = read(FOREIGN)
    assert found.reporting_mta == "example.kim.telematik-test"
    assert found.arrival == ARRIVAL
    assert found.text.startswith("This is the mail system.")
    (first,) = found.reports
    assert first == RecipientReport(
        "a@b", "failed", "5.0.0", "smtp; 554 delivery    error: dd", "rfc822;A@b"
    )
    assert found.original_headers is not None
    assert found.original_headers.get("Message-ID") == "<1@x>"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Subject: x\r\n\r\nhello",
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n--\r\n",
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n",
    ],
)
def test_other_mail_is_no_report(message: bytes) -> None:
    assert read_report(message) is None


@given(st.binary(max_size=400), st.integers(0, 2000), st.integers(0, 300))
def test_a_damaged_report_is_read_or_none(noise: bytes, at: int, length: int) -> None:
    message = report(DELIVERED, FAILED)
    at %= len(message)
    read_report(message[:at] + noise + message[at + length :])


def test_the_number_of_recipients_is_bounded() -> None:
    group = b"Final-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n"
    message = report(FAILED).replace(
        b"Final-Recipient", group * (MAX_RECIPIENTS + 5) + b"Final-Recipient", 1
    )
    assert len(read(message).reports) == MAX_RECIPIENTS
