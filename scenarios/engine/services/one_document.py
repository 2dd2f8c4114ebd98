"""Mails of exactly one document, whose identifier names subject and file: eAU, Storno, error."""

from __future__ import annotations

from dataclasses import dataclass

from .registry import shipped
from .template import written


@dataclass(frozen=True)
class OneDocument:
    """How subject and attachment are called, in the test environment."""

    subject: str
    file_name: str
    media_type: str
    description: str


def one_document(service: str, identity: str) -> OneDocument:
    """Return the form of a mail with *service* about the document *identity*.

    Raises KeyError when the shipped register does not have *service*, or not as such a mail.
    """
    entry = shipped().entry(service)
    part = entry.parts[0] if entry.parts else None
    if part is None or None in (entry.subject, part.file_name, part.media_type, part.description):
        raise KeyError(service)
    texts = (
        written(template or "", identity, service)
        for template in (entry.subject, part.file_name, part.media_type, part.description)
    )
    return OneDocument(*(text or "" for text in texts))
