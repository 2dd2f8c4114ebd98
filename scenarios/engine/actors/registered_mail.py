"""Mails with any registered Dienstkennung, written as the register says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..documents.fhir_identity import identity_of
from ..documents.mails import Attachment, Envelope, Mail, registered_mail
from ..scenario.failure import StepFailed
from ..scenario.sent_part import SentPart
from ..services.entry import Entry, Part
from ..services.template import written

ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Content:
    """What is attached, and what the scenario states of it."""

    stated: SentPart
    content: bytes


@dataclass(frozen=True)
class Stated:
    """What a mail shall be: its Dienstkennung, and what the register leaves open."""

    service: str
    subject: str | None
    text: str | None
    contents: Sequence[Content]


def write(entry: Entry, envelope: Envelope, stated: Stated, fallback: str) -> Mail:
    """Return a mail as *entry* says; *fallback* names it when none of its documents does.

    Raises StepFailed for what neither the register nor the scenario says.
    """
    if entry.receipt:
        raise StepFailed(f"{stated.service}: Lesebestätigungen lassen sich so nicht senden")
    named = (identity_of(one.content) for one in stated.contents)
    identity = next((one for one in named if one is not None), fallback)
    subject = stated.subject or written(entry.subject or "<Name>", identity, stated.service)
    if subject is None:
        raise StepFailed(f"{stated.service}: subject fehlt, das Register gibt keinen vor")
    parts = [
        _attachment(entry, one, _wanted(entry, one.stated, number), identity, stated.service)
        for number, one in enumerate(stated.contents)
    ]
    text = subject if stated.text is None else stated.text
    return registered_mail(envelope, stated.service, subject, text, parts)


def _wanted(entry: Entry, stated: SentPart, number: int) -> Part | None:
    """Return the part of the register that is meant: the named one, else by its place."""
    known = entry.parts or ()
    if stated.as_ is None:
        return known[min(number, len(known) - 1)] if known else None
    for part in known:
        if stated.as_ in (part.description, part.file_name):
            return part
    labels = ", ".join(part.label for part in known) or "keine"
    raise StepFailed(f"as: {stated.as_} steht nicht im Register (Anhänge: {labels})")


def _attachment(
    entry: Entry, one: Content, wanted: Part | None, identity: str, service: str
) -> Attachment:
    stated = one.stated
    name_template = (wanted.file_name if wanted else None) or "<Name>"
    file_name = stated.file_name or written(name_template, identity, service)
    if file_name is None:
        raise StepFailed(f"{entry.dienstkennung}: file_name fehlt ({name_template})")
    description = stated.description
    if description is None and wanted is not None and wanted.description is not None:
        description = written(wanted.description, identity, service)
        if description is None:
            raise StepFailed(f"{file_name}: description fehlt ({wanted.description})")
    media_type = stated.media_type or (wanted.media_type if wanted else None) or ANY_TYPE
    return Attachment(one.content, media_type, file_name, description)
