"""Account Managers that answer with anything: one line for the user, and nothing more is told."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clientmodule.administration.command import main
from tests.administration_api import desk_of
from tests.wire.clientmodule.test_hostile_servers import ENDLESS, Talk, kim, provider_tls, serving

if TYPE_CHECKING:
    from tests.clientmodule_world import World

__all__ = ["kim", "provider_tls"]
MAX_REQUEST = 64 << 10
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answers(*pieces: bytes, endless: bool = False) -> Talk:
    """Hear a request, answer with *pieces*, and perhaps never end."""

    def talk(connection: socket.socket) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard and len(heard) < MAX_REQUEST:
            heard += connection.recv(4096)
        connection.sendall(b"".join(pieces))
        while endless:
            connection.sendall(ENDLESS)

    return talk


def ask(kim: World, place: Path, port: int) -> int:
    """Have the account shown by the Account Manager at *port*; return the exit status."""
    desk = desk_of(kim, "praxis")
    told = json.loads((kim.directory / "settings" / "clientmodule-praxis.json").read_text())
    manager = {desk.domain: f"https://127.0.0.1:{port}/AccountMgmt/v2.4"}
    changed = {**told, "account_manager": manager, "data_dir": str(place / "data")}
    (place / "settings.json").write_text(json.dumps(changed), encoding="utf-8")
    (place / "passwort").write_text("Geheimnis-1", encoding="utf-8")
    context = [word for key, value in desk.context.items() for word in (f"--{key}", value)]
    return main(
        [
            *("--settings", str(place / "settings.json"), "account", "--batch", *context),
            *("--address", desk.address, "--password-file", str(place / "passwort")),
        ]
    )


@pytest.mark.requirement("A_21396")
@pytest.mark.parametrize(
    "case",
    [
        (answers(OK, b"\r\n", endless=True), "seine Antwort ist unbrauchbar"),
        (answers(OK, b"X: ", endless=True), "seine Antwort ist unbrauchbar"),
        (answers(b"220 mail ESMTP\r\n"), "seine Antwort ist unbrauchbar"),
        (answers(OK, b"Content-Length: 50\r\n\r\n{"), "bricht ab"),
        (answers(), "bricht ab"),
        (answers(OK, b"Content-Length: 2\r\n\r\n{}"), "nicht lesbar (username)"),
        (answers(OK, b"Content-Length: 3\r\n\r\n\xff\xfe{"), "nicht lesbar (JSON)"),
        (
            answers(b"HTTP/1.1 400 X\r\nContent-Length: 23\r\n\r\n", b'{"message":"\\u001b[2J"}'),
            "(HTTP 400:  [2J)",
        ),
    ],
)
def test_account_manager_that_misbehaves(
    kim: World,
    provider_tls: ssl.SSLContext,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    case: tuple[Talk, str],
) -> None:
    talk, said = case
    with serving(talk, provider_tls) as port:
        assert ask(kim, tmp_path, port) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.splitlines() == [error.rstrip("\n")]


@pytest.mark.requirement("A_19457-02", "A_21396")
def test_nobody_else_is_told_where_an_account_manager_points_to(
    kim: World, provider_tls: ssl.SSLContext, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came: list[bool] = []
    with serving(lambda _: came.append(True), provider_tls) as other:
        there = f"HTTP/1.1 307 X\r\nLocation: https://127.0.0.1:{other}/\r\n".encode()
        with serving(answers(there, b"Content-Length: 0\r\n\r\n"), provider_tls) as port:
            assert ask(kim, tmp_path, port) == 2
    assert "der Anbieter antwortet unerwartet" in capsys.readouterr().err
    assert came == []
