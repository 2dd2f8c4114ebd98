"""The KIM-Attachment-Datenstruktur: where the mail data of a large mail lie, and their key."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from .errors import FormatError
from .headers import Headers

DISPOSITION: Final = "x-kas"
CONTENT_TYPE: Final = "text/plain; charset=utf-8"
SIZE_HEADER: Final = "X-KIM-KAS-Size"
"""Outer header with the ``size`` of the structure (A_23467)."""
KEY_BYTES: Final = 32
HASH_BYTES: Final = 32
MAX_BYTES: Final = 16 << 10
"""Far beyond a link, a key and a hash."""
MAX_LINK: Final = 4096
MAX_SIZE: Final = 1 << 62
_NAMES: Final = ("link", "k", "hash", "size")
_BODY_HEADERS: Final = (
    *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"),
    *("Content-ID", "Content-Description", "Content-Language", "Content-Location"),
    *("Content-MD5", "Content-Length"),
)
"""What described the body of the client mail and is untrue of the structure."""


@dataclass(frozen=True)
class KasPart:
    """The structure that takes the place of a large mail's body (A_19359-07).

    ``link`` is the sharedLink of the upload, ``k`` the AES-256 key, ``hash`` the SHA-256 of the
    mail data before they were encrypted (A_19372-03 compares it with the decrypted ones), and
    ``size`` their length in bytes.
    """

    link: str
    k: bytes
    hash: bytes
    size: int

    def to_json(self) -> bytes:
        """Return the structure as JSON without spaces, key and hash in base64."""
        content = {
            "link": self.link,
            "k": base64.b64encode(self.k).decode("ascii"),
            "hash": base64.b64encode(self.hash).decode("ascii"),
            "size": self.size,
        }
        return json.dumps(content, separators=(",", ":")).encode("ascii")

    @classmethod
    def read(cls, content: bytes) -> KasPart:
        """Read the JSON in *content*, at most MAX_BYTES; what else it holds is passed over.

        Raises FormatError for anything but the structure with a key and a hash of 32 bytes; a
        name that stands twice is refused, for it would mean two things.
        """
        if len(content) > MAX_BYTES:
            raise FormatError(f"the KAS structure is longer than {MAX_BYTES} bytes")
        try:
            found = json.loads(content, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise FormatError("the KAS structure is no JSON") from None
        if not isinstance(found, dict) or any(name not in found for name in _NAMES):
            raise FormatError("the KAS structure lacks link, k, hash or size")
        link, size = found["link"], found["size"]
        if not isinstance(link, str) or not 0 < len(link) <= MAX_LINK:
            raise FormatError("the KAS structure has no usable link")
        if type(size) is not int or not 0 <= size <= MAX_SIZE:
            raise FormatError("the KAS structure has no usable size")
        key, digest = _bytes(found["k"], KEY_BYTES), _bytes(found["hash"], HASH_BYTES)
        return cls(link, key, digest, size)


def small_mail(headers: Headers, part: KasPart) -> bytes:
    """Return the mail with the *headers* of the client mail and *part* as its only body.

    A_19359-07: the headers stay but for those that described the old body.
    """
    kept = headers.select(lambda name: name not in {n.lower() for n in _BODY_HEADERS})
    kept.append("Content-Type", CONTENT_TYPE)
    kept.append("Content-Disposition", DISPOSITION)
    return kept.to_bytes() + b"\r\n" + part.to_json() + b"\r\n"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _bytes(text: object, length: int) -> bytes:
    """Return the base64 *text* as *length* bytes. Raises FormatError."""
    if not isinstance(text, str):
        raise FormatError("the KAS structure holds no base64 where it should")
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError("the KAS structure holds no base64 where it should") from None
    if len(value) != length:
        raise FormatError(f"key and hash of the KAS structure are {length} bytes long")
    return value
