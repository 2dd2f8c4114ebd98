"""The control ports of the world's processes: journal, faults, clock, cards, mailboxes."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 30.0
_BEYOND_ALL = 10**15
"""A number that no event has: asked for what comes after it, a journal tells only its last."""


class ControlError(Exception):
    """A control port refused or did not answer; the message is one line."""


@dataclass(frozen=True)
class Stored:
    """A message in a mailbox, as the provider lists it."""

    uid: str
    message_id: str | None
    size: int


@dataclass(frozen=True)
class Control:
    """One control port. Every method raises ControlError."""

    url: str

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the recorded events after number *since*."""
        body = self._ask("GET", f"/journal?since={since}")
        return [_json(line) for line in body.splitlines() if line]

    def last(self) -> int:
        """Return the number of the last recorded event, 0 before the first."""
        _, headers = self._asked("GET", f"/journal?since={_BEYOND_ALL}")
        number = headers.get("Journal-Last", "")
        return int(number) if number.isascii() and number.isdigit() else 0

    def follow(self, since: int, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield events after *since* as they happen (server-sent events).

        Ends at *deadline* (``time.monotonic``). Nothing is polled and nothing sleeps.
        """
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_left(deadline))
        try:
            headers = {"Accept": "text/event-stream"}
            connection.request("GET", f"/journal?since={since}", headers=headers)
            answer = connection.getresponse()
            while True:
                if connection.sock is not None:
                    connection.sock.settimeout(_left(deadline))
                line = answer.readline()
                if not line:
                    return
                if line.startswith(b"data:"):
                    yield _json(line[5:])
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def put(self, path: str, content: object) -> None:
        """PUT *content* as JSON."""
        self._ask("PUT", path, content)

    def post(self, path: str, content: object = None) -> None:
        """POST *content* as JSON."""
        self._ask("POST", path, content)

    def delete(self, path: str) -> None:
        """DELETE *path*."""
        self._ask("DELETE", path)

    def get_json(self, path: str) -> Any:
        """GET *path* and return its JSON."""
        return _json(self._ask("GET", path))

    def reset(self) -> None:
        """Put the process back to its start: faults, clock, journal, what the role keeps."""
        self.post("/reset")

    def addresses(self) -> list[str]:
        """Return the addresses of a provider's mailboxes."""
        return [_field(entry, "address") for entry in _rows(self.get_json("/mailboxes"))]

    def mailbox(self, address: str) -> list[Stored]:
        """Return what lies in the mailbox of *address* at a provider, oldest first."""
        return [
            Stored(str(row["uid"]), row.get("message_id"), int(row.get("size", 0)))
            for row in _rows(self.get_json(f"/mailboxes/{quote(address)}"))
        ]

    def stored_message(self, address: str, uid: str) -> bytes:
        """Return a stored message as it lies at the provider, byte for byte."""
        return self._ask("GET", f"/mailboxes/{quote(address)}/{quote(uid)}")

    def delete_message(self, address: str, uid: str) -> None:
        """Remove a stored message."""
        self.delete(f"/mailboxes/{quote(address)}/{quote(uid)}")

    def _ask(self, method: str, path: str, content: object = None) -> bytes:
        return self._asked(method, path, content)[0]

    def _asked(
        self, method: str, path: str, content: object = None
    ) -> tuple[bytes, http.client.HTTPMessage]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(f"{self.url}{path}: {error}") from None
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            text = " ".join(data.decode("utf-8", "replace").split())[:200]
            raise ControlError(f"{method} {self.url}{path}: HTTP {answer.status} {text}")
        return data, answer.headers


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ControlError("die Antwort ist kein JSON") from None


def _rows(content: Any) -> list[Any]:
    """Return the list of an answer, whether it stands alone or under one key."""
    if isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list)), [])
    return list(content)


def _field(row: Any, name: str) -> str:
    return str(row[name]) if isinstance(row, dict) else str(row)


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())
