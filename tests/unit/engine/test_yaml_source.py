"""YAML files of people: every mistake is one line with file, line and what was expected."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from scenarios.engine.yaml_files import yaml_source
from simulators.process.errors import InputError
from simulators.process.settings import Settings

FILE = Path("welt.yaml")


class Cat(Settings):
    kind: Literal["cat"]
    lives: int = 9


class Dog(Settings):
    kind: Literal["dog"]
    barking: bool = True


class Keeper(Settings):
    surname: str


class Zoo(Settings):
    name: str
    animals: dict[str, Annotated[Cat | Dog, Field(discriminator="kind")]] = {}
    visitors: list[Cat | None] = []
    keepers: Annotated[tuple[Keeper, ...], Field(min_length=1)] | None = None


def mistake(text: str) -> str:
    with pytest.raises(InputError) as caught:
        yaml_source.parse(text, FILE).validate(Zoo)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam: x\n", "welt.yaml:1: nam: unbekannter Schlüssel; gemeint ist vielleicht name"),
        ("animals: {}\n", "welt.yaml:1: name: fehlt"),
        (
            "name: x\nanimals:\n  tom:\n    kind: cat\n    livs: 3\n",
            "welt.yaml:5: animals.tom.livs: unbekannter Schlüssel; gemeint ist vielleicht lives",
        ),
        (
            "name: x\nanimals:\n  rex: {kind: dog, barking: laut}\n",
            "welt.yaml:3: animals.rex.barking: erwartet wird true oder false",
        ),
        (
            "name: x\nanimals:\n  rex: {kind: bird}\n",
            "welt.yaml:3: animals.rex: erwartet wird 'cat', 'dog'",
        ),
        (
            "name: 12\n",
            "welt.yaml:1: name: erwartet wird ein Text (Ziffernfolgen in Anführungszeichen setzen)",
        ),
        (
            "name: x\nvisitors:\n- null\n- {kind: cat, lives: nine}\n",
            "welt.yaml:4: visitors.1.lives: erwartet wird eine ganze Zahl",
        ),
        (
            "name: x\nkeepers:\n- {surname: y, surnam: z}\n",
            "welt.yaml:3: keepers.0.surnam: unbekannter Schlüssel; gemeint ist vielleicht surname",
        ),
        ("name: x\nkeepers: []\n", "welt.yaml:2: keepers: erwartet werden mindestens 1 Einträge"),
        ("name: x\nvisitors: 3\n", "welt.yaml:2: visitors: erwartet wird eine Liste"),
        ("name: x\nname: y\n", "welt.yaml:2: name: steht doppelt da"),
        ("name: &a x\n", "welt.yaml:1: Anker (&) und Verweise (*) sind nicht erlaubt"),
        ("name: !!python/name:os.system x\n", "welt.yaml:1: Typangaben (!) sind nicht erlaubt"),
        ("name: x\n? [a]\n: b\n", "welt.yaml:2: ein Schlüssel muss ein Wort sein"),
        ("- a\n", "welt.yaml:1: Datei: erwartet wird eine Zuordnung (Schlüssel: Wert)"),
        ("", "welt.yaml:1: Datei: erwartet wird eine Zuordnung (Schlüssel: Wert)"),
        ("[" * 40, "welt.yaml:1: zu tief verschachtelt oder zu viele Werte"),
    ],
)
def test_one_line_says_where_and_what(text: str, message: str) -> None:
    assert mistake(text) == message


def test_broken_yaml_names_the_line() -> None:
    assert mistake("name: x\nanimals: {a: [}\n").startswith("welt.yaml:2: kein YAML: ")


def test_aliases_cannot_grow() -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
    )
    assert "Anker" in mistake(bomb)


def test_too_many_values_are_refused() -> None:
    assert "zu viele Werte" in mistake("name: [" + "1," * (yaml_source.MAX_NODES + 1) + "]")


def test_a_date_stays_a_text() -> None:
    assert yaml_source.parse("name: 2026-07-01\n", FILE).validate(Zoo).name == "2026-07-01"


def test_unreadable_files(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Köln".encode("latin-1"))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (yaml_source.MAX_BYTES + 1))
    for path, expected in (
        (latin, "kein UTF-8"),
        (large, "größer als"),
        (tmp_path / "none.yaml", "nicht lesbar"),
        (tmp_path, "nicht lesbar"),
    ):
        with pytest.raises(InputError, match=expected):
            yaml_source.read(path)


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_one_line(text: str) -> None:
    with suppress(InputError):
        yaml_source.parse(text, FILE).validate(Zoo)
