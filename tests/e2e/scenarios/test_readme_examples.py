"""What README.md says about foreign clients works when it is pasted into a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.control import Control
from scenarios.engine.run.expected_failures import read_expected_failures
from scenarios.engine.run.scenario_file import load_scenario, scenario_path
from scenarios.engine.world.file import WORLDS, load_world

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 30

Paste = Callable[[str, str, dict[str, str]], str]


@pytest.fixture
def paste(world: Endpoints, tool: Callable[[str], str], tmp_path: Path) -> Paste:
    """Return a function that pastes the one example with a program and a word into a shell."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```bash\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (tmp_path / "kimulator-run").symlink_to(world.directory)

    def run(program: str, word: str, instead: dict[str, str]) -> str:
        (example,) = (text for text in examples if f"{program} " in text and word in text)
        tool(program)
        for old, new in instead.items():
            example = example.replace(old, new)
        done = subprocess.run(
            ["bash", "-euc", example],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def waiting(world: Endpoints) -> Iterator[Callable[[], int]]:
    """Return a function that counts the hospital's mails; the new ones go after the test."""
    address = world.participants["klinik"].address
    control = Control(world.providers[address.rpartition("@")[2]].control)
    before = {stored.uid for stored in control.mailbox(address)}
    yield lambda: len(control.mailbox(address))
    for stored in control.mailbox(address):
        if stored.uid not in before:
            control.delete_message(address, stored.uid)


def test_a_mail_is_sent_and_fetched(paste: Paste, waiting: Callable[[], int]) -> None:
    assert "250 2.6.0" in paste("swaks", "--tlsc", {})
    newest = {'_POP3/1"': f'_POP3/{waiting()}"'}  # README's mailbox holds nothing else
    for program, word in (("curl", "pop3s://"), ("fetchmail", "poll")):
        fetched = paste(program, word, newest)
        assert "Bitte um Rückruf" in fetched
        assert "X-KIM-IntegrityCheckResult: 01" in fetched


def test_the_konnektor_names_its_services(paste: Paste) -> None:
    assert "ConnectorServices" in paste("curl", "PRAXIS_CLIENT_CERTIFICATE", {})


def test_the_directory_names_the_insurer(paste: Paste, world: Endpoints) -> None:
    assert f"mail: {world.participants['kasse'].address}" in paste("ldapsearch", "entryType=5", {})


def test_the_provider_tells_the_limits_of_an_account(paste: Paste) -> None:
    assert '"maxMailSize": 734003200' in paste("curl", "ACCOUNT_LIMIT", {})


def test_the_names_of_the_world_lead_to_its_servers(paste: Paste) -> None:
    assert "mail.kv.dox.kim.telematik-test." in paste("dig", "+short", {})


def test_a_soap_call_is_answered(paste: Paste) -> None:
    assert "<CARD:Card>" in paste("curl", "GetCards", {})


def test_cards_are_pulled_and_pins_left_to_somebody(paste: Paste, world: Endpoints) -> None:
    said = paste("curl", "/pins/", {})
    assert '"inserted": false' in said
    assert '"entry": "manual"' in said
    konnektor = world.sites["praxis"].konnektor
    assert konnektor is not None
    assert {card["inserted"] for card in Control(konnektor.control).get_json("/cards")} == {True}


def test_faults_on_purpose_are_taken(paste: Paste, world: Endpoints) -> None:
    konnektor = world.sites["praxis"].konnektor
    assert konnektor is not None
    control = Control(konnektor.control)
    try:
        assert [rule["id"] for rule in json.loads(paste("curl", "/faults", {}))["rules"]] == [
            "busy",
            "lost",
        ]
    finally:
        control.delete("/faults")


def yaml_examples() -> list[Any]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```", readme, re.M | re.S)
    return [yaml.safe_load(one) for one in found]


def test_example_of_known_failures_holds(tmp_path: Path) -> None:
    (example,) = (one for one in yaml_examples() if "expected_failures" in one)
    path = tmp_path / "known.yaml"
    path.write_text(yaml.safe_dump(example), encoding="utf-8")
    delivery = load_scenario(scenario_path("eau/lieferung"))
    assert read_expected_failures(path, [("eau/lieferung", delivery)]).expected_failures


def test_examples_of_world_files_hold(tmp_path: Path) -> None:
    """Each is laid over the demo world, with files of the names that it has."""
    examples = [one for one in yaml_examples() if "expected_failures" not in one]
    assert len(examples) == 2
    for name in ("ca.pem", "enc.p12", "osig.p12", "password.txt"):
        (tmp_path / name).touch()
    for number, example in enumerate(examples):
        world = yaml.safe_load((WORLDS / "demo.yaml").read_text(encoding="utf-8"))
        praxis = world["sites"]["praxis"]
        if "sites" in example:
            praxis["cards"]["smc-b"] |= example["sites"]["praxis"]["cards"]["smc-b"]
            world["trust"] = example["trust"]
        else:
            praxis |= example
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(world, allow_unicode=True), encoding="utf-8")
        load_world(path)
