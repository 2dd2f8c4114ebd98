"""Building answers: elements by prefix and name, Status, the gematik Error."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from lxml import etree

from simulators.makes.make import TraceForm

from ..faults import Trace
from .namespaces import CONN, DSS, ERROR, PREFIXES, name

Element = etree._Element


def response(namespace: str, local: str, prefix: str) -> Element:
    """Return the root element of an answer with the usual prefixes declared on it."""
    return etree.Element(name(namespace, local), nsmap={prefix: namespace, **PREFIXES})


def add(parent: Element, namespace: str, local: str, text: str | None = None) -> Element:
    """Append an element to *parent* and return it."""
    child = etree.SubElement(parent, name(namespace, local))
    if text is not None:
        child.text = text
    return child


def add_status(parent: Element, reported: Element | None = None) -> Element:
    """Append CONN:Status: OK, or Warning with the gematik Error *reported*."""
    status = add(parent, CONN, "Status")
    add(status, CONN, "Result", "OK" if reported is None else "Warning")
    if reported is not None:
        status.append(reported)
    return status


def error(
    traces: Sequence[Trace],
    now: datetime,
    form: TraceForm,
    instance: str,
    new_id: Callable[[], UUID],
) -> Element:
    """Return GERROR:Error; the last Trace is the one that clients show (gemILF_PS 6.1).

    *form* says which fields of a Trace this make fills; *instance* is used where it names none.
    """
    root = etree.Element(name(ERROR, "Error"), nsmap={"GERROR": ERROR})
    add(root, ERROR, "MessageID", str(new_id()))
    add(root, ERROR, "Timestamp", timestamp(now))
    for reported in traces:
        entry = add(root, ERROR, "Trace")
        add(entry, ERROR, "EventID", str(new_id()) if form.event_id else "")
        add(entry, ERROR, "Instance", instance if form.instance is None else form.instance)
        add(entry, ERROR, "LogReference", str(new_id()) if form.log_reference else "")
        add(entry, ERROR, "CompType", form.component)
        add(entry, ERROR, "Code", str(reported.code))
        add(entry, ERROR, "Severity", reported.severity)
        add(entry, ERROR, "ErrorType", reported.error_type)
        add(entry, ERROR, "ErrorText", reported.text)
        if reported.detail and form.detail:
            add(entry, ERROR, "Detail", printable(reported.detail))
    return root


def add_binary(parent: Element, namespace: str, local: str, content: bytes) -> Element:
    """Append an element with *content* in Base64."""
    return add(parent, namespace, local, base64.b64encode(content).decode("ascii"))


def add_base64_data(parent: Element, content: bytes, mime_type: str | None) -> Element:
    """Append dss:Base64Data."""
    data = add_binary(parent, DSS, "Base64Data", content)
    if mime_type is not None:
        data.set("MimeType", mime_type)
    return data


def add_signature_object(parent: Element, signature: bytes, signature_type: str) -> Element:
    """Append dss:SignatureObject with a dss:Base64Signature of the given Type."""
    holder = add(parent, DSS, "SignatureObject")
    add_binary(holder, DSS, "Base64Signature", signature).set("Type", signature_type)
    return holder


def timestamp(moment: datetime) -> str:
    """Return *moment* as xs:dateTime with milliseconds and offset."""
    return moment.isoformat(timespec="milliseconds")


def printable(text: str) -> str:
    """Return *text* without the characters that XML forbids."""
    return "".join(" " if c < " " or "\ud800" <= c <= "\udfff" or c > "\ufffd" else c for c in text)
