"""MTOM: binary content beside the envelope instead of Base64 in it (TIP1-A_5694-03, A_15610).

Sources: SOAP 1.1 Binding for MTOM 1.0, XML-binary Optimized Packaging, RFC 2387.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote_to_bytes

from lxml import etree

from ..faults import Code, KonnektorFault, fault
from .namespaces import CONN, DSS, name
from .reading import Element
from .routing import encode

XOP = "http://www.w3.org/2004/08/xop/include"
XOP_TYPE = "application/xop+xml"
MAX_PARTS = 256
MAX_PART_HEAD = 4096
_SERVICES = frozenset(("SignatureService", "EncryptionService"))
_INCLUDE = name(XOP, "Include")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_BINARY = frozenset(
    (name(DSS, "Base64Data"), name(DSS, "Base64Signature"), name(CONN, "Base64XML"))
)
_AS_IT_IS = frozenset(("", "binary", "8bit", "7bit"))


def is_spoken_by(service: str) -> bool:
    """Tell whether *service* takes MTOM: signature and encryption must, no other may (A_15786)."""
    return service in _SERVICES


def is_package(content_type: str) -> bool:
    """Tell whether the header *content_type* announces an MTOM message."""
    declared = _header(content_type)
    return (
        declared.get_content_type() == "multipart/related"
        and _parameter(declared, "type").lower() == XOP_TYPE
    )


def is_accepted(accept: str) -> bool:
    """Tell whether the header *accept* asks for an MTOM answer (WS-MTOMPolicy, Optional)."""
    return XOP_TYPE in accept.lower() and "multipart/related" in accept.lower()


@dataclass(frozen=True, slots=True)
class Package:
    """An MTOM message taken apart: the envelope and the parts by Content-ID (views)."""

    envelope: bytes
    parts: dict[str, memoryview]


def unpack(body: bytes, content_type: str) -> Package:
    """Take an MTOM message apart. Raises the fault 4000 where it is none, or none within bounds."""
    declared = _header(content_type)
    boundary = _parameter(declared, "boundary")
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("kein boundary")
    start = _bare_id(_parameter(declared, "start"))
    found = [_part(piece) for piece in _split(body, boundary.encode("ascii"))]
    ids = [part.content_id for part in found]
    if len(set(ids)) != len(ids) or ids.count("") > 1:
        raise _broken("eine Content-ID fehlt oder ist doppelt")
    position = ids.index(start) if start in ids else 0 if not start else None
    if position is None:
        raise _broken("der Teil, den start nennt, fehlt")
    root = found.pop(position)
    if root.content_type != XOP_TYPE:
        raise _broken(f"das Envelope steht nicht als {XOP_TYPE} da")
    return Package(bytes(root.content), {part.content_id: part.content for part in found})


def resolve(root: Element, parts: dict[str, memoryview], most: int) -> None:
    """Put the parts in Base64 where *root* includes them; *most* bounds their size, in bytes.

    Each part may be included once, the envelope never: nothing grows by being named often, and
    there is no way round in a circle. Raises the fault 4000.
    """
    remaining = dict(parts)
    for include in list(root.iter(_INCLUDE)):
        holder = include.getparent()
        if holder is None or len(holder) != 1 or (holder.text or "").strip() or len(include):
            raise _broken("xop:Include steht nicht allein in seinem Element")
        reference = include.get("href") or ""
        if not reference.startswith("cid:"):
            raise _broken(f"href {reference!r:.80} ist keine cid")
        content = remaining.pop(unquote_to_bytes(reference[4:]).decode("latin-1"), None)
        if content is None:
            raise _broken(f"zu {reference!r:.80} gibt es keinen Teil (mehr)")
        most -= len(content)
        if most < 0:
            raise fault(Code.DOCUMENT_TOO_LARGE)
        holder.remove(include)
        holder.text = binascii.b2a_base64(content, newline=False).decode("ascii")


def pack(answer: Element, unique: str) -> tuple[bytes, str]:
    """Return the MTOM message with *answer*, and its Content-Type; *unique* tells it apart."""
    attached: list[bytes] = []
    for holder in list(answer.iter(*_BINARY)):
        if holder.text and not len(holder):
            content = binascii.a2b_base64(holder.text)
            holder.text = None
            etree.SubElement(holder, _INCLUDE, {"href": f"cid:{len(attached)}.{unique}"})
            attached.append(content)
    start = f"<envelope.{unique}>"
    pieces = [_head(unique, start, f'{XOP_TYPE}; charset=UTF-8; type="text/xml"'), encode(answer)]
    for number, content in enumerate(attached):
        pieces += [_head(unique, f"<{number}.{unique}>", "application/octet-stream"), content]
    pieces.append(f"\r\n--{unique}--\r\n".encode("ascii"))
    declared = f'type="{XOP_TYPE}"; start="{start}"; start-info="text/xml"; boundary="{unique}"'
    return b"".join(pieces)[2:], f"multipart/related; {declared}"


def _head(boundary: str, content_id: str, content_type: str) -> bytes:
    """Return the delimiter and the head of a part."""
    return (
        f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
        f"Content-Transfer-Encoding: binary\r\nContent-ID: {content_id}\r\n\r\n"
    ).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Part:
    content_id: str
    content_type: str
    content: memoryview


def _split(body: bytes, boundary: bytes) -> list[memoryview]:
    """Return what stands between the delimiters, up to the closing one."""
    delimiter = b"\r\n--" + boundary
    view = memoryview(body)
    at = 0 if body.startswith(delimiter[2:]) else body.find(delimiter) + 2
    if at == 1:
        raise _broken("der erste Teil fehlt")
    at += len(delimiter) - 2
    pieces: list[memoryview] = []
    while not body.startswith(b"--", at):
        line_end = body.find(b"\r\n", at, at + 80)
        end = -1 if line_end < 0 else body.find(delimiter, line_end)
        if end < 0 or body[at:line_end].strip(b" \t"):
            raise _broken("ein Teil hört nicht auf")
        if len(pieces) == MAX_PARTS:
            raise _broken(f"mehr als {MAX_PARTS} Teile")
        pieces.append(view[line_end + 2 : end])
        at = end + len(delimiter)
    if not pieces:
        raise _broken("kein Teil")
    return pieces


def _part(piece: memoryview) -> _Part:
    """Read the head of a part; raises the fault 4000."""
    beginning = bytes(piece[: MAX_PART_HEAD + 4])
    end = -2 if beginning.startswith(b"\r\n") else beginning.find(b"\r\n\r\n")
    if end == -1:
        raise _broken(
            f"der Kopf eines Teils ist länger als {MAX_PART_HEAD} Bytes oder hört nie auf"
        )
    declared: dict[str, str] = {}
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", beginning[: max(end, 0)])
    for line in unfolded.decode("latin-1").split("\r\n"):
        key, _, value = line.partition(":")
        if declared.setdefault(key.strip().lower(), value.strip()) != value.strip():
            raise _broken(f"{key!r:.40} steht zweimal im Kopf eines Teils")
    transfer = declared.get("content-transfer-encoding", "").lower()
    content = piece[end + 4 :]
    if transfer == "base64":
        content = memoryview(_from_base64(bytes(content)))
    elif transfer not in _AS_IT_IS:
        raise _broken(f"Content-Transfer-Encoding {transfer!r:.40}")
    return _Part(
        _bare_id(declared.get("content-id", "")),
        _header(declared.get("content-type", "")).get_content_type(),
        content,
    )


def _from_base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text.translate(None, b" \t\r\n"), strict_mode=True)
    except binascii.Error:
        raise _broken("ein Teil ist kein Base64") from None


def _header(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type
    return message


def _parameter(declared: Message, key: str) -> str:
    value = declared.get_param(key, "")
    return value if isinstance(value, str) else ""


def _bare_id(content_id: str) -> str:
    return content_id.strip().removeprefix("<").removesuffix(">")


def _broken(detail: str) -> KonnektorFault:
    return fault(Code.SYNTAX, f"MTOM: {detail}")
