"""Bounded lines and dot-terminated texts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule.lines import (
    PIECE,
    ConnectionLost,
    LineStream,
    LineTooLong,
    OtherSideLost,
    Stuffing,
    TextTooLong,
    stuff,
    unstuff,
)


class Discarding:
    """A writer to nowhere; only its end is asked for."""

    async def wait_closed(self) -> None:
        await asyncio.Event().wait()


async def with_stream(chunks: list[bytes], use: Any) -> Any:
    reader = asyncio.StreamReader()
    stream = LineStream(reader, Discarding(), seconds=5)  # type: ignore[arg-type]

    async def feed() -> None:
        for chunk in chunks:
            reader.feed_data(chunk)
            await asyncio.sleep(0)
        reader.feed_eof()

    try:
        _, result = await asyncio.gather(feed(), use(stream))
        return result
    finally:
        stream.lost.cancel()


def cut(content: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places} | {len(content)})
    starts = [0, *ends[:-1]]
    return [content[a:b] for a, b in zip(starts, ends, strict=True) if b > a]


MESSAGE = st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\n", b"\r", b".\r\n"])).map(
    b"".join
)


@given(MESSAGE)
def test_stuffing_is_undone(message: bytes) -> None:
    complete = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    assert unstuff(stuff(message)) == (complete or b"\r\n")


@given(MESSAGE, st.lists(st.integers(0, 1000), max_size=5))
def test_stuffing_piece_by_piece(message: bytes, places: list[int]) -> None:
    """As of the whole message, whose bare LFs have become line ends."""
    stuffing = Stuffing()
    sent = b"".join(map(stuffing.update, cut(message, places))) + stuffing.finish()
    lines = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert sent == (stuff(lines) if lines else b".\r\n")


@given(MESSAGE, st.lists(st.integers(0, 1000), max_size=5))
def test_a_text_ends_only_at_its_terminator(message: bytes, places: list[int]) -> None:
    """CRLF.CRLF however it is cut; a bare LF never ends it (SMTP smuggling)."""
    sent = stuff(message)

    async def use(stream: LineStream) -> tuple[bytes, bytes]:
        return await stream.text().rest(1 << 20), await stream.line()

    text, line = asyncio.run(with_stream(cut(sent + b"QUIT\r\n", places), use))
    assert (text, line) == (sent, b"QUIT")


@given(st.lists(st.integers(0, 1000), max_size=5))
def test_lines(places: list[int]) -> None:
    content = b"EHLO a\r\n" + b"x" * 200 + b"\r\nNOOP\nQUIT"

    async def use(stream: LineStream) -> list[bytes]:
        lines = [await stream.line(100)]
        with pytest.raises(LineTooLong):
            await stream.line(100)
        lines.append(await stream.line(100))
        with pytest.raises(ConnectionLost):
            await stream.line(100)
        return lines

    assert asyncio.run(with_stream(cut(content, places), use)) == [b"EHLO a", b"NOOP"]


def test_a_text_that_is_too_long_is_skipped() -> None:
    async def use(stream: LineStream) -> bytes:
        with pytest.raises(TextTooLong):
            await stream.text().rest(100)
        return await stream.line()

    content = b"x" * 1000 + b"\r\n.\r\nNOOP\r\n"
    assert asyncio.run(with_stream([content], use)) == b"NOOP"


def test_silence_is_a_timeout() -> None:
    async def silent() -> None:
        stream = LineStream(asyncio.StreamReader(), Discarding(), seconds=0.01)  # type: ignore[arg-type]
        try:
            with pytest.raises(TimeoutError):
                await stream.line()
        finally:
            stream.lost.cancel()

    asyncio.run(silent())


Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(count: int) -> tuple[list[LineStream], list[Peer]]:
    """Return streams over TCP, and what is at their other ends."""
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda *peer: accepted.put_nowait(peer), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]
    streams, peers = [], []
    for _ in range(count):
        streams.append(LineStream(*await asyncio.open_connection(*address), seconds=5))
        peers.append(await accepted.get())
    server.close()
    return streams, peers


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2038")
def test_both_connections_end_together() -> None:
    """An idle client system is woken when the server's side is lost."""

    async def dialogue() -> None:
        (client, upstream), peers = await connected(2)
        client.end_with(upstream)
        reading = asyncio.ensure_future(client.line())
        await asyncio.sleep(0)
        await upstream.close()
        with pytest.raises(OtherSideLost):
            await reading
        await client.close()
        for _, writer in peers:
            writer.close()

    asyncio.run(dialogue())


@pytest.mark.requirement("KOM-LE-A_2038")
def test_what_came_before_the_other_side_was_lost_is_written() -> None:
    """A server that closes while a mail is being opened must not have it cut off."""

    async def dialogue() -> None:
        (client, upstream), peers = await connected(2)
        client.end_with(upstream)
        await upstream.close()
        mail = bytes(4 * PIECE)
        received = asyncio.ensure_future(peers[0][0].readexactly(len(mail)))
        await client.write(mail)
        assert await received == mail
        with pytest.raises(OtherSideLost):
            await client.line()
        await client.close()
        for _, writer in peers:
            writer.close()

    asyncio.run(dialogue())


def test_a_line_that_comes_byte_by_byte_ends_in_time() -> None:
    """KOM-LE-A_2017: the time-out is that of a command, not of each of its bytes."""

    async def drip() -> None:
        reader = asyncio.StreamReader()
        stream = LineStream(reader, Discarding(), seconds=0.1)  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()

        def feed() -> None:
            reader.feed_data(b"x")
            nonlocal timer
            timer = loop.call_later(0.01, feed)

        timer = loop.call_soon(feed)
        try:
            with pytest.raises(TimeoutError):
                await stream.line()
            assert not timer.cancelled(), "bytes were still coming"
        finally:
            timer.cancel()
            stream.lost.cancel()

    asyncio.run(drip())
