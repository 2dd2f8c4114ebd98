"""What an insurer remembers, in which version it answers, what it takes for a virus."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from scenarios.engine.actors.insurer_memory import InsurerMemory, Known
from scenarios.engine.actors.opinion import carried, sent_on
from scenarios.engine.documents import error_codes, people, storno
from scenarios.engine.documents.answer_version import (
    answer_version,
    fhir_version,
    service_version,
)
from scenarios.engine.documents.identities import Identities
from scenarios.engine.documents.mail_parts import read_mail
from scenarios.engine.documents.on_purpose import encoded, with_version
from scenarios.engine.documents.outcome import Subject, outcome, read_outcome
from scenarios.engine.documents.virus import eicar, infected_part
from scenarios.engine.scenario.insurer import InsurerHabits

DURING = date(2026, 2, 2)
# FHIR version as far as it can be told, version of the Dienstkennung, versions of the answer
MATRIX = [
    ("1.2", "V1.2", "1.2 V1.2"),
    (None, "V1.2", "1.2 V1.2"),
    ("1.2", "V1.1", "1.2 V1.1"),
    (None, "V1.1", "1.1.0 V1.1"),
    ("1.2", None, "1.2 V1.2"),
    (None, None, "1.2 V1.2"),
    ("1.1", "V1.1", "1.1.0 V1.1"),
    ("1.1", "V1.2", "1.1.0 V1.1"),
    ("1.1", None, "1.1.0 V1.1"),
]


@pytest.mark.parametrize(("fhir", "service", "answer"), MATRIX)
def test_in_the_transition_the_answer_has_the_versions_of_the_matrix(
    fhir: str | None, service: str | None, answer: str
) -> None:
    assert str(answer_version(fhir, service, DURING)) == answer


@pytest.mark.parametrize(("fhir", "service", "_"), MATRIX)
def test_outside_the_transition_there_is_one_version(
    fhir: str | None, service: str | None, _: str
) -> None:
    assert str(answer_version(fhir, service, date(2025, 9, 30))) == "1.1.0 V1.1"
    assert str(answer_version(fhir, service, date(2026, 4, 1))) == "1.2 V1.2"


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b'<profile value="x/KBV_PR_EAU_Bundle|1.2"/>', "1.2"),
        (b'<profile value="x/KBV_PR_EAU_Storno_Bundle|1.1.0"/>', "1.1"),
        ('<profile value="x/KBV_PR_EAU_Bundle|1.2"/>'.encode("utf-16"), "1.2"),
        (b'<profile value="x/KBV_PR_EAU_Bundle"/>', None),
        (b"", None),
        (None, None),
    ],
)
def test_the_version_is_told_from_the_profile(content: bytes | None, version: str | None) -> None:
    assert fhir_version(content) == version


@pytest.mark.parametrize(
    ("service", "version"),
    [
        ("eAU;Lieferung;V1.2", "V1.2"),
        ("eau;storno-arzt;v1.1", "V1.1"),
        ("eAU;Lieferung;V1.0", None),
        ("KIM-Mail;Default;V1.0", None),
        (None, None),
    ],
)
def test_only_a_known_dienstkennung_has_a_version(service: str | None, version: str | None) -> None:
    assert service_version(service) == version


def test_an_answer_of_the_old_version_says_so() -> None:
    old = outcome(
        Identities(1, "x").uuid("outcome"),
        error_codes.NOT_INSURED,
        Subject("<a@b>"),
        version="1.1.0",
    )
    assert read_outcome(old).version == "1.1.0"


def test_a_file_that_came_before_is_a_duplicate() -> None:
    memory = InsurerMemory()
    assert memory.known("urn:uuid:1", b"a") is Known.NEW
    memory.note("urn:uuid:1", b"a", rejected=False)
    assert memory.known("urn:uuid:1", b"a") is Known.DUPLICATE
    assert memory.known(None, b"a") is Known.DUPLICATE
    assert memory.known("urn:uuid:2", b"b") is Known.NEW
    assert InsurerMemory().known("urn:uuid:1", b"a") is Known.NEW


def test_another_file_of_the_same_identifier_is_no_duplicate() -> None:
    memory = InsurerMemory()
    memory.note("urn:uuid:1", b"a", rejected=False)
    assert memory.known("urn:uuid:1", b"b") is Known.OTHER_FILE


def test_what_was_rejected_and_then_accepted_can_be_cancelled() -> None:
    memory = InsurerMemory()
    memory.note("urn:uuid:1", b"a", rejected=True)
    assert memory.was_rejected("urn:uuid:1")
    memory.note("urn:uuid:1", b"a", rejected=False)
    assert not memory.was_rejected("urn:uuid:1")
    assert not memory.was_rejected("urn:uuid:2")
    assert not memory.was_rejected(None)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=1), st.booleans())))
def test_the_first_time_is_never_a_duplicate(files: list[tuple[str, bytes, bool]]) -> None:
    memory, seen = InsurerMemory(), set()
    for identifier, content, rejected in files:
        assert (memory.known(identifier, content) is Known.NEW) <= (content not in seen)
        memory.note(identifier, content, rejected=rejected)
        seen.add(content)
        assert memory.was_rejected(identifier) is rejected


def with_attachment(content: bytes) -> bytes:
    message = EmailMessage()
    message.set_content("Text")
    message.add_attachment(content, "application", "octet-stream", filename="a.bin")
    return message.as_bytes()


def test_a_virus_is_found_in_every_part_by_its_pattern() -> None:
    assert len(eicar()) == 68
    infected = read_mail(with_attachment(b"\0" + eicar().encode()))
    assert infected_part(infected, eicar()) == "a.bin"
    assert infected_part(infected, "Text") == "text/plain"
    assert infected_part(read_mail(with_attachment(b"gut")), eicar()) is None


def test_a_message_that_could_not_be_opened_tells_what_it_was() -> None:
    outer = EmailMessage()
    outer["X-KIM-Dienstkennung"] = "eAU;Lieferung;V1.2"
    report = EmailMessage()
    report.set_content("nicht entschlüsselt")
    report.add_attachment(outer)
    given = read_mail(report.as_bytes())
    assert carried(given).field("X-KIM-Dienstkennung") == "eAU;Lieferung;V1.2"
    assert carried(carried(given)).field("X-KIM-Dienstkennung") == "eAU;Lieferung;V1.2"


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("Tue, 31 Mar 2026 23:59:59 +0200", date(2026, 3, 31)),
        ("Wed, 01 Apr 2026 00:00:00 +0200", date(2026, 4, 1)),
        ("gestern", date(2026, 11, 23)),
        ("Mon, 1 Jan 2026 00:00:00 +99999999999999", date(2026, 11, 23)),
        ("Mon, 1 Jan 99999999999999 00:00:00 +0000", date(2026, 11, 23)),
    ],
)
def test_the_mails_own_date_decides(written: str, day: date) -> None:
    mail = read_mail(f"Date: {written}\r\n\r\nText".encode())
    assert sent_on(mail, date(2026, 11, 23)) == day


def test_what_is_wrong_on_purpose_is_well_formed_otherwise() -> None:
    content = storno.bundle(
        Identities(1, "x"),
        "urn:uuid:2ed6995a-ddcb-4af9-af62-80dac413408b",
        datetime(2026, 11, 23, tzinfo=UTC),
        people.Author(people.DOCTORS["arzt-1"], people.PRACTICE),
    )
    for name in ("utf-8", "utf-8-bom", "utf-16", "iso-8859-1"):
        root = etree.fromstring(encoded(content, name))
        assert etree.tostring(root) == etree.tostring(etree.fromstring(content))
    assert with_version(content, "1.2") == content
    assert fhir_version(with_version(content, "1.1.0")) == "1.1"


def test_the_versions_end_as_ta_eau_has_them() -> None:
    versions = InsurerHabits().versions
    assert versions["1.1"].until == date(2026, 3, 31)
    assert versions["1.2"].until is None


def test_a_code_that_no_table_knows_is_named_all_the_same() -> None:
    assert error_codes.named("105") is error_codes.ALREADY_REJECTED
    assert error_codes.named("404").display == "Unbekannter Fehler"
