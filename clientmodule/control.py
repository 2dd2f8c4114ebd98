"""The client module's own routes of the control API."""

from __future__ import annotations

from aiohttp import web

from simulators.process.control import Control

from .installation import Installation


def add_routes(control: Control, installation: Installation) -> None:
    """Add ``DELETE /caches``: forget certificates, cards, PINs, limits and service directories.

    ``POST /reset`` does the same, so that every scenario begins alike.
    """

    async def forget(_: web.Request) -> web.Response:
        installation.forget()
        return web.Response(status=204)

    async def reset() -> None:
        installation.forget()

    control.add("DELETE", "/caches", forget)
    control.on_reset(reset)
