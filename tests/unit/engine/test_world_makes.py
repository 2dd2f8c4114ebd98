"""Makes in a world: profiles with what stands beside them, the end of RSA, mistakes in either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from scenarios.engine.explain import explanation, overview
from scenarios.engine.world.file import load_world
from simulators.konnektor.settings import KonnektorSettings
from simulators.makes.make import Make
from simulators.makes.profiles import names, profile
from simulators.pki.rsa_end import RsaEndsOrWord
from simulators.process.errors import InputError
from simulators.process.yaml_text import load_yaml

WORLD = """\
title: Eine Welt
providers:
  eins.kim.telematik-test: {}
rsa_ends: ti
sites:
  praxis:
    name: Praxis
    konnektor: {make: {profile: eiche, texts: {4085: Nein}, latency: {jitter: 1}}}
participants:
  praxis: {site: praxis, address: praxis@eins.kim.telematik-test}
"""
REAL_VENDORS = ("koco", "cgm", "compugroup", "secunet", "rise", "research industrial", "arvato")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "welt.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_stands_beside_a_profile_is_laid_over_it(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, WORLD))
    make = world.sites["praxis"].konnektor.make
    assert make.base_path == "/webservices"
    assert make.texts == {4085: "Nein"}
    assert (make.latency.jitter, make.latency.usual) == (1, 25)
    assert make.vendor_trace_of(4085) is not None
    assert make.vendor_trace_of(4001) is None


def test_a_konnektor_reads_the_make_of_the_world_as_it_was_meant(tmp_path: Path) -> None:
    make = load_world(write(tmp_path, WORLD)).sites["praxis"].konnektor.make
    handed_on = make.model_dump(mode="json", exclude_unset=True)
    read: Any = KonnektorSettings.model_validate(
        {"name": "k", "data_dir": ".", "trust": "t", "authentication": "none", "make": handed_on}
    )
    assert read.make == make


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        ("eiche", "erle", 8, "'erle' gibt es nicht, nur ahorn, birke,"),
        ("4085: Nein", "9: Nein", 8, "erwartet wird ein Wert ab 1000"),
        ("jitter: 1", "jitterr: 1", 8, "gemeint ist vielleicht jitter"),
        ("jitter: 1", "jitter: -1", 8, "erwartet wird ein Wert ab 0"),
        ("latency: {jitter: 1}", "callers: stricht", 8, "erwartet wird strict, usual, lenient"),
        ("latency: {jitter: 1}", "tls: {minimum: '1.3'}", 8, "minimum liegt über maximum"),
        ("latency: {jitter: 1}", "paths: {CardService: /eventservice}", 8, "denselben Pfad"),
        (
            "latency: {jitter: 1}",
            "paths: {CardServise: /x}",
            8,
            "gemeint ist vielleicht CardService",
        ),
        (
            "latency: {jitter: 1}",
            "paths: {CardService/9.0: /x}",
            8,
            "CardService/9.0' gibt es nicht",
        ),
        (
            "{profile: eiche, texts: {4085: Nein}, latency: {jitter: 1}}",
            "{paths: {EventService: /CardService}}",
            8,
            "EventService/7.2 und CardService/8.1 haben denselben Pfad /ws/CardService",
        ),
        (
            "{profile: eiche, texts: {4085: Nein}, latency: {jitter: 1}}",
            '{base_path: "", paths: {EventService: /connector.sds}}',
            8,
            "das Dienstverzeichnis und EventService/7.2 haben denselben Pfad",
        ),
        ("latency: {jitter: 1}", "order: [EventServise]", 8, "vielleicht EventService"),
        ("latency: {jitter: 1}", "unknown_handle: {GetKards: 4101}", 8, "vielleicht GetCards"),
        ("latency: {jitter: 1}", "latency: {operations: {Sign: 4}}", 8, "'Sign' gibt es nicht"),
        ("latency: {jitter: 1}", "rsa_refused: 42", 8, "erwartet wird ein Wert ab 1000"),
        ("latency: {jitter: 1}", "vendor_trace: {code: 4000, text: x}", 8, "ab 10000"),
        ("{make:", "{authentication: basic, make:", 8, "kann nur certificate, tls, none"),
        ("rsa_ends: ti", "rsa_ends: bald", 4, "erwartet wird ti oder"),
        ("rsa_ends: ti", "rsa_ends: {qes: bald}", 4, "erwartet wird ein Datum wie 2026-07-01"),
    ],
)
def test_mistakes(tmp_path: Path, before: str, after: str, line: int, expected: str) -> None:
    assert before in WORLD
    path = write(tmp_path, WORLD.replace(before, after))
    with pytest.raises(InputError) as error:
        load_world(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert expected in str(error.value)


@pytest.mark.parametrize("name", names())
def test_a_profile_says_of_each_trait_whether_it_was_seen(name: str) -> None:
    """What was seen, where; the rest is unconfirmed. Names of makes are invented."""
    shipped = profile(name)
    assert set(shipped.make) == {*shipped.observed, *shipped.unconfirmed}
    make = Make.model_validate({"profile": name})
    told = f"{name} {make.vendor_name} {make.product_name} {make.vendor_id}".lower()
    assert not [vendor for vendor in REAL_VENDORS if vendor in told]
    assert make.vendor_name.endswith("TEST-ONLY")


def test_the_days_of_the_ti_can_be_moved_one_by_one() -> None:
    adapter = TypeAdapter(RsaEndsOrWord)
    assert adapter.validate_python("ti") == adapter.validate_python({})
    moved = adapter.validate_python(load_yaml("smcb: [{day: 2026-10-01, references: [C.SIG]}]"))
    assert (str(moved.qes), str(moved.smcb[0].day)) == ("2026-01-01", "2026-10-01")


def test_makes_are_listed_and_explained() -> None:
    assert any(line.split() and line.split()[0] == "birke" for line in overview())
    told = explanation("birke")
    assert told[0].startswith("Hersteller birke (erfunden): ")
    assert any("/v75/signservice" in line and "Authenticator" not in line for line in told)
    assert "  latency: {'usual': 40" in "\n".join(told)
    assert any(line.endswith("(unbestätigt)") for line in told)


def test_a_code_is_explained_for_each_operation_that_differs() -> None:
    told = "\n".join(explanation("4001"))
    assert "4001: Interner Fehler (Technical" in told
    assert "4001 bei EncryptDocument: Interner Fehler (Security" in told
