"""The register of Dienstkennungen: what it says, how it is extended, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.engine.command import main
from scenarios.engine.services import description
from scenarios.engine.services.registry import shipped
from scenarios.engine.services.template import written
from simulators.process.errors import InputError

OWN = """\
dienstkennungen:
  - dienstkennung: eAU;Lieferung;V1.2
    title: anders als mitgeliefert
    sender: [LE]
    receiver: [Kasse]
    status: unconfirmed
    source: Test
    subject: eAU <UUID>
  - dienstkennung: Hausdienst;<Typ>;V<nn>
    title: eigene
    types: [Hin, Her]
    sender: [Praxis]
    receiver: [Labor]
    status: unconfirmed
    source: Test
"""


@pytest.mark.parametrize(
    ("read", "entry"),
    [
        ("EAU;lieferung;v1.2", "eAU;Lieferung;V1.2"),
        ("eEB;Anfrage;V1.1", "eEB;Anfrage;V1.1"),
        ("PFL;ABR-07;1.0.0", "PFL;ABR-<nn>;1.0.0"),
        ("eDokumentation-QSKE;Lieferung;V2.0", "eDokumentation-<Typ>;Lieferung;V2.0"),
        ("eNachricht;Lieferung;V3", "eNachricht;Lieferung;<Version>"),
        ("eAU;Lieferung;V9.9", None),
        ("eDokumentation-QSXX;Lieferung;V2.0", None),
        ("PFL;ABR-00;1.0.0", None),
        ("", None),
    ],
)
def test_a_dienstkennung_is_found_without_regard_to_case(read: str, entry: str | None) -> None:
    found = shipped().find(read)
    assert (found.dienstkennung if found else None) == entry


def test_it_is_written_exactly() -> None:
    assert shipped().entry("eAU;Lieferung;V1.2").status == "confirmed"
    with pytest.raises(KeyError):
        shipped().entry("eau;lieferung;v1.2")


def test_what_answers_is_registered_itself() -> None:
    names = {entry.dienstkennung for entry in shipped().entries}
    answers = {answer for entry in shipped().entries for answer in entry.answers}
    assert answers - {"DSN", "MDN"} <= names


@pytest.mark.parametrize(
    ("service", "status", "draft"),
    [
        ("KIM-Mail;Default;V1.0", "confirmed", False),
        ("Arztbrief;Eingangsbestaetigung;V1.2", "unconfirmed", False),
        ("E-Rezept;Rezeptanforderung;V1.0", "confirmed", True),
        ("DALE-UV;Einsendung;V1.0", "secondary", False),
        ("EBZ;ANW;2.0.0", "secondary", False),
        ("LDT-Befund;Trigger;V1.0", "secondary", False),
        ("eNachricht;Lieferung;V1.0", "unconfirmed", False),
    ],
)
def test_an_entry_says_what_its_source_is_worth(service: str, status: str, draft: bool) -> None:
    entry = shipped().entry(service)
    assert (entry.status, entry.draft) == (status, draft)


def test_every_entry_can_be_told_in_words() -> None:
    for entry in shipped().entries:
        lines = list(description.lines(entry))
        assert lines[0].startswith(f"Dienstkennung {entry.dienstkennung}")
        assert any(entry.source in line for line in lines)


def test_templates_are_filled_in_or_left_to_somebody() -> None:
    assert written("<T/E>EEB0_ANF_<UUID>.p7s", "x-1") == "TEEB0_ANF_x-1.p7s"
    assert written("<Dienstkennung>", "x", "A;B;V1") == "A;B;V1"
    assert written("<Name>.pdf", "x") is None


def test_a_file_of_the_user_goes_before_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "eigene.yaml"
    file.write_text(OWN, encoding="utf-8")
    own = shipped().extended_by(file)
    assert own.entry("eAU;Lieferung;V1.2").subject == "eAU <UUID>"
    assert own.entry("Hausdienst;Her;V03").title == "eigene"
    assert own.find("eau;storno-arzt;v1.2") is not None
    assert len(own.entries) == len(shipped().entries) + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("eAU <UUID>", "eAU <XY>", ":8: dienstkennungen.0.subject: <XY> gibt es nicht"),
        ("eAU <UUID>", "<ID> <UUID>", "zusammen höchstens einmal"),
        ("    types: [Hin, Her]\n", "", "types: erwartet genau, wenn die Dienstkennung <Typ>"),
        ("status: unconfirmed", "status: sicher", "status"),
        ("Hausdienst;<Typ>;V<nn>", "eau;lieferung;v1.2", "types"),
        ("Hausdienst;<Typ>;V<nn>", "Hausdienst", "dienstkennung: passt nicht zum Muster"),
        ("[Labor]", "[Nachbar]", "receiver"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "eigene.yaml"
    assert old in OWN
    file.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        shipped().extended_by(file)
    assert said in str(refused.value)
    assert str(file) in str(refused.value)


def test_list_and_explain_show_what_a_user_adds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "eigene.yaml"
    file.write_text(OWN, encoding="utf-8")
    assert main(["explain", "hausdienst;hin;v01", "--dienstkennungen", str(file)]) == 0
    assert "Dienstkennung Hausdienst;<Typ>;V<nn>: eigene" in capsys.readouterr().out
    assert main(["list", "--dienstkennungen", str(file)]) == 0
    assert "Hausdienst;<Typ>;V<nn>" in capsys.readouterr().out
    assert main(["explain", "hausdienst;hin;v01"]) == 2
