"""Waiting for mail at a provider: one request, answered when it is there."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .control import TIMEOUT_SECONDS, ControlError


@dataclass(frozen=True)
class Arrived:
    """A mail in a mailbox, as the provider sees it: what the client module encrypted is hidden.

    ``uid`` is the one of UIDL, ``received`` an ISO time, ``size`` in octets.
    """

    uid: str
    message_id: str | None
    dienstkennung: str | None
    subject: str | None
    received: str
    size: int

    def __str__(self) -> str:
        return f"{self.dienstkennung or 'ohne Dienstkennung'} {self.message_id or self.uid}"


class NoMail(Exception):
    """Nothing that was asked for came; ``passed`` is what came instead, at most the last 20."""

    def __init__(self, passed: list[Arrived]) -> None:
        super().__init__(", ".join(map(str, passed)) or "nichts")
        self.passed = passed


def next_mail(
    control: str, address: str, within: float, conditions: dict[str, str | None]
) -> Arrived:
    """Wait at the provider's *control* URL for the next mail in the mailbox of *address*.

    *conditions* are those of ``GET /mailboxes/{address}/next``; None asks for nothing. *within*
    are seconds of real time. Raises NoMail and ControlError.
    """
    given = {name: value for name, value in conditions.items() if value is not None}
    query = urlencode({**given, "within": within})
    path = f"/mailboxes/{quote(address)}/next?{query}"
    patience = within + TIMEOUT_SECONDS
    with closing(http.client.HTTPConnection(urlsplit(control).netloc, timeout=patience)) as asked:
        try:
            asked.request("GET", path)
            answer = asked.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(f"{control}{path}: {error}") from None
    if status == http.client.OK:
        return _arrived(json.loads(body))
    if status == http.client.REQUEST_TIMEOUT:
        raise NoMail([_arrived(mail) for mail in json.loads(body)["passed"]])
    text = " ".join(body.decode("utf-8", "replace").split())[:200]
    raise ControlError(f"GET {control}{path}: HTTP {status} {text}")


def _arrived(mail: dict[str, Any]) -> Arrived:
    return Arrived(**{name: mail[name] for name in Arrived.__dataclass_fields__})
