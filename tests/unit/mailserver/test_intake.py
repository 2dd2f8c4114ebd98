"""Reading the text of a mail, cut into pieces in every way."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.mailserver.intake import Intake, Received, read_data
from simulators.mailserver.store import Store
from simulators.mailserver.stored import NewDelivery, NewMail
from simulators.mailserver.transparency import DotStuffer

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"abc", b"x." * 40]), max_size=8)


async def read_pieces(wire: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Feed *wire* cut at *cuts*; return the text before the end and what was left."""
    reader = asyncio.StreamReader(limit=64)
    places = sorted({min(cut, len(wire)) for cut in cuts} | {len(wire)})
    got = bytearray()

    async def take(piece: bytes) -> None:
        got.extend(piece)

    task = asyncio.create_task(read_data(reader, take))
    start = 0
    for place in places:
        reader.feed_data(wire[start:place])
        start = place
        await asyncio.sleep(0)
    reader.feed_eof()
    await task
    return bytes(got), await reader.read()


@given(LINES, st.lists(st.integers(0, 300), max_size=6))
def test_stuffed_text_comes_back_however_it_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    text = b"".join(line + b"\r\n" for line in lines)
    stuffer = DotStuffer()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    wire = b"".join(stuffer.feed(piece) for piece in pieces) + stuffer.end()
    assert wire == b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in [*lines]) + (
        b".\r\n"
    )

    async def check() -> None:
        got, left = await read_pieces(wire + b"NOOP\r\n", cuts)
        assert got + b".\r\n" == wire
        assert left == b"NOOP\r\n"

    asyncio.run(check())


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_are_read_to_the_same_end(text: bytes, cuts: list[int]) -> None:
    wire = b"x" + text + b"\r\n.\r\n"
    end = wire.index(b"\r\n.\r\n")

    async def check() -> None:
        got, left = await read_pieces(wire, cuts)
        assert got == wire[: end + 2]
        assert left == wire[end + 5 :]

    asyncio.run(check())


async def take_in(store: Store, pieces: list[bytes], limit: int = 10 << 20) -> Received | str:
    intake = Intake(store, limit)
    for piece in pieces:
        await intake.feed(piece)
    received = await intake.finish()
    return received if received is not None else str(intake.refusal)


def test_large_mail_is_kept_in_parts_and_handed_out_whole(tmp_path: Path) -> None:
    line = b"y" * 900 + b"\r\n"
    wire = b"A: b\r\n\r\n" + (b".." + line) * 4000

    async def check() -> None:
        store = Store(tmp_path / "mail.sqlite3")
        pieces = [wire[start : start + 65_537] for start in range(0, len(wire), 65_537)]
        received = await take_in(store, pieces)
        assert isinstance(received, Received)
        assert received.content is not None
        assert len(received.head) < 2 << 20
        new = NewMail(received.head, "<1@x>", 0.0, received.size, received.content)
        new.deliveries.append(NewDelivery("a@b", b"Return-Path: <>\r\n"))
        await store.add([new])
        (stored,) = await store.mails("a@b")
        whole = b"".join([part async for part in store.mail_parts(stored)])
        assert whole == b"Return-Path: <>\r\n" + wire.replace(b"\r\n..", b"\r\n.")
        assert stored.size == len(whole)
        await store.close()

    asyncio.run(check())


def test_refused_mail_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    wire = (b"x" * 900 + b"\r\n") * 3000

    async def check() -> None:
        store = Store(tmp_path / "mail.sqlite3")
        for last in (b"bare\nfeed\r\n", b"nul\0\r\n", b"z" * 1001 + b"\r\n"):
            assert str(await take_in(store, [b"A: b\r\n\r\n", wire, last])).startswith("550 5.6.0")
        assert str(await take_in(store, [wire], limit=1000)).startswith("552 5.3.4")
        for table in ("content", "part"):
            statement = f"SELECT count(*) FROM {table}"
            rows = await store.database.read(lambda c, s=statement: c.execute(s).fetchone())
            assert rows == (0,)
        await store.close()

    asyncio.run(check())


def test_carriage_return_split_from_its_line_feed_is_one_line_end(tmp_path: Path) -> None:
    async def check() -> None:
        store = Store(tmp_path / "mail.sqlite3")
        received = await take_in(store, [b"A: b\r", b"\n\r", b"\n", b"..", b"x\r", b"\n"])
        assert isinstance(received, Received)
        assert received.head == b"A: b\r\n\r\n.x\r\n"
        await store.close()

    asyncio.run(check())
