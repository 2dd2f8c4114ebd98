"""The X-ray of a message: as it lies at a provider, as a client got it, or a report on delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulators.formats import dsn, komle
from simulators.formats.entities import content_type
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message
from simulators.formats.kas_part import DISPOSITION

from .attached import document, kas
from .envelope import envelope_node
from .fields import fields
from .keys import Keys
from .mime import Leaf, leaves, word
from .node import Node, node, problem
from .signature import same_recipients, signature_node

MAX_BYTES: Final = 64 << 20
MAX_DEPTH: Final = 6
"""Messages within messages."""
MAX_MESSAGES: Final = 40
"""Messages in one X-ray, however they are nested."""
_MAX_LINES: Final = 20
_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})
_FIELDS: Final = frozenset(
    {"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"}
)


@dataclass
class _View:
    """The keys at hand, and how many messages were looked at so far."""

    keys: Keys
    messages: int = 0


def xray(content: bytes, keys: Keys | None = None) -> Node:
    """Return the tree of *content*, whatever it is: every layer, or why it cannot be read.

    Envelopes are opened and owners of certificates found by *keys*. Never raises for bytes.
    """
    if len(content) > MAX_BYTES:
        return node("mail", "Nachricht", children=[problem(f"größer als {MAX_BYTES} Bytes")])
    return _mail(content, _View(keys or Keys()), "Nachricht", 0)


def _mail(content: bytes, view: _View, title: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        return node("mail", title, children=[problem("zu tief verschachtelt")])
    view.messages += 1
    if view.messages > MAX_MESSAGES:
        return node("mail", title, children=[problem("zu viele Nachrichten ineinander")])
    try:
        headers, body = split_message(content)
    except FormatError as error:
        return node("mail", title, children=[problem(error)])
    if not any(headers.names()):
        return node("mail", title, children=[problem("kein Kopf: keine einzige Kopfzeile")])
    kind, told = _kind(headers)
    own = node("headers", "Kopf", f"{len(headers)} Felder", children=fields(headers))
    below = [own, *_body(content, headers, body, view, depth)]
    named = f"{title}: {told}" if told else title
    return node(kind, named, word(headers.get("Subject") or "ohne Betreff"), children=below)


def _kind(headers: Headers) -> tuple[str, str]:
    media_type, parameters = content_type(headers)
    if _is_enveloped(headers):
        return "outer-mail", "verschlüsselte KIM-Nachricht"
    if media_type == "multipart/report":
        report = parameters.get("report-type", "")
        return "report", "Zustellbericht (DSN)" if report == "delivery-status" else "Bericht (MDN)"
    if headers.get("X-KIM-Fehlermeldung") is not None:
        return "error-mail", "Fehlernachricht des Clientmoduls"
    if headers.get("X-KIM-DecryptionResult") is not None:
        return "delivered-mail", "vom Clientmodul entschlüsselt"
    return "mail", ""


def _is_enveloped(headers: Headers) -> bool:
    media_type, parameters = content_type(headers)
    kind = parameters.get("smime-type", "").lower()
    return media_type in {"application/pkcs7-mime", "application/x-pkcs7-mime"} and kind in {
        "authenticated-enveloped-data",
        "enveloped-data",
    }


def _body(content: bytes, headers: Headers, body: bytes, view: _View, depth: int) -> Iterator[Node]:
    if _is_enveloped(headers):
        yield from _enveloped(content, headers, view, depth)
        return
    report = dsn.read_report(content)
    if report is not None:
        yield _delivery(report)
    for number, leaf in enumerate(leaves(headers, body), 1):
        yield _part(number, leaf, view, depth)


def _enveloped(content: bytes, outer: Headers, view: _View, depth: int) -> Iterator[Node]:
    try:
        cms = komle.encrypted_cms(content)
    except FormatError as error:
        yield problem(error)
        return
    found, opened = envelope_node(cms, view.keys)
    yield found
    if opened is None:
        return
    try:
        signed_cms = komle.signed_cms(opened.entity)
    except FormatError as error:
        yield node("signature", "signierte CMS (signedData)", children=[problem(error)])
        return
    shown, signed = signature_node(signed_cms, "signierte CMS (signedData)")
    yield shown
    if signed is None or signed.content is None:
        return
    if not same_recipients(cms, signed):
        note = "nennt innen andere als außen (KOM-LE-A_2048-01)"
        yield node("differing", "recipient-emails", "verschieden", note=note, mark="bad")
    try:
        mail = komle.client_mail(signed.content)
        inner, _ = split_message(mail)
    except FormatError as error:
        yield node("mail", "Client-Mail", children=[problem(error)])
        return
    differing = komle.differing_headers(outer, inner)
    if differing:
        note = "unterscheiden sich außen und innen (KOM-LE-A_2048-01)"
        yield node("differing", "Kopffelder", ", ".join(differing), note=note, mark="bad")
    yield _mail(mail, view, "Client-Mail", depth + 1)


def _delivery(report: dsn.DeliveryReport) -> Node:
    below = [
        node(
            "delivery",
            one.address,
            f"{one.action} {one.status}".strip(),
            note=one.diagnostic or "",
            mark="ok" if one.action == "delivered" else "bad" if one.action == "failed" else "warn",
        )
        for one in report.reports
    ]
    original = (
        None if report.original_headers is None else report.original_headers.get("Message-ID")
    )
    if original:
        below.append(node("original", "zur Nachricht", original))
    return node(
        "delivery-report",
        "Zustellung",
        f"gemeldet von {report.reporting_mta or '?'}",
        children=below,
    )


def _part(number: int, leaf: Leaf, view: _View, depth: int) -> Node:
    below: list[Node] = []
    if leaf.broken is not None:
        below.append(problem(leaf.broken))
    elif leaf.media_type in _MESSAGES:
        below.append(_mail(leaf.content, view, "eingebettete Nachricht", depth + 1))
    elif leaf.disposition == DISPOSITION:
        below.append(kas(leaf.content))
    elif leaf.media_type in _FIELDS:
        below += _reported(leaf.content)
    else:
        below += document(leaf.content) or _lines(leaf)
    described = leaf.headers.get("Content-Description")
    title = f"Teil {number}: {leaf.media_type}"
    told = ", ".join(filter(None, (leaf.file_name, described and word(described))))
    size = f"{len(leaf.content)} Bytes"
    return node("part", title, f"{told}, {size}" if told else size, children=below)


def _reported(content: bytes) -> list[Node]:
    """Return the fields of a report: of the delivery, the reading or the original message."""
    try:
        return fields(Headers.parse(content))
    except FormatError as error:
        return [problem(error)]


def _lines(leaf: Leaf) -> list[Node]:
    """Return the beginning of a text; nothing of another content."""
    if not leaf.media_type.startswith("text/"):
        return []
    character_set = leaf.parameters.get("charset", "utf-8")
    try:
        text = leaf.content.decode(character_set, "replace")
    except (LookupError, ValueError):
        text = leaf.content.decode("latin-1")
    lines = text.splitlines()
    shown = [node("line", "", line) for line in lines[:_MAX_LINES] if line.strip()]
    if len(lines) > _MAX_LINES:
        shown.append(node("more", f"… und {len(lines) - _MAX_LINES} Zeilen"))
    return shown
