"""The catalogue beside the tables of the specification: every code, its type, severity, text."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.konnektor.faults import Code, catalogue, trace, variants

SEVERITIES = {"Info", "Warning", "Error", "Fatal"}
# "Fehler" stands once where Error is meant (TAB_KON_887).
MISPRINTS = {"Fehler": "Error"}
# Printed as part of a text: quotation marks, line ends, hints to the Konnektor's maker.
_NO_TEXT = re.compile(r"<…>|\\|[„“”\"]|\((Nur wenn|Überschneidung)[^)]*\)")


def _words(text: str) -> str:
    return " ".join(_NO_TEXT.sub("", text).split()).rstrip(". ").replace(" :", ":")


@pytest.fixture(scope="session")
def printed(spec: Callable[[str], Path]) -> dict[int, list[dict[str, str]]]:
    """Return the rows of the specification's tables by code."""
    found: dict[int, list[dict[str, str]]] = defaultdict(list)
    with spec("konnektor-faults.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            severity = MISPRINTS.get(row["severity"], row["severity"])
            found[int(row["code"])].append({**row, "severity": severity})
    return found


def test_every_code_of_the_tables_and_no_other_of_gematiks(printed: Any) -> None:
    ours = {code for code, entry in catalogue().items() if "TAB_KON" in entry.source}
    assert len(printed) == 201
    assert ours == set(printed)


def test_texts_types_and_severities_are_printed_so(printed: Any) -> None:
    for code, rows in printed.items():
        entry = catalogue()[code]
        assert (entry.error_type, entry.severity) in {
            (row["error_type"], row["severity"]) for row in rows
        }, code
        texts = [_words(row["text"]) for row in rows]
        assert any(_words(entry.text) in text for text in texts), (code, texts)
        tables = {table for row in rows for table in row["tables_of_gemSpec_Kon_5.18"].split()}
        assert entry.source.split()[-1] in tables, code


def test_what_differs_between_tables_is_told_by_operation(printed: Any) -> None:
    """A second type or severity of a code must be reachable: by the operation of its table."""
    for code, rows in printed.items():
        kinds = {(row["error_type"], row["severity"]) for row in rows}
        ours = [catalogue()[code], *(e for (of, _), e in variants().items() if of == code)]
        assert {(entry.error_type, entry.severity) for entry in ours} == kinds, code


def test_an_internal_error_is_a_matter_of_security_while_encrypting() -> None:
    internal = trace(Code.INTERNAL)
    assert internal.at("EncryptDocument").error_type == "Security"
    assert internal.at("DecryptDocument").error_type == "Security"
    assert internal.at("SignDocument").error_type == internal.at(None).error_type == "Technical"


def test_every_entry_is_complete() -> None:
    for entry in catalogue().values():
        assert entry.error_type in {"Technical", "Security", "Business"}
        assert entry.severity in SEVERITIES
        assert entry.text
        assert entry.source
    assert set(Code) <= set(catalogue())
