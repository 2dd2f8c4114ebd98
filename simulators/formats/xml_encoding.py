"""Character sets of XML documents, told once: whoever reads one on takes it in UTF-8.

Parsers know more character sets than are read here, and where a document declares one oddly they
differ. What was checked by one of them would then be another document for the next.
"""

from __future__ import annotations

import re

from .errors import FormatError

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DECLARATION = re.compile(r"\A<\?xml\s[^>]{0,200}\?>")
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_ENCODING = re.compile(r"utf-?8|utf-16(le|be)?|us-ascii|iso-8859-\d{1,2}|windows-125\d")
_UTF8_ALIKE = ("utf-8", "utf8", "us-ascii")


def in_utf8(content: bytes) -> bytes:
    """Return a document in UTF-8, as which most come; its XML declaration says so then.

    Raises FormatError for a character set not known here, and for bytes that do not fit it.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        declared = _DECLARED.match(content[:300].removeprefix(b"\xef\xbb\xbf"))
        encoding = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if encoding in _UTF8_ALIKE:
        return content
    try:
        if not _ENCODING.fullmatch(encoding):
            raise LookupError
        text = content.decode(encoding)
        return (_XML + _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)).encode("utf-8")
    except (LookupError, ValueError):
        raise FormatError(f"XML: no text in {encoding[:40]!r}") from None
