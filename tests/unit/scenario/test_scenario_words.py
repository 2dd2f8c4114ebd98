"""What a scenario states of documents, senders and insurers: refused where it would be in vain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenarios.engine.documents import cda, people
from scenarios.engine.documents.identities import Identities
from scenarios.engine.run.scenario_file import load_scenario
from simulators.process.errors import InputError

GOOD = """\
title: Eine eAU
actors:
  arzt: {plays: practice, participant: praxis}
  kasse: {plays: insurer, participant: kasse, insurer: {insured: [althaus]}}
documents:
  eau: {kind: eau, patient: {like: althaus, kvnr: X110411675}}
  storno: {kind: eau-storno, of: eau}
steps:
  - sign: {actor: arzt, document: eau, name: signatur}
  - send: {actor: arzt, mail: eau-lieferung, to: [kasse], document: signatur, name: mail}
  - send: {actor: arzt, mail: kim-mail, to: [kasse], name: andere}
checks:
  - {rule: accepted, of: mail}
"""


def test_the_good_file_is_good(tmp_path: Path) -> None:
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_scenario(path, with_world=True).documents["eau"].type == "ERST"


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("patient: {like: althaus, kvnr: X110411675}", "patient: niemand", 6, "'schaumberg'"),
        ("like: althaus", "like: niemand", 6, "'schaumberg'"),
        ("kvnr: X110411675", "kvnr: 110411675", 6, "kvnr"),
        ("kvnr: X110411675", "kvnummer: X110411675", 6, "kvnr"),
        ("kind: eau, ", "kind: eau, further_steps: [kur], ", 6, "'reha'"),
        ("kind: eau, ", "kind: eau, further_steps: [{step: reha, ab: 1}], ", 6, "ab"),
        ("kind: eau, ", "kind: eau, diagnoses: [J06.9 X], ", 6, "diagnoses"),
        ("kind: eau, ", "kind: eau, diagnoses: [J06.9 L], ", 6, "diagnoses"),
        ("kind: eau, ", "kind: eau, until: bald, ", 6, "until"),
        ("kind: eau, ", "kind: eau, accident_ik: '120590457', ", 6, "nur bei payer BG und UK"),
        ("kind: eau, ", "kind: eau, uuid_of: anders, ", 6, "anders gibt es hier nicht"),
        ("of: eau", "of: eau, text: Grund", 7, "text: nicht bei kind: eau-storno"),
        ("of: eau", "of: eau, uuid_of: eau", 7, "uuid_of: nicht bei kind: eau-storno"),
        ("kind: eau-storno, of: eau", "kind: arztbrief-cda, type: ERST", 7, "type: nicht bei"),
        ("plays: practice,", "plays: practice, insurer: {},", 3, "nur bei plays: insurer"),
        ("insured: [althaus]", "insured: [nachbar]", 4, "insured"),
        ("insured: [althaus]", "poll_minutes: 0", 4, "poll_minutes"),
        ("insured: [althaus]", "reject_with: '1'", 4, "reject_with"),
        ("mail: kim-mail,", "mail: kim-mail, eicar: true,", 11, "nur bei eau-lieferung"),
        ("mail: kim-mail,", "mail: kim-mail, reply_to: niemand,", 11, "niemand gibt es hier nicht"),
        ("document: eau,", "document: eau, flaw: klein,", 9, "flaw"),
    ],
)
def test_what_would_be_in_vain_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in GOOD
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        load_scenario(path, with_world=True)
    text = str(refusal.value)
    assert text.startswith(f"{path}:{line}: "), text
    assert told in text
    assert "\n" not in text


def test_a_letter_is_about_the_patient_that_is_stated() -> None:
    person = people.known_patient(1, "neuhaus")
    insurer = people.Insurer("109907642", "Krankenkasse Eichenhain")
    letter = cda.letter(
        Identities(1, "brief"),
        insurer,
        "Kardiologie Dr. Birke",
        datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        about=person,
    )
    assert letter.person == person
    assert cda.read_document(cda.document(letter)).kvnr == person.kvnr
