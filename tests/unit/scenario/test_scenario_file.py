"""Scenario files: mistakes are told by file, line and what was expected; the schema fits."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from scenarios.engine.run.scenario_file import load_scenario, shipped_scenarios
from scenarios.engine.run.session import plan
from scenarios.engine.scenario.model import json_schema
from simulators.process.errors import InputError

GOOD = """\
title: Eine Mail
actors:
  praxis: {plays: practice, participant: praxis}
steps:
  - send: {actor: praxis, mail: kim-mail, to: [praxis], name: mail}
  - fetch: {actor: praxis, message: mail, name: eingang}
checks:
  - {rule: accepted, of: mail}
"""
SHIPPED = shipped_scenarios()


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("title: Eine Mail", "titel: Eine Mail", 1, "titel"),
        ("title: Eine Mail", "title: 3", 1, "erwartet wird ein Text"),
        ("plays: practice", "plays: doctor", 3, "practice"),
        ("actor: praxis, mail", "actor: klinik, mail", 5, "klinik gibt es hier nicht"),
        ("mail: kim-mail", "mail: brief", 5, "kim-mail"),
        ("to: [praxis]", "to: praxis", 5, "Liste"),
        ("to: [praxis]", "to: [praxis], cc: [x]", 5, "cc"),
        ("message: mail", "message: post", 6, "post gibt es hier nicht"),
        ("message: mail", "message: mail, within: lang", 6, "Zahl"),
        ("message: mail", "message: mail, report_on: mail", 6, "genau eines"),
        ("- fetch: {", "- hole: {", 6, "hole"),
        ("name: eingang", "name: mail", 6, "schon vergeben"),
        ("rule: accepted", "rule: acepted", 8, "gemeint ist vielleicht accepted"),
        ("of: mail}", "of: eingang}", 8, "eingang gibt es hier nicht"),
        ("rule: accepted, of: mail", "rule: outer-subject, of: mail", 8, "to fehlt"),
        ("rule: accepted, of: mail", "rule: accepted, of: mail, to: wer", 8, "wer gibt es"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in GOOD
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        load_scenario(path)
    text = str(refusal.value)
    assert text.startswith(f"{path}:{line}: "), text
    assert told in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("title: Eine Mail", "title: Eine Mail\nworld: dmo", 2, "mitgeliefert sind bench, demo"),
        ("participant: praxis", "participant: praksis", 3, "gemeint ist vielleicht praxis"),
        ("to: [praxis]", "to: [nirgends]", 5, "nirgends gibt es hier nicht"),
        ("to: [praxis]", "to: [a@b.kim.telematik]", 5, "Domänen der echten TI"),
        ("steps:", "documents:\n  eau: {kind: eau, insurer: kase}\nsteps:", 5, "kasse"),
        ("steps:", "documents:\n  eau: {kind: eau, without: [X]}\nsteps:", 5, "'Coverage'"),
    ],
)
def test_a_name_that_its_world_does_not_know_is_told_before_it_starts(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in GOOD
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        plan([str(path)], [])
    text = str(refusal.value)
    assert text.startswith(f"{path}:{line}: "), text
    assert told in text


def test_a_misspelt_key_is_told_before_the_one_that_it_was_to_be(tmp_path: Path) -> None:
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD.replace("checks:", "cheks:"), encoding="utf-8")
    with pytest.raises(InputError, match=r":7: cheks: .* gemeint ist vielleicht checks"):
        load_scenario(path)


def test_a_good_file_is_read_and_fits_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "szenario.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_scenario(path).steps[1].keyword == "fetch"
    jsonschema.validate(yaml.safe_load(GOOD), json_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_valid(path: Path) -> None:
    load_scenario(path)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json_schema()).validate(content)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    broken = yaml.safe_load(GOOD.replace("title", "titel"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("eau", "NAME=DATEI"),
        ("=x", "NAME=DATEI"),
        ("brief=/dev/null", "möglich: eau"),
        ("eau=/nicht/da", "nicht lesbar"),
        ("eau=/dev/null", "kein wohlgeformtes XML"),
    ],
)
def test_a_bad_input_is_told_in_one_line(given: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plan(["eau/lieferung"], [given])


def test_an_unknown_scenario_is_told() -> None:
    with pytest.raises(InputError, match="kein Szenario"):
        plan(["eau/gibt-es-nicht"], [])
