"""The administration API of a running client module, as the cockpit will use it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from tests.clientmodule_world import SECONDS, World

NEW = "neu@erst.kim.telematik-test"
NEW_PASSWORD = "Neues-Geheimnis-1"
FIELDS = {"konnektor-test": (), "cards": (), "unlock": ()}
"""The steps that are about no account."""


class Refused(AssertionError):
    """A step was refused: the answer's status and its content."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(f"{status} {content}")
        self.status = status
        self.content = content

    @property
    def line(self) -> str:
        return str(self.content["error"])


@dataclass
class Desk:
    """Where a participant stands: context, card, address, and the password to come."""

    kim: World
    participant: str
    iccsn: str
    context: dict[str, str]
    address: str
    password: str = field(default=NEW_PASSWORD, repr=False)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def step(self, name: str, **given: Any) -> dict[str, Any]:
        """Take a step; raises Refused."""
        control = self.kim.module(self.participant)
        connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=2 * SECONDS)
        try:
            body = json.dumps(
                {"context": self.context} | given if name != "import-certificate" else given
            )
            connection.request("POST", f"/administration/{name}", body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(response.status, answer)
        return dict(answer)

    def on_account(self, name: str, **given: Any) -> dict[str, Any]:
        """Take a step on the account with the participant's card."""
        usual = {"iccsn": self.iccsn, "address": self.address, "password": self.password}
        wanted = {field: usual[field] for field in FIELDS.get(name, tuple(usual))}
        return self.step(name, **{**wanted, **given})

    def refused(self, name: str, **given: Any) -> Refused:
        """Take a step on the account that is refused; return how."""
        try:
            answer = self.on_account(name, **given)
        except Refused as refused:
            return refused
        raise AssertionError(f"{name} was not refused: {answer}")

    def refused_registration(self, **given: Any) -> str:
        """Register in vain; return the line."""
        try:
            answer = self.register(**given)
        except Refused as refused:
            return refused.line
        raise AssertionError(f"was not refused: {answer}")

    def refused_import(self, **given: Any) -> str:
        """Import in vain; return the line."""
        try:
            answer = self.step("import-certificate", **given)
        except Refused as refused:
            return refused.line
        raise AssertionError(f"was not refused: {answer}")

    def register(self, **given: Any) -> dict[str, Any]:
        """Register with the code of the participant's site."""
        site = self.kim.endpoints.participants[self.participant].site
        code = self.kim.endpoints.providers[self.domain].registration[site]
        usual = {
            "reference_id": code.reference_id,
            "initial_password": code.initial_password,
        }
        return self.on_account("register", **{**usual, **given})


def advance(kim: World, delta: timedelta) -> None:
    """Move the virtual time of every process, until the next reset."""
    for control in kim.endpoints.controls().values():
        kim.ask(control, "PUT", "/clock", {"advance_seconds": delta.total_seconds()})


def desk_of(kim: World, participant: str, *, user: bool = False) -> Desk:
    """Return the desk of *participant*; with *user* the context names who holds the HBA."""
    found = kim.endpoints.participants[participant]
    told = kim.endpoints.sites[found.site].context
    context = {
        "mandant": told.mandant,
        "clientsystem": told.clientsystem,
        "workplace": told.workplace,
    }
    if user:
        assert told.user is not None
        context["user"] = told.user
    assert found.card is not None
    return Desk(kim, participant, found.card, context, found.address)
