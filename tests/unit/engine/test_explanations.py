"""Every code of every catalogue has a cause and a remedy; what is unknown, a suggestion."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from clientmodule import faults
from scenarios.engine.documents import error_codes
from scenarios.engine.explain import explanation
from scenarios.engine.explanations import causes, replies
from simulators.formats import kim_codes, requirements
from simulators.process.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
TABLES = ROOT / "scenarios" / "engine" / "explanations"


def konnektor_codes() -> set[str]:
    file = ROOT / "simulators" / "konnektor" / "fault_codes.csv"
    return {row["code"] for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())}


def rows(table: str) -> list[dict[str, str]]:
    text = (TABLES / f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_code_of_the_konnektor_is_explained() -> None:
    assert {code for code in konnektor_codes() if causes.of_konnektor(code) is None} == set()


def test_every_code_of_kim_and_of_the_insurer_is_explained() -> None:
    wanted = {
        *(("fehlermeldung", code) for code in kim_codes.FEHLERMELDUNG),
        *(("entschluesselung", code) for code in kim_codes.DECRYPTION_RESULT),
        *(("integritaet", code) for code in kim_codes.INTEGRITY_CHECK_RESULT),
        *(("kasse", known.code) for known in error_codes.ALL),
    }
    assert {(row["kind"], row["code"]) for row in rows("kim")} == wanted
    assert all(causes.of_kim(*one) for one in wanted)


def test_every_requirement_is_explained_in_german() -> None:
    known = {(row.id, row.release) for row in requirements.requirements()}
    assert {(row["id"], row["release"]) for row in rows("requirements")} == known
    (told, *_) = explanation("KOM-LE-A_2021")
    assert told.endswith("MUSS): Ist eine Mail nicht zu signieren: RSET zum MTA, 451 zum Client.")


def catalogue() -> Iterator[tuple[str, str]]:
    """Yield name and line of every reply of the client module."""
    for name, value in vars(faults).items():
        if isinstance(value, faults.Reply):
            yield name, value.line().decode().strip()
        elif isinstance(value, bytes):
            yield name, value.decode().splitlines()[0].strip()


def test_every_reply_of_the_client_module_is_read_from_its_catalogue_and_explained() -> None:
    assert {(one.name, one.line) for one in replies.replies()} == set(catalogue())
    assert {row["name"] for row in rows("client_module")} == {name for name, _ in catalogue()}


@pytest.mark.parametrize("table", ["konnektor", "kim", "client_module"])
def test_causes_and_remedies_are_sentences(table: str) -> None:
    for row in rows(table):
        assert None not in row
        assert all(row[part].endswith(".") for part in ("cause", "remedy")), row
    keys = [
        tuple(row[part] for part in row if part not in ("cause", "remedy")) for row in rows(table)
    ]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("4085", "Abhilfe: VerifyPin"),
        ("4164", "LAN, WAN"),
        ("4009", "Karte stecken"),
        ("100", "Versichertendaten"),
        ("451 4.7.0", "PIN.SMC verifizieren"),
        ("5.7.8", "Adresse und Passwort"),
        ("-ERR USER first", "Zuerst USER"),
        ("eAU;Lieferung;V1.2", "Richtung: LE an Kasse"),
        ("Arztbrief", "Dienstkennung Arztbrief;"),
        ("KOM-LE-A_2021", "Prüfung cannot-sign"),
    ],
)
def test_codes_replies_and_dienstkennungen_have_cause_and_remedy(subject: str, told: str) -> None:
    assert told in "\n".join(explanation(subject))


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        ("40855", "4085"),
        ("kom-le-a_2102-9", "KOM-LE-A_2102"),
        ("outer-subjekt", "outer-subject"),
        ("eAU;Liefrung;V1.2", "eAU;Lieferung;V1.2"),
        ("the message can not be signed", "The message cannot be signed"),
    ],
)
def test_what_is_unknown_gets_the_nearest_suggestion(subject: str, meant: str) -> None:
    with pytest.raises(InputError, match="gemeint ist vielleicht") as caught:
        explanation(subject)
    assert meant in str(caught.value)


@pytest.mark.parametrize("subject", ["", "quatsch" * 40, "\x1b[2J"])
def test_what_resembles_nothing_is_told_in_one_line(subject: str) -> None:
    with pytest.raises(InputError) as caught:
        explanation(subject)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
