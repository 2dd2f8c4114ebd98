"""An MTA that has nothing to do for minutes while a large mail comes and its data go."""

from __future__ import annotations

import asyncio

import pytest

from clientmodule.lines import ConnectionLost, LineStream
from clientmodule.mta import Mta

OFTEN = 0.001


class Server:
    """Answers each line with 250; hearing more than *most* it closes the connection.

    ``heard`` is set after three lines, or when it has closed.
    """

    def __init__(self, most: int = 1_000_000) -> None:
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self._most = most

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := (await reader.readline()).decode().rstrip()) and len(self.told) < self._most:
            self.told.append(line)
            writer.write(b"250 2.0.0 OK\r\n")
            if len(self.told) == 3:
                self.heard.set()
        writer.close()
        self.heard.set()

    async def connect(self) -> tuple[asyncio.Server, Mta]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        return server, Mta(LineStream(reader, writer, seconds=20))


@pytest.mark.requirement("KOM-LE-A_2016")
def test_noop_while_it_waits() -> None:
    """And the next command gets the reply that belongs to it."""

    async def run() -> None:
        told = Server()
        server, mta = await told.connect()
        async with mta.kept_alive(OFTEN):
            await told.heard.wait()
        count = len(told.told)
        assert (await mta.command("RSET")).positive
        assert told.told == ["NOOP"] * count + ["RSET"]
        await mta.stream.close()
        server.close()

    asyncio.run(run())


def test_nothing_is_said_within_a_short_while() -> None:
    async def run() -> None:
        told = Server()
        server, mta = await told.connect()
        async with mta.kept_alive():
            await asyncio.sleep(0)
        assert (await mta.command("RSET")).positive
        assert told.told == ["RSET"]
        await mta.stream.close()
        server.close()

    asyncio.run(run())


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2017")
def test_an_mta_that_goes_away_meanwhile() -> None:
    async def run() -> None:
        told = Server(most=2)
        server, mta = await told.connect()
        with pytest.raises(ConnectionLost):
            async with mta.kept_alive(OFTEN):
                await told.heard.wait()
        await mta.stream.close()
        server.close()

    asyncio.run(run())


def test_it_ends_with_a_dialogue_that_is_ended() -> None:
    async def run() -> None:
        told = Server()
        server, mta = await told.connect()

        async def wait() -> None:
            async with mta.kept_alive(OFTEN):
                await asyncio.Event().wait()

        waiting = asyncio.create_task(wait())
        await told.heard.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(asyncio.all_tasks()) <= 3  # this one, the server's, the stream's
        await mta.stream.close()
        server.close()

    asyncio.run(run())
