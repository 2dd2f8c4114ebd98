"""What the client module says to the MTA."""

from __future__ import annotations

import asyncio

import pytest

from clientmodule.lines import LineStream
from clientmodule.mta import MailEnvelope, Mta, Recipient, Transmission, mail_command

ENVELOPE = MailEnvelope("a@x", ("RET=HDRS", "ENVID=1"))


@pytest.mark.requirement("KOM-LE-A_2018")
@pytest.mark.parametrize(
    ("message", "capabilities", "command"),
    [
        (b"abc", (), "MAIL FROM:<a@x>"),
        (b"abc", ("SIZE", "8BITMIME"), "MAIL FROM:<a@x> SIZE=3"),
        (b"a\xe4", ("SIZE", "8BITMIME"), "MAIL FROM:<a@x> SIZE=2 BODY=8BITMIME"),
        (b"a\xe4", ("DSN",), "MAIL FROM:<a@x> RET=HDRS ENVID=1"),
    ],
)
def test_mail_from(message: bytes, capabilities: tuple[str, ...], command: str) -> None:
    """KOM-LE-A_2018, RFC 1870, 3461, 6152: only what the MTA can is asked for."""
    assert mail_command(ENVELOPE, message, capabilities) == command


async def spoken_with(
    replies: dict[str, str], *, pipelining: bool
) -> tuple[Transmission, list[str]]:
    """Return how a mail to two recipients ends at a scripted MTA, and what it was told."""
    told: list[str] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mta ESMTP\r\n")
        while line := (await reader.readline()).decode().rstrip():
            told.append(line)
            keyword = next((k for k in replies if line.upper().startswith(k)), "")
            answer = replies.get(keyword, "250 ok")
            if line.startswith("EHLO") and pipelining:
                answer = "250-mta\r\n250 PIPELINING"
            writer.write(answer.encode() + b"\r\n")
            if answer.startswith("354"):
                await reader.readuntil(b".\r\n")
                told.append("(content)")
                writer.write(b"250 taken\r\n")
        writer.close()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    stream = LineStream(reader, writer, seconds=5)
    mta = Mta(stream)
    await mta.log_in("a", "b")
    envelope = MailEnvelope("a@x", (), (Recipient("b@x"), Recipient("c@x")))
    transmission = await mta.transmit(envelope, b"Subject: x\r\n\r\ny\r\n")
    await mta.command("NOOP")
    await stream.close()
    await over.wait()
    server.close()
    return transmission, told[told.index(next(line for line in told if "MAIL" in line)) :]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("replies", "code", "refused", "sent"),
    [
        ({"DATA": "354 go"}, 250, 0, True),
        ({"RCPT TO:<B": "550 no", "DATA": "354 go"}, 250, 1, True),
        ({"RCPT": "550 no", "DATA": "503 no recipients"}, 550, 2, False),
        ({"RCPT": "550 no", "DATA": "354 go"}, 550, 2, False),
        ({"MAIL": "552 full", "RCPT": "503 no", "DATA": "503 no"}, 552, 0, False),
        ({"DATA": "451 later"}, 451, 0, False),
    ],
)
def test_transaction(
    pipelining: bool, replies: dict[str, str], code: int, refused: int, sent: bool
) -> None:
    """RFC 2920, 3.1: however it ends, the MTA has no transaction open afterwards."""
    replies = {"EHLO": "250 mta", "AUTH": "235 ok", **replies}
    transmission, told = asyncio.run(spoken_with(replies, pipelining=pipelining))
    assert transmission.reply.code == code
    assert len(transmission.refused) == refused
    assert told[-1] == "NOOP"
    assert told[-2] == ("(content)" if sent else "RSET")
