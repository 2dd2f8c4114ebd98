"""Mails have the prescribed form; reports say everything, and that they confirm nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from io import StringIO

import pytest
from lxml import etree

from scenarios.engine.checks.catalogue import RULES
from scenarios.engine.checks.rule import Status, Verdict
from scenarios.engine.documents import mails
from scenarios.engine.documents.mail_parts import read_mail
from scenarios.engine.documents.mails import Envelope
from scenarios.engine.explain import explanation
from scenarios.engine.report import files
from scenarios.engine.report.results import (
    NOTICE,
    CheckResult,
    Hop,
    ScenarioResult,
    StepResult,
    Way,
)
from scenarios.engine.report.screen import Screen
from simulators.process.errors import InputError

PRACTICE = "praxis@kv.dox.kim.telematik-test"
INSURER = "eau@zweitanbieter.kim.telematik-test"
TO_INSURER = Envelope(PRACTICE, (INSURER,), datetime(2026, 11, 23, tzinfo=UTC))


def test_a_delivery_carries_exactly_one_signed_part() -> None:
    mail = mails.eau_delivery(TO_INSURER, "08b97c0c", b"\x30\x00\xff" * 99)
    message = BytesParser(policy=policy.default).parsebytes(mail.content)
    assert message["X-KIM-Dienstkennung"] == "eAU;Lieferung;V1.2"
    assert message["Subject"] == "TEAU0_08b97c0c"
    assert message["Reply-To"] == PRACTICE
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_filename() == "TEAU0_08b97c0c.p7s"
    assert part["Content-Description"] == "eAU"
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_content() == b"\x30\x00\xff" * 99
    assert b"\n" not in mail.content.replace(b"\r\n", b"")
    assert max(map(len, mail.content.split(b"\r\n"))) < 998


def test_a_storno_and_an_error_are_named_as_prescribed() -> None:
    storno = read_mail(mails.eau_storno(TO_INSURER, "1", b"x").content)
    assert (storno.subject, storno.field("X-KIM-Dienstkennung")) == (
        "TEAU0_Storno_1",
        "eAU;Storno-Arzt;V1.2",
    )
    assert storno.described("eAUStorno")[0].file_name == "TEAU0_Storno_1.p7s"
    error = read_mail(mails.eau_error(TO_INSURER, "2", b"<x/>", "Grund: ä").content)
    assert error.subject == "TEAU0_Fehler_2"
    assert error.described("eAUFehler-Kasse")[0].media_type == "application/xml"
    assert "Grund: ä" in error.text


def test_a_plain_kim_mail_is_no_multipart() -> None:
    mail = read_mail(mails.kim_mail(TO_INSURER, "Rückfrage", "Grüße\r\naus der Praxis").content)
    assert not mail.message.is_multipart()
    assert mail.subject == "Rückfrage"
    assert mail.text.strip() == "Grüße\naus der Praxis"


def test_message_ids_are_never_used_twice_and_name_no_host() -> None:
    ids = {mails.kim_mail(TO_INSURER, "a", "b").message_id for _ in range(50)}
    assert len(ids) == 50
    assert all(one.endswith("@kimulator.invalid>") for one in ids)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Subject: =?utf-8?q?=ff?=\r\nContent-Type: ;;;\r\n\r\n!",
        b"Content-Transfer-Encoding: base64\r\n\r\n!",
        b"Subject: =?nope?q?x?=\r\nContent-Type: text/plain; charset=nope\r\n\r\nx",
    ],
)
def test_broken_mails_are_read_without_an_error(content: bytes) -> None:
    mail = read_mail(content)
    assert isinstance(mail.subject, str)
    assert isinstance(mail.text, str)
    assert mail.embedded == []


def a_result(status: Status) -> ScenarioResult:
    evidence = "außen <b>\x00</b> & innen"
    check = CheckResult(RULES["outer-subject"], "mail", Verdict(status, evidence))
    way = Way("mail", "<1@x>", (Hop(0.0, "clientmodule-praxis", "Send", "pvs", 12.0, {}),))
    step = StepResult(1, "send", "250 ok", 0.1, True)
    return ScenarioResult("kim/x", "Eine <Mail>", "demo", 1, [step], [check], [way], 0.5)


def test_junit_counts_failures_and_skips() -> None:
    results = [a_result(status) for status in Status]
    suites = etree.fromstring(files.junit(results))
    told = [(s.get("tests"), s.get("failures"), s.get("skipped")) for s in suites]
    assert told == [("1", "0", "0"), ("1", "1", "0"), ("1", "0", "1"), ("1", "0", "1")]
    assert "KOM-LE-A_2102" in (suites[0].find("testcase").get("name") or "")  # type: ignore[union-attr]


def shown(result: ScenarioResult) -> str:
    out = StringIO()
    Screen(out).scenario_ended(result)
    return out.getvalue().partition("BESTANDEN: ")[2]


def test_the_screen_ends_with_what_failed_and_obeys_no_evidence() -> None:
    assert "KOM-LE-A_2102" not in shown(a_result(Status.PASSED))
    assert "KOM-LE-A_2102     Betreff außen (mail): außen <b>\ufffd</b>" in shown(
        a_result(Status.FAILED)
    )
    stopped = a_result(Status.FAILED)
    stopped.steps.append(StepResult(2, "fetch", "\x1b[2Jnicht da", 20.0, False))
    assert shown(stopped).endswith("  Schritt 2 fetch: \ufffd[2Jnicht da\n")


def test_json_and_page_hold_verdict_evidence_and_notice() -> None:
    results = [a_result(Status.PASSED), a_result(Status.FAILED)]
    content = json.loads(files.as_json(results))
    assert content["ok"] is False
    assert [one["ok"] for one in content["scenarios"]] == [True, False]
    assert content["scenarios"][1]["checks"][0]["status"] == "failed"
    assert content["notice"] == NOTICE
    page = files.page(results).decode()
    assert NOTICE in page
    assert "<b>" not in page
    assert "http" not in page  # nothing from elsewhere
    assert "<script" not in page


def test_a_result_without_a_passed_check_does_not_hold() -> None:
    assert a_result(Status.PASSED).ok
    assert not a_result(Status.FAILED).ok
    assert not a_result(Status.NOT_APPLICABLE).ok


@pytest.mark.parametrize("subject", ["4009", "08", "101", "KOM-LE-A_2102", "qes-valid", "4085"])
def test_codes_rules_and_requirements_are_explained(subject: str) -> None:
    assert all(len(line) > 20 for line in explanation(subject))


def test_what_is_unknown_is_said() -> None:
    with pytest.raises(InputError, match="weder Prüfung"):
        explanation("99999")


def test_every_rule_says_what_it_demands() -> None:
    assert all(rule.judge.__doc__ for rule in RULES.values())
    assert len(RULES) >= 38
