"""Names in a scenario that refer to something: actors, documents, results of steps, rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from ..checks.catalogue import GROUPS, RULES, rules_of
from ..scenario.artifacts import Fetched, Found, Judged, Sent, Signed
from ..scenario.model import CheckUse, Scenario, Step
from ..yaml_files.yaml_source import Location, Source

LEAVES: dict[str, type] = {
    "look_up": Found,
    "sign": Signed,
    "send": Sent,
    "fetch": Fetched,
    "judge": Judged,
}
ANSWER = "-antwort"


def check_references(scenario: Scenario, source: Source) -> None:
    """Check every reference of *scenario*.

    Raises InputError with file and line for the first that leads nowhere, and for a name that
    two steps leave.
    """
    for location, problem in _problems(scenario):
        raise source.error(location, problem)


def check_participants(scenario: Scenario, source: Source, participants: Collection[str]) -> None:
    """Check every name of *scenario* that its world has to know.

    Raises InputError with file and line for the first that is none of *participants*.
    """
    for location, problem in _participant_problems(scenario, participants):
        raise source.error(location, problem)


def _participant_problems(
    scenario: Scenario, participants: Collection[str]
) -> Iterator[tuple[Location, str]]:
    for name, actor in scenario.actors.items():
        if actor.participant not in participants:
            yield ("actors", name, "participant"), _unknown(actor.participant, participants)
    known = {*participants, *scenario.actors}
    for name, document in scenario.documents.items():
        about_somebody = document.of is None and document.kind != "given"
        if about_somebody and document.insurer not in known:
            yield ("documents", name, "insurer"), _unknown(document.insurer, known)
    found: set[str] = set()
    for index, step in enumerate(scenario.steps):
        if step.look_up is not None:
            found.add(step.look_up.name)
            other = step.look_up.otherwise
            if other is not None and other not in participants:
                yield ("steps", index, "look_up", "otherwise"), _unknown(other, participants)
        answers_to = step.send.reply_to if step.send is not None else None
        if answers_to is not None and "@" not in answers_to and answers_to not in known:
            yield ("steps", index, "send", "reply_to"), _unknown(answers_to, known)
        for number, receiver in enumerate(step.send.to if step.send is not None else ()):
            if "@" not in receiver and receiver not in known | found:
                yield ("steps", index, "send", "to", number), _unknown(receiver, known | found)


def _problems(scenario: Scenario) -> Iterator[tuple[Location, str]]:
    yield from _document_problems(scenario)
    left: dict[str, type] = {}
    for index, step in enumerate(scenario.steps):
        where = ("steps", index, step.keyword)
        yield from _step_problems(scenario, step, where, left)
        name = getattr(step.action, "name", None)
        if name is not None:
            if name in left:
                yield (*where, "name"), f"{name} ist schon vergeben"
            left[name] = LEAVES[step.keyword]
            if step.keyword == "judge":
                left[f"{name}{ANSWER}"] = Sent
    for index, use in enumerate(scenario.checks):
        yield from _check_problems(scenario, use, ("checks", index), left)


def _document_problems(scenario: Scenario) -> Iterator[tuple[Location, str]]:
    for name in scenario.inputs:
        if name not in scenario.documents or scenario.documents[name].kind != "eau":
            yield ("inputs", name), "erwartet wird der Name eines Dokuments mit kind: eau"
    for name, document in scenario.documents.items():
        if document.of is not None and document.of not in scenario.documents:
            yield ("documents", name, "of"), _unknown(document.of, scenario.documents)
        if document.uuid_of is not None and document.uuid_of not in scenario.documents:
            yield ("documents", name, "uuid_of"), _unknown(document.uuid_of, scenario.documents)


def _step_problems(
    scenario: Scenario, step: Step, where: tuple[str | int, ...], left: dict[str, type]
) -> Iterator[tuple[Location, str]]:
    action: Any = step.action
    for key in ("actor", "of"):
        actor = getattr(action, key, None)
        if actor is not None and actor not in scenario.actors:
            yield (*where, key), _unknown(actor, scenario.actors)
    documents = {"sign": ("document",), "send": ("cda",), "look_up": ("insurer_of",)}
    for key in documents.get(step.keyword, ()):
        document = getattr(action, key)
        if document is not None and document not in scenario.documents:
            yield (*where, key), _unknown(document, scenario.documents)
    for number, part in enumerate(step.send.parts if step.send is not None else ()):
        place = (*where, "parts", number)
        if part.document is not None and part.document not in scenario.documents:
            yield (*place, "document"), _unknown(part.document, scenario.documents)
        if part.signed is not None and left.get(part.signed) is not Signed:
            signed = [name for name, given in left.items() if given is Signed]
            yield (*place, "signed"), _unknown(part.signed, signed)
    for key, kind in _results_used(step):
        used = getattr(action, key)
        if used is not None and left.get(used) is not kind:
            expected = [name for name, given in left.items() if given is kind]
            yield (*where, key), _unknown(used, expected)


def _results_used(step: Step) -> tuple[tuple[str, type], ...]:
    if step.keyword == "fetch":
        return (("message", Sent), ("report_on", Sent), ("answer_to", Sent))
    if step.keyword == "send":
        return (("document", Signed), ("in_reply_to", Sent))
    if step.keyword == "judge":
        return (("message", Fetched),)
    return (("message", Sent),) if step.keyword == "wait" else ()


def _check_problems(
    scenario: Scenario, use: CheckUse, where: tuple[str | int, ...], left: dict[str, type]
) -> Iterator[tuple[Location, str]]:
    rules = rules_of(use.rule)
    if not rules:
        yield (*where, "rule"), _unknown(use.rule, (*GROUPS, *RULES))
        return
    expected = [name for name, kind in left.items() if kind is rules[0].subject]
    if use.of not in expected:
        yield (*where, "of"), _unknown(use.of, expected)
    for needed in rules[0].needs:
        if getattr(use, needed) is None:
            yield where, f"{needed} fehlt (die Prüfung {use.rule} braucht es)"
    if use.to is not None and use.to not in scenario.actors:
        yield (*where, "to"), _unknown(use.to, scenario.actors)
    if use.against is not None and use.against not in left:
        yield (*where, "against"), _unknown(use.against, left)


def _unknown(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"{name} gibt es hier nicht; gemeint ist vielleicht {near[0]}"
    return f"{name} gibt es hier nicht, möglich: {', '.join(names) or 'nichts'}"
