"""compose.yaml: valid by the compose specification, and the processes are those of the world."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scenarios.engine.world.file import load_world, world_path
from scenarios.engine.world.parts import DATAGRAMS, LISTENERS, MODULES, fixed_ports, parts

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return content


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    shipped = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(shipped.read_text(encoding="utf-8"))
    assert [e.message for e in Draft202012Validator(schema).iter_errors(compose)] == []


def test_the_services_are_the_processes_of_the_demo_world(compose: dict[str, Any]) -> None:
    world = load_world(world_path("demo"))
    ports = fixed_ports(world)
    services = {name: s for name, s in compose["services"].items() if name != "settings"}
    assert set(services) == {part.name for part in parts(world)}
    for part in parts(world):
        service = services[part.name]
        assert service["command"][:3] == ["python", "-m", MODULES[part.role]]
        assert service["command"][-1] == f"/world/run/settings/{part.name}.json"
        own = [ports[part.name, listener] for listener in LISTENERS[part.role]]
        published = [f"127.0.0.1:{port}:{port}" for port in own]
        published += [
            f"127.0.0.1:{ports[part.name, name]}:{ports[part.name, name]}/udp"
            for name in LISTENERS[part.role]
            if (part.role, name) in DATAGRAMS
        ]
        assert service["ports"] == published
        control = ports[part.name, "control"]
        assert service["healthcheck"]["test"][-1] == f"http://localhost:{control}"
        assert service["depends_on"]["settings"] == {"condition": "service_completed_successfully"}


def test_nothing_is_published_beyond_loopback(compose: dict[str, Any]) -> None:
    published = [port for s in compose["services"].values() for port in s.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
