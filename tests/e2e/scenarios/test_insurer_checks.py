"""The checks of an insurer fail when what they judge is altered."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scenarios.engine.checks.catalogue import RULES
from scenarios.engine.checks.rule import Status, Verdict
from scenarios.engine.documents import error_codes, mails
from scenarios.engine.documents.mails import Envelope
from scenarios.engine.documents.outcome import Subject, outcome
from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.play import Play
from scenarios.engine.run.scenario_file import load_scenario, scenario_path
from scenarios.engine.scenario.artifacts import Fetched, Judged, Sent
from scenarios.engine.scenario.model import CheckUse
from scenarios.engine.steps import perform
from scenarios.engine.steps.messages import remove_what_was_sent

Played = Callable[[str], Play]
Change = Callable[[Any], Any]
SENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def played(world: Endpoints) -> Iterator[Played]:
    """Return a function that plays a shipped scenario once; clocks are set back at the end."""
    plays: dict[str, Play] = {}

    def play(name: str) -> Play:
        if name not in plays:
            scenario = load_scenario(scenario_path(name))
            plays[name] = Play(scenario, name, world, world.seed)
            for step in scenario.steps:
                perform(plays[name], step)
        return plays[name]

    yield play
    for one in plays.values():
        remove_what_was_sent(one)
        one.finish()


def judge(play: Play, use: CheckUse, changed: Any = None) -> Verdict:
    """Apply the rule of *use* to its artifact, or to *changed* in its place."""
    kept = play.artifacts[use.of]
    try:
        if changed is not None:
            play.artifacts[use.of] = changed
        return RULES[use.rule].apply(play, use)
    finally:
        play.artifacts[use.of] = kept


def in_answer(old: str, new: str) -> Change:
    """Return a change of the mail that the insurer sent."""

    def change(sent: Sent) -> Sent:
        altered = re.sub(old.encode(), new.encode(), sent.mail.content, count=1)
        assert altered != sent.mail.content
        return replace(sent, mail=replace(sent.mail, content=altered))

    return change


def in_fetched(old: str, new: str) -> Change:
    """Return a change of a fetched mail."""

    def change(fetched: Fetched) -> Fetched:
        altered = re.sub(old.encode(), new.encode(), fetched.content, count=1)
        assert altered != fetched.content
        return replace(fetched, content=altered)

    return change


def polled_after(minutes: float) -> Change:
    def change(fetched: Fetched) -> Fetched:
        assert fetched.arrived is not None
        return replace(fetched, fetched=fetched.arrived + timedelta(minutes=minutes))

    return change


def naming_the_bundle(sent: Sent) -> Sent:
    """Return an answer with the prescribed text that names the Bundle instead of the mail."""
    subject = Subject(bundle_identifier=f"urn:uuid:{uuid.uuid4()}")
    content = outcome(uuid.uuid4(), error_codes.UNREADABLE.eau, subject)
    envelope = Envelope("kasse@kim.invalid", ("arzt@kim.invalid",), SENT)
    mail = mails.eau_error(envelope, "1", content, "Achtung möglicher Virenbefall")
    return replace(sent, mail=mail)


POLLED = CheckUse(rule="polled-in-time", of="lieferung-eingang")
NOTED = CheckUse(rule="noted", of="bericht-urteil", expect="Zustellbericht")
VERSION = CheckUse(rule="answer-version", of="fehler", expect="1.2 V1.2")
VIRUS = CheckUse(rule="virus-warning", of="lieferung-urteil-antwort")
ANSWER_TO = CheckUse(rule="answer-to", of="lieferung-urteil-antwort", against="lieferung")


@pytest.mark.requirement("KP5-05", "KP5-06", "KP5-09", "P5-08")
@pytest.mark.parametrize(
    ("scenario", "use", "change"),
    [
        ("eau/abruf", POLLED, polled_after(10.5)),
        ("eau/abruf", POLLED, polled_after(-1)),
        ("eau/abruf", POLLED, lambda fetched: replace(fetched, arrived=None)),
        ("eau/abruf", NOTED, lambda judged: replace(judged, note="")),
        ("eau/abruf", NOTED, lambda judged: replace(judged, code=error_codes.NOT_INSURED)),
        ("eau/abruf", VERSION, in_fetched("eAU;Fehler-Kasse;V1.2", "eAU;Fehler-Kasse;V1.1")),
        ("eau/abruf", VERSION, in_fetched("eAUFehler-Kasse", "anderes")),
        ("eau/virus", VIRUS, in_answer("Achtung m", "Achtung, m")),
        ("eau/virus", VIRUS, in_answer("Virenbefall", "Virenbefall und mehr")),
        ("eau/virus", VIRUS, naming_the_bundle),
        ("eau/reply-to", ANSWER_TO, in_answer("(?m)^To: .*\r\n", "To: x@kim.invalid\r\n")),
        ("eau/reply-to", ANSWER_TO, in_answer("(?m)^To: ", "To: x@kim.invalid, ")),
    ],
)
def test_an_altered_result_is_found(
    played: Played, scenario: str, use: CheckUse, change: Change
) -> None:
    play = played(scenario)
    assert judge(play, use).status is Status.PASSED
    found = judge(play, use, change(play.artifacts[use.of]))
    assert found.status is Status.FAILED, found.evidence


@pytest.mark.requirement("KP310-13")
@pytest.mark.parametrize("code", [code for code in error_codes.ALL if code.by_message_id])
def test_codes_about_the_mail_name_its_message_id(
    played: Played, code: error_codes.ErrorCode
) -> None:
    """301, 307, 313 and 314 name the Message-ID: there is no Bundle yet."""
    play = played("eau/abruf")
    fetched, sent = play.artifact("fehler", Fetched), play.artifact("lieferung", Sent)
    assert sent.signed is not None
    assert sent.signed.eau is not None
    use = CheckUse(rule="error-outcome", of="fehler", expect=code.code)
    for subject, status in (
        (Subject(sent.mail.message_id), Status.PASSED),
        (Subject("<anders@kim.invalid>"), Status.FAILED),
    ):
        content = outcome(uuid.uuid4(), code, subject)
        envelope = Envelope("kasse@kim.invalid", ("arzt@kim.invalid",), SENT)
        mail = mails.eau_error(envelope, "1", content, "Text")
        assert judge(play, use, replace(fetched, content=mail.content)).status is status
    by_bundle = replace(code, by_message_id=False)
    content = outcome(uuid.uuid4(), by_bundle, Subject(None, sent.signed.eau.identifier))
    mail = mails.eau_error(envelope, "1", content, "Text")
    assert judge(play, use, replace(fetched, content=mail.content)).status is Status.FAILED


def test_a_virus_leaves_the_document_unread(played: Played) -> None:
    judged = played("eau/virus").artifact("lieferung-urteil", Judged)
    assert judged.verification is None
    assert judged.document is None
