"""``kimulator validate``: one line for each broken rule, exit statuses, every kind of file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.engine import command
from scenarios.engine.documents import (
    cda,
    eau,
    eau_case,
    error_codes,
    letter_pdf,
    mails,
    people,
    storno,
)
from scenarios.engine.documents.identities import Identities
from scenarios.engine.documents.outcome import Subject, outcome
from scenarios.engine.profiles.validator import shipped
from scenarios.engine.validation.contents import Judge
from simulators.formats import signed_data
from simulators.process.errors import InputError

Spec = Callable[[str], Path]
Run = Callable[..., tuple[int, list[str], str]]
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
INSURER = people.Insurer("109907642", "Krankenkasse Eichenhain")
PLACE = Identities(1, "validate")
ENVELOPE = mails.Envelope("a@x.kim.telematik-test", ("k@y.kim.telematik-test",), NOW)
EAU = eau.bundle(PLACE, eau_case.case(PLACE, "ERST", INSURER, NOW))
CANCELLED = "urn:uuid:2ed6995a-ddcb-4af9-af62-80dac413408b"
LETTER = cda.letter(PLACE, INSURER, "Kardiologie Dr. Birke", NOW)


def signed(content: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Arzt TEST-ONLY")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return signed_data.sign(content, signed_data.key_signer(certificate, key), signing_time=NOW)


SIGNED = signed(EAU)
DELIVERY = mails.eau_delivery(
    ENVELOPE, str(PLACE.uuid("identifier")), SIGNED
).content  # fmt: skip


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def run(*files: tuple[str, bytes], more: tuple[str, ...] = ()) -> tuple[int, list[str], str]:
        for name, content in files:
            (tmp_path / name).write_bytes(content)
        paths = [str(tmp_path / name) for name, _ in files]
        status = command.main(["validate", "--date", "2026-11-24", *more, *paths])
        said = capsys.readouterr()
        lines = [line.removeprefix(f"{tmp_path}/") for line in said.out.splitlines()]
        return status, lines, said.err

    return run


def test_files_that_break_no_rule(run: Run) -> None:
    error = outcome(PLACE.uuid("o"), error_codes.UNREADABLE.eau, Subject(None, CANCELLED))
    answer = mails.eau_error(ENVELOPE, str(PLACE.uuid("o")), error, "Die eAU ist nicht lesbar.")
    files = (
        ("eau.xml", EAU),
        ("storno.xml", storno.bundle(PLACE, CANCELLED, NOW)),
        ("fehler.xml", error),
        ("brief.xml", cda.document(LETTER)),
        ("eau.p7s", SIGNED),
        ("lieferung.eml", DELIVERY),
        ("fehler.eml", answer.content),
    )
    status, lines, err = run(*files)
    assert lines == [f"{name}: keine Regel verletzt" for name, _ in files]
    assert (status, err) == (0, "")


@pytest.mark.requirement("P310-01")
def test_a_line_for_each_broken_rule(run: Run, tmp_path: Path) -> None:
    broken = EAU.replace(b'"final"', b'"draft"').replace(b"Arbeitsunf", b"arbeitsunf")
    status, lines, _ = run(("eau.xml", broken), more=("--json", str(tmp_path / "report.json")))
    assert status == 1
    assert len(lines) == 2
    where = broken[: broken.index(b'"draft"')].count(b"\n") + 1
    assert lines[0].startswith(f"eau.xml:{where}: KBV_PR_EAU_Composition:status (P310-08) ")
    assert "erwartet „final“; gefunden „draft“; Abhilfe: den Wert „final“ schreiben" in lines[0]
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    ((first, _),) = report.values()
    assert first["rule"] == "KBV_PR_EAU_Composition:status"
    assert first["line"] == where


def change(old: str, new: str) -> bytes:
    assert old.encode() in DELIVERY, old
    return DELIVERY.replace(old.encode(), new.encode())


@pytest.mark.requirement("P5-02", "P5-08", "P4-01")
@pytest.mark.parametrize(
    ("mail", "told"),
    [
        (change("eAU;Lieferung;V1.2", "eAU;Lieferung;V1.1"), "P5-08) X-KIM-Dienstkennung"),
        (change("X-KIM-Dienstkennung", "X-Dienst"), "A_19488-02"),
        (change("Subject: TEAU0_", "Subject: TEAU_"), "(P5-02) Subject"),
        (change("Subject: TEAU0_", "Subject: TEAU0_0"), "Kennung des Dokuments"),
        (change("Reply-To:", "X-Reply-To:"), "(P5-02) Reply-To"),
        (change("To: k@", "Cc: z@y.kim.telematik-test\r\nTo: k@"), "(P5-02) Cc"),
        (change("X-KIM-Support", "X-Support"), "X-KIM-Support"),
        (change("Content-Description: eAU", "Content-Description: Anhang"), "Content-Description"),
        (change("filename=TEAU0_", "filename=EAU0_"), "Dateiname"),
        (change("application/octet-stream", "application/pdf"), "Content-Type"),
        (
            mails.eau_delivery(ENVELOPE, str(PLACE.uuid("identifier")), SIGNED[:-20]).content,
            "P4-01",
        ),
        (
            mails.eau_delivery(
                ENVELOPE, str(PLACE.uuid("identifier")), SIGNED.replace(b'"final"', b'"draft"')
            ).content,
            "P4-01",
        ),
    ],
)
def test_what_is_wrong_with_a_mail_is_named(run: Run, mail: bytes, told: str) -> None:
    status, lines, err = run(("mail.eml", mail))
    assert (status, err) == (1, "")
    assert any(told in line for line in lines), lines


def test_the_date_of_a_mail_decides_about_versions(run: Run) -> None:
    mail = change("eAU;Lieferung;V1.2", "eAU;Lieferung;V1.1")
    early = mail.replace(b"Date: Mon, 23 Nov 2026", b"Date: Mon, 02 Mar 2026")
    assert early != mail
    _, lines, _ = run(("mail.eml", early))
    assert not any("P5-08" in line for line in lines)


@pytest.mark.requirement("P310-01")
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xef\xbb\xbf" + EAU, "UTF-8 ohne BOM"),
        (EAU.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1"), "UTF-8"),
    ],
)
def test_the_character_set(run: Run, content: bytes, told: str) -> None:
    status, lines, _ = run(("eau.xml", content))
    assert status == 1
    assert any(told in line for line in lines), lines


def test_a_letter_is_judged_part_by_part(run: Run) -> None:
    header = cda.document(LETTER).replace(b"<birthTime", b"<birth")
    mail = mails.arztbrief(ENVELOPE, None, letter_pdf.document(LETTER), header)
    status, lines, _ = run(("brief.eml", mail.content.replace(b"eAB-PDF", b"eAB-pdf")))
    assert status == 1
    for told in ("CDA:Geburtsdatum", "genau ein Anhang eAB-PDF-signed", "eAB-Anhang-01 bis -99"):
        assert any(told in line for line in lines), told


@pytest.mark.parametrize("part", ["typeId", "effectiveTime", "recordTarget", "participant"])
def test_the_header_of_a_cda(run: Run, part: str) -> None:
    content = cda.document(LETTER).replace(f"<{part}".encode(), b"<x").replace(
        f"</{part}>".encode(), b"</x>"
    )  # fmt: skip
    status, lines, _ = run(("brief.xml", content))
    assert status == 1
    assert len(lines) in (1, 2)


@pytest.mark.requirement("KP310-13")
def test_the_text_of_an_error_code_is_the_official_one(run: Run) -> None:
    error = outcome(PLACE.uuid("o"), error_codes.UNREADABLE.eau, Subject(None, CANCELLED))
    status, lines, _ = run(("fehler.xml", error.replace(b"nicht lesbar.", b"unlesbar.")))
    assert status == 1
    assert [line.split()[1] for line in lines] == ["KP310-13"]


def test_an_invariant_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["explain", "eau-angabeAUseitErstbescheinigung"]) == 0
    assert "onsetPeriod.start" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"<a>" * 1000,
        b"\x30\x80",
        b"\x00" * 100,
        b"Hallo",
        b"<!DOCTYPE a><a/>",
        b"<" * (5 << 20),
    ],
)
def test_what_cannot_be_read_is_one_line(run: Run, content: bytes) -> None:
    status, lines, err = run(("datei", content))
    assert (status, lines) == (2, [])
    assert len(err.splitlines()) == 1


def test_no_file_no_packages_no_place_for_the_report(run: Run, tmp_path: Path) -> None:
    for more in (
        (str(tmp_path / "fehlt.xml"),),
        ("--packages", str(tmp_path / "leer")),
        ("--json", str(tmp_path)),
    ):
        status, _, err = run(("eau.xml", EAU), more=more)
        assert status == 2
        assert len(err.splitlines()) == 1


def test_the_official_packages_judge_too(run: Run, spec: Spec) -> None:
    more = ("--packages", str(spec("eau/packages")))
    status, lines, _ = run(("eau.xml", EAU.replace(b'"ERST"', b'"FOLGE"')), more=more)
    assert status == 1
    assert [line.split()[1] for line in lines] == ["eau-angabeAUseitFolgebescheinigung"]


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(DELIVERY)), st.sampled_from([DELIVERY, EAU]))
def test_hostile_bytes_are_findings_or_one_line(noise: bytes, at: int, base: bytes) -> None:
    content = base[:at] + noise + base[at + len(noise) :]
    try:
        told = [one.text() for one in Judge(shipped(), NOW.date()).file(content, "x")]
    except InputError as error:
        told = [str(error)]
    assert all("\n" not in one for one in told)
