"""A directory with a few entries, and a bare LDAP dialogue with it, for tests at the wire."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.pki.issue import issue
from simulators.pki.request import PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from simulators.process.ldap import messages
from simulators.process.ldap.ber import message_end
from simulators.process.ldap.filter_text import parse_filter
from simulators.process.ldap.messages import Message, Operation, Scope, SearchRequest

BASE = "dc=data,dc=vzd"
DOMAIN = "dox.kim.telematik-test"

ENTRIES: list[dict[str, Any]] = [
    {
        "uid": "praxis",
        "attributes": {
            "telematikID": ["1-20012345678"],
            "domainID": ["201234500"],
            "displayName": ["Praxis Dr. Müller-Weiß"],
            "organization": ["Praxis Dr. Müller-Weiß"],
            "streetAddress": ["Friedrichstraße 12"],
            "postalCode": ["10117"],
            "localityName": ["Berlin"],
            "stateOrProvinceName": ["Berlin"],
            "professionOID": ["1.2.276.0.76.4.50"],
            "mail": [f"Praxis@{DOMAIN}", f"labor@{DOMAIN}"],
            "komLeData": [f"1.5,praxis@{DOMAIN}"],
        },
        "certificates": ["vzd"],
    },
    {
        "uid": "kasse",
        "attributes": {
            "telematikID": ["8-01-109500969"],
            "domainID": ["109500969"],
            "displayName": ["Krankenkasse Süd"],
            "professionOID": ["1.2.276.0.76.4.59"],
            "mail": [f"kasse@{DOMAIN}"],
        },
        "certificates": ["vzd"],
    },
    {
        "uid": "ohne",
        "attributes": {"displayName": ["Ohne Zertifikat"], "mail": [f"ohne@{DOMAIN}"]},
        "certificates": [],
    },
]


def many(count: int) -> list[dict[str, Any]]:
    """Return *count* more entries, whose names begin with Viele."""
    return [
        {
            "uid": f"v{number:04d}",
            "attributes": {"displayName": [f"Viele {number:04d}"], "postalCode": [f"{number:05d}"]},
            "certificates": ["vzd"],
        }
        for number in range(count)
    ]


def certificates(cache: Path) -> PkiTree:
    """Return the directory's TLS identity and the trust for it."""
    return issue(PkiRequest(tls=[TlsRequest(name="vzd")]), cache)


def settings(
    tree: PkiTree, directory: Path, records: Sequence[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    """Return settings of a directory with *records*, whose certificates are names in *tree*."""
    content = [
        {
            **entry,
            "certificates": [str(tree.tls(name).certificate) for name in entry["certificates"]],
        }
        for entry in records
    ]
    file = directory / "entries.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    identity = tree.tls("vzd")
    return {
        "tls": {"certificate": str(identity.certificate), "key": str(identity.key)},
        "entries": str(file),
        "listeners": {"ldap": {}},
        **changes,
    }


class Dialogue:
    """One connection, spoken message by message; every read ends after ten seconds."""

    def __init__(self, address: tuple[str, int], ca: Path | None) -> None:
        self._socket = socket.create_connection(address, timeout=10)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            self._socket = context.wrap_socket(self._socket, server_hostname=address[0])
        self._buffer = b""
        self._id = 0

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    @property
    def pending(self) -> bytes:
        """What was received and is no whole message yet."""
        return self._buffer

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, operation: bytes, controls: Sequence[messages.Control] = ()) -> int:
        """Send *operation* under the next id and return that."""
        self._id += 1
        after_id = operation + messages.controls_bytes(controls)
        self.send_bytes(messages.envelope(self._id, after_id))
        return self._id

    def read(self) -> Message | None:
        """Return the next message, None at the end of the connection."""
        while (end := message_end(self._buffer, 0, 1 << 24)) is None or end > len(self._buffer):
            try:
                received = self._socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not received:
                return None
            self._buffer += received
        message = messages.read_message(self._buffer[:end])
        self._buffer = self._buffer[end:]
        return message

    def result(
        self, operation: bytes, controls: Sequence[messages.Control] = ()
    ) -> messages.Result:
        """Send *operation* and return the result that comes as its answer."""
        number = self.send(operation, controls)
        message = self.read()
        assert message is not None
        assert message.id == number
        return messages.read_result(message)

    def search(
        self,
        filter_text: str,
        *,
        base: str = BASE,
        scope: Scope = Scope.SUBTREE,
        attributes: Sequence[str] = (),
        controls: Sequence[messages.Control] = (),
        **limits: Any,
    ) -> Found:
        """Search, and return what came up to the last answer."""
        request = SearchRequest(base, scope, parse_filter(filter_text), tuple(attributes), **limits)
        self.send(messages.search_bytes(request), controls)
        return self.answers()

    def answers(self) -> Found:
        """Read the answers to a search."""
        entries = {}
        while (message := self.read()) is not None:
            if message.operation == Operation.SEARCH_DONE:
                result = messages.read_result(message)
                return Found(entries, result, messages.read_controls(message))
            assert message.operation == Operation.SEARCH_ENTRY
            entry = messages.read_entry(message)
            entries[entry.dn] = entry.attributes
        raise ConnectionError("the connection ended before the last answer")


class Found:
    """What a search brought: attributes by name of the entry, the result, its controls."""

    def __init__(
        self,
        entries: dict[str, dict[str, list[bytes]]],
        result: messages.Result,
        controls: tuple[messages.Control, ...],
    ) -> None:
        self.entries = entries
        self.result = result
        self.controls = controls

    @property
    def uids(self) -> list[str]:
        """The uids of the entries, in the order in which they came."""
        return [dn.partition(",")[0].removeprefix("uid=") for dn in self.entries]
