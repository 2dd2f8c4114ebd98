"""The bare HTTP server that a Konnektor is measured beside: reads a body, gives a fixed one.

``python -m tests.bench.echo PORT SIZE``; says ``R`` when it listens.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def main(port: int, size: int) -> None:
    """Serve for good."""
    body = b"x" * size

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=body, headers={"Content-Type": "text/xml; charset=utf-8"})

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("R")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
