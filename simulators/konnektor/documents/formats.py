"""Whether a document is of the format that its MimeType says (4110)."""

from __future__ import annotations

from email.message import Message

from ..faults import Code, fault
from .document import Document

_PDF_HEADER_WITHIN = 1024
_TIFF_MARKS = (b"II*\x00", b"MM\x00*")
_MIME_HEADER_WITHIN = 64 << 10
_TEXT_CHARSET = "iso-8859-15"
"""What a text is read as when its MimeType names no charset."""


def check_format(document: Document, content: bytes, *, shown: bool) -> None:
    """Hold *content* against the kind of its document, by what stands at its beginning.

    A text must be of its charset where it is *shown* to who signs it, for a QES: mails, which are
    signed as text with the SM-B, carry other bytes now and then (KOM-LE-A_2098-03 has them go on
    as they are). Whether a PDF is a PDF/A is for whom reads it whole. Fault 4110.
    """
    if document.kind == "text" and not shown:
        return
    if not _fits(document, content):
        raise fault(Code.DOCUMENT_FORMAT, value=(document.mime_type or "ohne MimeType")[:80])


def text_of(content: bytes, mime_type: str | None) -> str:
    """Return a text document: in the charset of its MimeType, else ISO-8859-15.

    Raises ValueError for a charset that nobody knows, or that the bytes do not fit.
    """
    message = Message()
    message["Content-Type"] = mime_type or "text/plain"
    charset = str(message.get_param("charset") or _TEXT_CHARSET).lower()
    if charset not in (_TEXT_CHARSET, "utf-8", "us-ascii", "iso-8859-1"):
        raise ValueError(f"charset {charset[:40]!r}")
    return content.decode(charset)


def _fits(document: Document, content: bytes) -> bool:
    match document.kind:
        case "pdf":
            return b"%PDF-" in content[:_PDF_HEADER_WITHIN]
        case "tiff":
            return content.startswith(_TIFF_MARKS)
        case "mime":
            return b":" in content[:_MIME_HEADER_WITHIN].partition(b"\n")[0]
        case "text":
            try:
                text_of(content, document.mime_type)
            except ValueError:
                return False
    return True
