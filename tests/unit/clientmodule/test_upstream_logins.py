"""How the client module logs in at servers that offer one mechanism or the other."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest

from clientmodule.lines import LineStream
from clientmodule.mta import Mta
from clientmodule.pop3_server import Pop3Server
from clientmodule.provider import LoginRefused

USER, PASSWORD = "praxis@x.kim.telematik-test", "Größe-1"


async def log_in(
    greeting: str, answers: dict[str, str], login: Callable[[LineStream], Awaitable[object]]
) -> list[str]:
    """Log in at a server that gives the first of *answers* that fits; return what it was told."""
    told: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        while line := (await reader.readline()).decode().rstrip():
            told.append(line)
            answer = next((a for begins, a in answers.items() if line.startswith(begins)), None)
            writer.write(f"{answer or answers['']}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    stream = LineStream(reader, writer, seconds=5)
    try:
        await login(stream)
    finally:
        await stream.close()
        server.close()
    return told


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.requirement("KOM-LE-A_2012", "KOM-LE-A_2013")
@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("LOGIN PLAIN", [f"AUTH PLAIN {coded(chr(0) + USER + chr(0) + PASSWORD)}"]),
        ("PLAIN", [f"AUTH PLAIN {coded(chr(0) + USER + chr(0) + PASSWORD)}"]),
        ("LOGIN CRAM-MD5", ["AUTH LOGIN", coded(USER), coded(PASSWORD)]),
    ],
)
def test_mta(offered: str, said: list[str]) -> None:
    answers = {
        "EHLO": f"250-mta\r\n250 AUTH {offered}",
        "AUTH LOGIN": "334 VXNlcm5hbWU6",
        "AUTH PLAIN": "235 2.7.0 ok",
        coded(USER): "334 UGFzc3dvcmQ6",
        "": "235 2.7.0 ok",
    }
    told = asyncio.run(
        log_in("220 mta ESMTP", answers, lambda stream: Mta(stream).log_in(USER, PASSWORD))
    )
    assert told[1:] == said


@pytest.mark.requirement("KOM-LE-A_2034", "KOM-LE-A_2035")
@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("+OK", [f"USER {USER}", f"PASS {PASSWORD}"]),
        ("-ERR", [f"USER {USER}", f"AUTH PLAIN {coded(chr(0) + USER + chr(0) + PASSWORD)}"]),
    ],
)
def test_pop3_server(user: str, said: list[str]) -> None:
    answers = {"USER": f"{user} so", "": "+OK maildrop ready"}
    told = asyncio.run(
        log_in("+OK ready", answers, lambda stream: Pop3Server(stream).log_in(USER, PASSWORD))
    )
    assert told == said


@pytest.mark.requirement("KOM-LE-A_2013", "KOM-LE-A_2035")
def test_a_refusal_is_told_as_one() -> None:
    with pytest.raises(LoginRefused):
        asyncio.run(
            log_in(
                *("220 mta ESMTP", {"EHLO": "250 AUTH LOGIN", "AUTH": "334 x", "": "535 no"}),
                lambda stream: Mta(stream).log_in(USER, PASSWORD),
            )
        )
    with pytest.raises(LoginRefused):
        asyncio.run(
            log_in(
                *("+OK", {"": "-ERR no"}),
                lambda stream: Pop3Server(stream).log_in(USER, PASSWORD),
            )
        )
