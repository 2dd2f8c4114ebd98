"""Large messages of many connections are not held all at once; small ones are always read."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.soap.http_body import Refused, read_body
from simulators.konnektor.soap.room import Room, Share

MIB = 1 << 20


async def read(size: int, share: Share, most: int = 8 * MIB) -> int:
    """Read a request of *size* bytes; return how many came."""
    content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 24)
    for _ in range(size // MIB):
        content.feed_data(bytes(MIB))
    content.feed_data(bytes(size % MIB or 1))
    content.feed_eof()
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    request = make_mocked_request("POST", "/x", headers, payload=content)
    return len(await read_body(request, most, share, multipart=False))


def status(work: Coroutine[Any, Any, int]) -> int:
    try:
        asyncio.run(work)
    except Refused as refused:
        return refused.response.status
    return 200


def test_what_others_hold_leaves_no_room() -> None:
    room = Room(5 * MIB)
    with room.share() as first, room.share() as second, room.share() as third:
        assert status(read(4 * MIB, first)) == 200
        assert status(read(4 * MIB, second)) == 503
        assert status(read(MIB // 2, third)) == 200
    with room.share() as later:
        assert status(read(4 * MIB, later)) == 200


def test_what_is_too_large_holds_nothing() -> None:
    room = Room(5 * MIB)
    with room.share() as first, room.share() as second:
        with pytest.raises(KonnektorFault, match=r"^4283"):
            asyncio.run(read(5 * MIB, first, most=3 * MIB))
        assert first.held == 0
        assert status(read(4 * MIB, second)) == 200
