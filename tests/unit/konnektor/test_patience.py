"""A connection whose first request never comes is closed; one with a request is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest
from aiohttp import web

from simulators.konnektor.soap.patience import Handler, PatientServer

DEADLINE = 20


async def answered(request: web.BaseRequest) -> web.Response:
    return web.Response(text=await request.text())


async def fails(request: web.BaseRequest) -> web.Response:
    raise LookupError(request.path)


async def talk(*sent: bytes, head_seconds: float, handler: Handler = answered) -> bytes:
    """Send pieces, then read until the server closes."""
    runner = web.ServerRunner(PatientServer(handler, head_seconds=head_seconds))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                for piece in sent:
                    writer.write(piece)
                    await writer.drain()
                return await reader.read()
            except ConnectionResetError:
                return b""
            finally:
                writer.close()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "sent",
    [
        (),
        (b"P",),
        (b"POST / HTTP/1.1\r\n", b"Host: x\r\n"),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 99,),
    ],
)
def test_nothing_or_half_a_head(sent: tuple[bytes, ...]) -> None:
    assert asyncio.run(talk(*sent, head_seconds=0.05)) == b""


def test_a_request_in_time() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
    assert asyncio.run(talk(request, head_seconds=DEADLINE)).endswith(b"hi")


def test_what_is_logged_with_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Our own failures are; bytes that are no HTTP take a line that holds none of them."""
    broken = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ngeheim\r\n"
    asyncio.run(talk(broken, head_seconds=DEADLINE))
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    asyncio.run(talk(request, head_seconds=DEADLINE, handler=fails))
    *lines, failure = [found for found in caplog.records if found.name == PatientServer.__module__]
    assert lines
    assert not [line for line in lines if line.exc_info is not None]
    assert "geheim" not in caplog.text
    assert failure.exc_info is not None
    assert failure.exc_info[0] is LookupError


def test_an_answer_may_take_longer_than_the_head() -> None:
    async def run() -> bytes:
        over = asyncio.Event()

        async def slow(request: web.BaseRequest) -> web.Response:
            await over.wait()
            return web.Response(text="late")

        runner = web.ServerRunner(PatientServer(slow, head_seconds=0.05))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        reader, writer = await asyncio.open_connection(host, port)
        idle, _ = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(DEADLINE):
            with contextlib.suppress(ConnectionResetError):
                await idle.read()  # opened later than the other: its time is over now
            over.set()
            answer = await reader.read()
        writer.close()
        await runner.cleanup()
        return answer

    assert asyncio.run(run()).endswith(b"late")


class Watched(PatientServer):
    """Tells when a connection has ended."""

    def connection_lost(self, *arguments: Any) -> None:
        super().connection_lost(*arguments)
        self.lost.set()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux bounds this")
def test_an_answer_that_nobody_reads() -> None:
    async def large(request: web.BaseRequest) -> web.Response:
        return web.Response(body=bytes(20 << 20))

    async def run() -> None:
        server = Watched(large, unread_seconds=0.1)
        server.lost = asyncio.Event()
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        with socket.create_connection((host, port)) as silent:
            silent.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(DEADLINE):
                await server.lost.wait()
        await runner.cleanup()

    asyncio.run(run())
