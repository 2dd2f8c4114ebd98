"""The notes at the end of a decrypted mail's text (KOM-LE-A_2179-01, 2050-05)."""

from __future__ import annotations

import binascii
import codecs
import html
import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers

from .. import mime
from ..mime import Part
from ..texts import NOTE_LINE

NOTED_TYPES = frozenset({"text/plain", "text/html"})
LEFT_ALONE = frozenset({"multipart/signed"})
"""What a signature of the client system's own covers keeps its bytes."""
MAX_FORMS = 16
"""A sender may write thousands of alternatives; in each a note would cost a copy of the mail."""
MAX_CHARSET_NAME = 64
"""Python remembers forever what it was asked for, names of no codec, too."""
NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs of Python that are no charset of a mail; some need hours for a mail of 15 MiB."""
_HEADERS_END = re.compile(rb"(?:\A|\n)\r?\n\Z")
_NOT_IN_A_FIELD = re.compile(r"[\0\r\n]")
_CHARSET = re.compile(r";\s*+charset[*0-9]*+\s*+=\s*+(\"[^\"]*\"|[^;\s]*)", re.IGNORECASE)
_BODY_END = re.compile(rb"</body\s*+>", re.IGNORECASE)
_LINE = 76
_PIECE = 256 << 10


def append_notes(mail: bytes, notes: Sequence[str]) -> bytes:
    """Return *mail* with *notes* at the end of its text part, in that part's format.

    The text is the first part that is text/plain or text/html and no attachment; of a
    multipart/alternative every form of it. A mail without text is returned unchanged.
    """
    result = mail
    for part in reversed(texts(_parts(mail))):
        headers, body = noted(mail, part, notes)
        result = result[: part.start] + headers + body + result[part.end :]
    return result


def texts(parts: Iterable[Part]) -> list[Part]:
    """Return those of the leaves *parts* of a mail that are its text, in every form it has.

    Of more than MAX_FORMS forms those are the first.
    """
    found: list[Part] = []
    for part in parts:
        is_text = part.content_type in NOTED_TYPES and part.disposition != "attachment"
        if not is_text or LEFT_ALONE.intersection(part.inside):
            continue
        if found and (len(found) == MAX_FORMS or not _alternatives(found[0], part)):
            break
        found.append(part)
    return found


def _parts(mail: bytes) -> Iterator[Part]:
    with suppress(FormatError):  # of thousands of parts, the first are enough
        yield from mime.parts(mail)


def _alternatives(first: Part, other: Part) -> bool:
    """Tell whether both are forms of one text (directly or inside a multipart/related)."""
    return "multipart/alternative" in first.inside and "multipart/alternative" in other.inside


def noted(mail: bytes, part: Part, notes: Sequence[str]) -> tuple[bytes, bytes]:
    """Return headers and body of *part* with the notes; only what must change does."""
    headers = mail[part.start : part.body]
    body = mail[part.body : part.end]
    if not body and not _HEADERS_END.search(headers):
        headers += b"\r\n" if headers.endswith(b"\n") else b"\r\n\r\n"
    is_html = part.content_type == "text/html"
    note = _html(notes) if is_html else _plain(notes)
    charset = _charset(part.charset, note)
    encoded = note.encode(charset or "utf-8")
    if charset is None:
        # The text's charset has no umlauts, or is none: the whole text becomes UTF-8.
        headers = _with_charset(headers)
        text = mime.decoded(mail, part)
        utf8 = _as_utf8(text, part.charset)
        if utf8 != text:
            return _with_encoding(headers, "base64"), _base64(_insert(utf8, encoded, is_html))
    match part.transfer_encoding:
        case "base64":
            return headers, _base64(_insert(mime.decoded(mail, part), encoded, is_html))
        case "quoted-printable":
            written = quopri.encodestring(encoded).replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
            return headers, _insert(body, written, is_html)
        case "7bit":
            return _with_encoding(headers, "8bit"), _insert(body, encoded, is_html)
        case _:
            return headers, _insert(body, encoded, is_html)


def keeps_charset(part: Part, notes: Sequence[str]) -> bool:
    """Tell whether the notes can be written in the charset of *part*."""
    return _charset(part.charset, "".join(notes)) is not None


def _plain(notes: Sequence[str]) -> str:
    return "".join(f"{line}\r\n" for line in ("", NOTE_LINE, *notes))


def _html(notes: Sequence[str]) -> str:
    return f"<p>{NOTE_LINE}<br>\r\n" + "<br>\r\n".join(map(html.escape, notes)) + "</p>\r\n"


def _insert(body: bytes, note: bytes, is_html: bool) -> bytes:
    if is_html:
        end = len(body)
        while (end := body.rfind(b"</", 0, end)) >= 0:
            if _BODY_END.match(body, end):
                return body[:end] + note + body[end:]
    separator = b"" if not body or body.endswith(b"\n") else b"\r\n"
    return body + separator + note


def _charset(name: str, note: str) -> str | None:
    """Return the codec for the note in a text of charset *name*; None if it has none."""
    try:
        codec = _codec(name)
        note.encode(codec)
        # A note in UTF-16 could not simply be appended: it would begin with a mark of its own.
        return codec if "A".encode(codec) == b"A" else None
    except (LookupError, ValueError):
        return None


def _codec(charset: str) -> str:
    """Return Python's name for *charset*. Raises LookupError or ValueError for an unknown one."""
    if len(charset) > MAX_CHARSET_NAME:
        raise LookupError(charset)
    codec = codecs.lookup(charset).name
    if codec.replace("-", "_") in NO_CHARSETS:
        raise LookupError(codec)
    "".encode(codec)  # zlib and its like are for bytes
    return codec


def _as_utf8(content: bytes, charset: str) -> bytes:
    # Piece by piece: other threads wait while a codec is at it.
    pieces = [content[i : i + _PIECE] for i in range(0, len(content), _PIECE)]
    for name in (charset, "utf-8"):
        try:
            return b"".join(text.encode() for text in codecs.iterdecode(pieces, _codec(name)))
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1").encode()  # what mail programs without a charset write


def _with_charset(headers: bytes) -> bytes:
    parsed = _parse(headers)
    value = parsed.get("Content-Type") or "text/plain"
    kept = _CHARSET.sub("", value)
    kept = _NOT_IN_A_FIELD.sub(" ", kept)
    parsed.replace("Content-Type", kept.rstrip(" ;") + "; charset=utf-8")
    return parsed.to_bytes() + b"\r\n"


def _with_encoding(headers: bytes, encoding: str) -> bytes:
    parsed = _parse(headers)
    parsed.replace("Content-Transfer-Encoding", encoding)
    return parsed.to_bytes() + b"\r\n"


def _parse(headers: bytes) -> Headers:
    return Headers.parse(headers.removesuffix(b"\n").removesuffix(b"\r"))


def _base64(content: bytes) -> bytes:
    size = _LINE * 3 // 4
    lines = (
        binascii.b2a_base64(content[i : i + size], newline=False)
        for i in range(0, len(content), size)
    )
    return b"".join(line + b"\r\n" for line in lines)
