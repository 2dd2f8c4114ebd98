"""Foreign mail programs through the client module: swaks sends, curl and fetchmail fetch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from clientmodule import texts
from tests.clientmodule_world import World

PLAIN_TEXT = "Text aus swaks"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def swaks(kim: World, tool: Callable[[str], str], mechanism: str) -> None:
    """Send from kasse, whose client module is without TLS: not every swaks brings it."""
    module = kim.endpoints.sites["kasse"].clientmodule
    assert module is not None
    user, password = kim.user("kasse")
    done = run(
        *(tool("swaks"), "--server", module.smtp),
        *("--auth", mechanism, "--auth-user", user, "--auth-password", password),
        *("--from", kim.address("kasse"), "--to", kim.address("praxis")),
        *("--header", "Subject: swaks", "--body", PLAIN_TEXT),
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends_and_curl_fetches(
    kim: World, tool: Callable[[str], str], mechanism: str
) -> None:
    swaks(kim, tool, mechanism)
    kim.stored("praxis")
    module = kim.endpoints.sites["praxis"].clientmodule
    assert module is not None
    user, password = kim.pop3_user("praxis")
    done = run(
        *(tool("curl"), "--silent", "--show-error"),
        f"pop3s://{quote(user)}:{quote(password)}@{module.pop3}/1",
        *("--cacert", str(kim.directory / "ca.pem")),
    )
    assert done.returncode == 0, done.stderr
    assert PLAIN_TEXT in done.stdout
    assert texts.NOTE_VERIFIED in done.stdout


def test_fetchmail(kim: World, tool: Callable[[str], str], tmp_path: Path) -> None:
    swaks(kim, tool, "PLAIN")
    kim.stored("praxis")
    module = kim.endpoints.sites["praxis"].clientmodule
    assert module is not None
    port = module.pop3.rpartition(":")[2]
    user, password = kim.pop3_user("praxis")
    rules = tmp_path / "fetchmailrc"
    # Without fetchall it takes TOP for RETR, and TOP gives no body (KOM-LE-A_2041).
    rules.write_text(
        f'poll localhost protocol POP3 port {port} username "{user}" password "{password}" '
        f'ssl fetchall sslcertck sslcertfile "{kim.directory / "ca.pem"}" '
        f"mda \"sh -c 'cat > {tmp_path}/mail'\"\n"
    )
    rules.chmod(0o600)
    done = run(
        *(tool("fetchmail"), "--fetchmailrc", str(rules), "--nosyslog", "--verbose"),
        *("--pidfile", str(tmp_path / "pid"), "--idfile", str(tmp_path / "ids")),
        FETCHMAILHOME=str(tmp_path),
        HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    fetched = (tmp_path / "mail").read_text()
    assert PLAIN_TEXT in fetched
    assert "X-KIM-IntegrityCheckResult: 01" in fetched
    kim.stored("praxis", 0)
