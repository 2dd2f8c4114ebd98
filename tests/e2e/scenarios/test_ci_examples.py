"""What docs/ci.md tells pipelines to do works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.reset import reset_all

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60

OUR_PVS = f"""\
#!{sys.executable}
import os, smtplib, ssl
value = lambda name: os.environ["KIMULATOR_" + name]
host, _, port = value("SITE_PRAXIS_SMTP").rpartition(":")
context = ssl.create_default_context(cafile=value("CA"))
sender, to = value("PARTICIPANT_PRAXIS_ADDRESS"), value("PARTICIPANT_KLINIK_ADDRESS")
with smtplib.SMTP_SSL(host, int(port), context=context, timeout=30) as client:
    client.login(value("PARTICIPANT_PRAXIS_SMTP_USER"), value("PARTICIPANT_PRAXIS_PASSWORD"))
    client.sendmail(sender, to, f"From: {{sender}}\\r\\nTo: {{to}}\\r\\nSubject: Befund\\r\\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0100\\r\\nMessage-ID: <ci@pvs.example>\\r\\n"
        "X-KIM-Dienstkennung: KIM-Mail;Default;V1.0\\r\\n\\r\\nGuten Tag\\r\\n")
"""


def examples(language: str) -> list[str]:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def pipelines() -> dict[str, Any]:
    """Return the examples by the schema that says what they have to be."""
    github, gitlab = map(yaml.safe_load, examples("yaml"))
    return {"github-workflows": github, "gitlab-ci": gitlab}


def commands(name: str) -> list[str]:
    content = pipelines()[name]
    if name == "gitlab-ci":
        job = content["kim"]
        return [*job["before_script"], *job["script"], *job["after_script"]]
    return [step["run"] for step in content["jobs"]["kim"]["steps"] if "run" in step]


@pytest.fixture
def workplace(world: Endpoints, tmp_path: Path) -> Path:
    """Where a pipeline's commands run: the world is up already, and begins anew."""
    reset_all(world.controls().values())
    (tmp_path / "kimulator-run").symlink_to(world.directory)
    program = tmp_path / "test-our-pvs"
    program.write_text(OUR_PVS, encoding="utf-8")
    program.chmod(0o700)
    return tmp_path


def pasted(lines: str, where: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", lines],
        cwd=where,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("name", ["github-workflows", "gitlab-ci"])
def test_a_pipeline_is_one(name: str) -> None:
    shipped = files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    schema = json.loads(shipped.read_text(encoding="utf-8"))
    content = pipelines()[name]
    if True in content:  # YAML 1.1 takes GitHub's "on" for a truth value
        content["on"] = content.pop(True)
    jsonschema.validators.validator_for(schema)(schema).validate(content)


@pytest.mark.parametrize("name", ["github-workflows", "gitlab-ci"])
def test_the_world_of_a_pipeline_is_started_and_ended(name: str) -> None:
    from scenarios.engine.command import _parser

    lines = [shlex.split(line) for text in commands(name) for line in text.splitlines()]
    ours = [line[1:] for line in lines if line[0] == "kimulator"]
    assert [line[0] for line in ours] == ["up", "run", "down"]
    for line in ours:
        _parser().parse_args(line)


def test_the_commands_of_a_pipeline_run(workplace: Path, tool: Callable[[str], str]) -> None:
    tool("curl")
    own = [
        text for text in commands("github-workflows") if not re.match("pip|kimulator (up|d)", text)
    ]
    (waiting,) = examples("bash")
    done = pasted("\n".join([own[0], waiting, *own[1:]]), workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"message_id": "<ci@pvs.example>"' in done.stdout
    assert (workplace / "kim.xml").is_file()
    assert (workplace / "kim.html").is_file()
