"""What README.md says about foreign clients works when it is pasted into a shell."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.engine.endpoints.contract import Endpoints
from scenarios.engine.pvs.control import Control

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
    assert "ConnectorServices" in paste("curl", "--cert-type", {})


def test_the_directory_names_the_insurer(paste: Paste, world: Endpoints) -> None:
    assert f"mail: {world.participants['kasse'].address}" in paste("ldapsearch", "entryType=5", {})
