"""The client module's own routes of the control API."""

from __future__ import annotations

from aiohttp import web

from simulators.process.control import Control

from .administration.administration import Administration
from .administration.control import AdministrationControl
from .administration.renewal import Renewal
from .installation import Installation


def add_routes(control: Control, installation: Installation, renewal: Renewal) -> None:
    """Add ``DELETE /caches``: forget certificates, cards, PINs, limits and service directories.

    ``POST /reset`` gives up what is under way, too, so that every scenario begins alike; the key
    store stays, for a provider gives nobody a first certificate twice. ``/administration/…`` is
    the administration module.
    """

    async def forget(_: web.Request) -> web.Response:
        installation.forget()
        renewal.forget()
        return web.Response(status=204)

    async def reset() -> None:
        installation.reset()
        renewal.forget()

    control.add("DELETE", "/caches", forget)
    AdministrationControl(Administration(installation)).add_to(control)
    control.on_reset(reset)
