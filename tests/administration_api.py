"""The administration API of a running client module, as the cockpit will use it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.clientmodule_world import SECONDS, World

NEW = "neu@erst.kim.telematik-test"
NEW_PASSWORD = "Neues-Geheimnis-1"


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
                {"context": self.context, **given} if name != "import-certificate" else given
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
        return self.step(name, **{**usual, **given})

    def register(self, **given: Any) -> dict[str, Any]:
        """Register with the code of the participant's site."""
        site = self.kim.endpoints.participants[self.participant].site
        code = self.kim.endpoints.providers[self.domain].registration[site]
        usual = {
            "reference_id": code.reference_id,
            "initial_password": code.initial_password,
        }
        return self.on_account("register", **{**usual, **given})


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
