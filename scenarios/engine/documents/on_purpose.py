"""What is made wrong with a document on purpose: its character set, its profiles' version."""

from __future__ import annotations

import codecs

from .fhir_xml import VERSION

_DECLARED = b"encoding='UTF-8'"


def with_version(content: bytes, version: str) -> bytes:
    """Return *content* with the profiles of *version* in every meta.profile.

    Only the version is another: the content stays that of profile version 1.2.
    """
    if version == VERSION:
        return content
    return content.replace(f'|{VERSION}"'.encode(), f'|{version}"'.encode())


def encoded(content: bytes, encoding: str) -> bytes:
    """Return the UTF-8 document *content* in another character set, well-formed.

    *encoding* is utf-8, utf-8-bom, utf-16 or iso-8859-1; what Latin 1 lacks becomes a reference.
    """
    if encoding == "utf-8":
        return content
    if encoding == "utf-8-bom":
        return codecs.BOM_UTF8 + content
    declaration = f"encoding='{encoding.upper()}'".encode()
    text = content.replace(_DECLARED, declaration, 1).decode()
    return text.encode(encoding, "xmlcharrefreplace")
