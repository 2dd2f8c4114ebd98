"""Answers of EncryptionService: a document, as XML or in CMS."""

from __future__ import annotations

from enum import Enum

from ..operation import Call
from ..soap.answers import add
from ..soap.namespaces import CONN, DSS
from ..soap.reading import Element


class Way(Enum):
    """How a document is encrypted."""

    CMS = "cms"
    XML = "xml"


CMS, XML = Way.CMS, Way.XML


def answer_with(call: Call, way: Way, encoded: bytes, *, decrypted: bool = False) -> Element:
    """Return the answer with Status and a document, *encoded* in Base64: XML as Base64XML."""
    answer = call.answer()
    call.add_status(answer)
    document = add(answer, CONN, "Document")
    if way is XML:
        data = add(document, CONN, "Base64XML")
    else:
        data = add(document, DSS, "Base64Data")
        if not decrypted:
            data.set("MimeType", "application/pkcs7-mime")
    # lxml takes ASCII as bytes as well, and megabytes need not be copied to become a str
    data.text = encoded  # type: ignore[assignment]
    return answer
