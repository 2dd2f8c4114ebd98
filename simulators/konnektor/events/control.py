"""The control routes of events: error conditions, tunnels, reboot, subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web
from pydantic import Field

from simulators.process.control import Control, read_model
from simulators.process.errors import InputError, one_line
from simulators.process.settings import Settings

from .error_conditions import NO_VPN_SIS, NO_VPN_TI

if TYPE_CHECKING:
    from ..konnektor import Konnektor

MAX_DETAILS = 20


class StateChange(Settings):
    """What ``PUT /operational-states/{name}`` changes; ``details`` are further parameters."""

    value: bool
    ct_id: str | None = Field(default=None, max_length=64)
    details: dict[str, str] = Field(default={}, max_length=MAX_DETAILS)


class NetworkChange(Settings):
    """What ``PUT /network`` changes; what is left out stays."""

    vpn_ti: Literal["up", "down"] | None = None
    vpn_sis: Literal["up", "down"] | None = None


class Reboot(Settings):
    """How ``POST /reboot`` boots: for *seconds* (default: ``events.boot_seconds`` of the
    settings), or with ``hold`` until ``POST /bootup-complete``.
    """

    seconds: float | None = Field(default=None, ge=0, le=600)
    hold: bool = False


class EventControl:
    """``GET /operational-states``, ``PUT /operational-states/{name}``, ``PUT /network``,
    ``POST /reboot``, ``POST /bootup-complete``, ``GET /subscriptions``.
    """

    def __init__(self, konnektor: Konnektor) -> None:
        self._konnektor = konnektor
        self._state = konnektor.operational_state

    def add_to(self, control: Control) -> None:
        """Add the routes."""
        control.add("GET", "/operational-states", self._get_states)
        control.add("PUT", "/operational-states/{name}", self._put_state)
        control.add("PUT", "/network", self._put_network)
        control.add("POST", "/reboot", self._reboot)
        control.add("POST", "/bootup-complete", self._bootup_complete)
        control.add("GET", "/subscriptions", self._get_subscriptions)

    async def _get_states(self, _: web.Request) -> web.Response:
        return self._states()

    async def _put_state(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        change = await read_model(request, StateChange)
        if change.ct_id is not None and change.ct_id not in self._konnektor.relations.terminals:
            raise InputError(f"ct_id: no card terminal {change.ct_id!r:.70}")
        act = self._state.raise_ if change.value else self._state.clear
        try:
            act(name, change.ct_id, change.details)
        except KeyError:
            raise InputError(f"no operational state {one_line(name, 60)!r}") from None
        except ValueError as error:
            raise InputError(str(error)) from None
        self._record(name, change.value)
        return self._states()

    async def _put_network(self, request: web.Request) -> web.Response:
        change = await read_model(request, NetworkChange)
        for wanted, name in ((change.vpn_ti, NO_VPN_TI), (change.vpn_sis, NO_VPN_SIS)):
            if wanted is not None:
                act = self._state.raise_ if wanted == "down" else self._state.clear
                act(name)
                self._record(name, wanted == "down")
        return self._states()

    async def _reboot(self, request: web.Request) -> web.Response:
        how = await read_model(request, Reboot) if request.can_read_body else Reboot()
        seconds = self._konnektor.settings.events.boot_seconds
        if how.seconds is not None:
            seconds = how.seconds
        self._konnektor.boot.begin(None if how.hold else seconds)
        return web.json_response({"booting": self._konnektor.boot.under_way})

    async def _bootup_complete(self, _: web.Request) -> web.Response:
        self._konnektor.boot.complete()
        return web.json_response({"booting": False})

    async def _get_subscriptions(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "id": entry.id,
                    "mandant": entry.context.mandant,
                    "clientsystem": entry.context.clientsystem,
                    "workplace": entry.context.workplace,
                    "sink": entry.sink.url,
                    "topic": entry.topic,
                    "filter": None if entry.filter is None else entry.filter.text,
                    "until": entry.terminates.isoformat(timespec="milliseconds"),
                }
                for entry in self._konnektor.events.subscriptions
            ]
        )

    def _states(self) -> web.Response:
        found: list[dict[str, Any]] = [
            {
                "name": state.label,
                "value": state.value,
                "severity": state.condition.severity,
                "type": state.condition.type,
                "meaning": state.condition.meaning,
                "since": state.since.isoformat(timespec="milliseconds"),
            }
            for state in self._state.states()
        ]
        return web.json_response(found)

    def _record(self, name: str, value: bool) -> None:
        self._konnektor.process.journal.record(
            "OperationalState", peer="control", name=name, value=value
        )
