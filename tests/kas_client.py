"""A client of the KAS for tests: it puts multipart forms together itself, also wrong ones."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tests.mail_providers import FACHARZT, PASSWORD, PRAXIS, RunningProvider

BOUNDARY = "=_f1a2b3"
KIND = f'multipart/form-data; boundary="{BOUNDARY}"'
PATH = "/attachments/v2.4/attachment/"
Part = tuple[str, bytes, dict[str, str]]


def in_days(days: float) -> str:
    """Return the date-time of RFC 5322 that lies *days* ahead of real time."""
    return format_datetime(datetime.now(UTC) + timedelta(days=days))


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def attachment(data: bytes, length: str | None = None) -> Part:
    """Return the part with the mail data; its Content-Length is right unless given."""
    headers = {"Content-Type": "application/octet-stream"}
    if length != "":
        headers["Content-Length"] = length or str(len(data))
    return ('attachment"; filename="attachment.enc', data, headers)


def text(name: str, value: str) -> Part:
    """Return a part with a small field."""
    return (name, value.encode(), {})


def fields(
    recipients: Sequence[str] = (FACHARZT,), *, expires: str | None = None, message_id: str = "1@cm"
) -> list[Part]:
    """Return the parts beside the mail data."""
    return [
        text("messageID", message_id),
        *(text("recipients", address) for address in recipients),
        text("expires", expires or in_days(10)),
    ]


def form(parts: Iterable[Part]) -> bytes:
    """Return a multipart/form-data body."""
    body = b""
    for name, value, headers in parts:
        lines = "".join(f"{key}: {content}\r\n" for key, content in headers.items())
        disposition = f'Content-Disposition: form-data; name="{name}"\r\n'
        body += f"--{BOUNDARY}\r\n{disposition}{lines}\r\n".encode() + value + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Answer:
    """A response of the KAS."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; the OpenAPI names its media type to the letter."""
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(self.body)

    @property
    def link(self) -> str:
        """The id in the shared link of an upload."""
        assert self.status == 201, self.body
        return str(self.json["sharedLink"]).rpartition("/")[2]


class KasClient:
    """What a client module does at the KAS of *provider*, over mutual TLS."""

    def __init__(self, provider: RunningProvider) -> None:
        self.provider = provider
        self.tls = provider.client_module()

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection that is not open yet."""
        host, port = self.provider.role.address("rest")
        return http.client.HTTPSConnection(host, port, context=self.tls, timeout=30)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        """Send a request; return the response."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, body: bytes, user: str = PRAXIS, **headers: str) -> Answer:
        """Send the form *body*."""
        kind = {"Content-Type": KIND}
        return self.ask("POST", PATH, {**basic(user), **kind, **headers}, body)

    def upload(self, data: bytes, *parts: Part, user: str = PRAXIS) -> Answer:
        """Upload *data* with *parts*, by default those of ``fields``."""
        return self.post(form([*(parts or fields()), attachment(data)]), user)

    def read(self, link: str, recipient: str | None = FACHARZT, method: str = "GET") -> Answer:
        """Download, or with HEAD ask for the size."""
        headers = {} if recipient is None else {"recipient": recipient}
        return self.ask(method, PATH + link, headers)

    def delete(self, link: str, user: str | None = PRAXIS, password: str = PASSWORD) -> Answer:
        """Delete an upload."""
        return self.ask("DELETE", PATH + link, {} if user is None else basic(user, password))

    def stored(self) -> list[dict[str, Any]]:
        """Return what the control port lists."""
        status, body = self.provider.role.ask("GET", "/attachments")
        assert status == 200
        content: list[dict[str, Any]] = json.loads(body)
        return content

    def files(self) -> list[str]:
        """Return the names of the files that are there."""
        folder = Path(self.provider.role.settings["data_dir"]) / "kas"
        return sorted(path.name for path in folder.iterdir())
