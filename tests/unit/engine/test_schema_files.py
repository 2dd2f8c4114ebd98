"""The JSON schemas for editors are kept in step with the models."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from jsonschema import Draft202012Validator

import scenarios
from scenarios.engine.scenario import model as scenario
from scenarios.engine.services import entry as dienstkennungen
from scenarios.engine.services.registry import SHIPPED
from scenarios.engine.world import model as world
from scenarios.engine.world.file import shipped_worlds, world_path

SCHEMAS = Path(scenarios.__file__).parent / "schema"


@pytest.mark.parametrize(
    ("name", "module"),
    [("world", world), ("scenario", scenario), ("dienstkennungen", dienstkennungen)],
)
def test_the_file_is_what_the_model_says(name: str, module: ModuleType) -> None:
    written = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    assert written == module.json_schema(), f"kimulator schema {name} > {SCHEMAS}/{name}.json"


@pytest.mark.parametrize("name", shipped_worlds())
def test_shipped_worlds_follow_the_schema(name: str) -> None:
    content = yaml.safe_load(world_path(name).read_text(encoding="utf-8"))
    validator = Draft202012Validator(world.json_schema())
    assert [error.message for error in validator.iter_errors(content)] == []


def test_the_shipped_register_follows_the_schema() -> None:
    content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    validator = Draft202012Validator(dienstkennungen.json_schema())
    assert [error.message for error in validator.iter_errors(content)] == []
