"""Client modules, Konnektoren and providers of one's own beside those of the running world."""

from __future__ import annotations

import json
import poplib
import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

SECONDS = 20


def settings_of(kim: World, process: str) -> dict[str, Any]:
    """Return the settings of a process of the world, without its ports and directory."""
    file = kim.directory / "settings" / f"{process}.json"
    settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    del settings["data_dir"]
    settings["listeners"] = {name: {} for name in settings["listeners"]}
    return settings


def access_to(kim: World, site: str, konnektor: RunningRole | None = None) -> dict[str, Any]:
    """Return how the client module of *site* reaches its Konnektor, or the one of the test."""
    access: dict[str, Any] = settings_of(kim, f"clientmodule-{site}")["konnektors"]["default"]
    if konnektor is not None:
        soap, ldap = konnektor.address("soap"), konnektor.address("ldap")
        access["service_directory"] = f"https://{soap[0]}:{soap[1]}/connector.sds"
        access["ldap"] = f"ldaps://{ldap[0]}:{ldap[1]}"
    return access


@dataclass
class Module:
    """A client module of the test's own."""

    kim: World
    role: RunningRole

    def smtp(self) -> smtplib.SMTP_SSL:
        """Connect to it, not logged in."""
        return smtplib.SMTP_SSL(
            *self.role.address("smtp"), timeout=SECONDS, context=self.kim.context
        )

    def pop3(self, user: str, password: str) -> poplib.POP3_SSL:
        """Connect to it and log in."""
        pop3 = poplib.POP3_SSL(
            *self.role.address("pop3"), timeout=SECONDS, context=self.kim.context
        )
        pop3.user(user)
        pop3.pass_(password)
        return pop3

    def steps(self, name: str) -> list[dict[str, Any]]:
        """Return the journal's events of the step *name*."""
        return [event for event in self.role.journal() if event["step"] == name]
