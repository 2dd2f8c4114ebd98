"""ContentInfo: the outermost SEQUENCE of every CMS message (RFC 5652, 3)."""

from __future__ import annotations

from collections.abc import Iterable

from . import asn1
from .errors import FormatError


def write(oid: bytes, content: Iterable[asn1.Buffer]) -> bytes:
    """Return the DER ContentInfo of type *oid* (encoded) around the SEQUENCE of *content*.

    The parts are joined once, here, however large they are.
    """
    inner = asn1.enclose(asn1.context(0), asn1.enclose(asn1.SEQUENCE, content))
    return b"".join(asn1.enclose(asn1.SEQUENCE, [oid, *inner]))


def read(cms: asn1.Buffer, oid: bytes, name: str) -> asn1.Fields:
    """Return the fields of the content, which must be of type *oid* (encoded).

    *name* is what the error calls it. Raises FormatError.
    """
    fields = asn1.parse(cms).fields()
    if fields.take(asn1.OBJECT_IDENTIFIER).encoded != oid:
        raise FormatError(f"the message is no {name}")
    content = fields.take(asn1.context(0)).only()
    fields.end()
    return content.fields()
