"""The mails that take the place of one that cannot be delivered as it is."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from email.header import Header

from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message

from .. import texts
from .results import (
    DECRYPTED,
    DECRYPTION_HEADER,
    INTEGRITY_ERRORS,
    INTEGRITY_HEADER,
    DecryptionFailure,
    LargeMailFailure,
)

ERROR_HEADER = "X-KIM-Fehlermeldung"
TAKEN_OVER = ("Date", "From", "Sender", "Reply-To", "To", "Cc")
"""KOM-LE-A_2046, A_21391-02."""
TRACE = ("Return-Path", "Received")
"""A_21236, A_20628."""
WRITTEN_ANEW = (
    "content-",
    "mime-version",
    "x-kim-decryption",
    "x-kim-integrity",
    "x-kim-fehler",
    *(name.lower() for name in TRACE),
)
"""How the headers begin that an integrity error mail does not take over from the mail."""
VERSION_ERROR = "4008"
_LINE = 76


def not_decrypted(message: bytes, failure: DecryptionFailure, address: str) -> bytes:
    """Return the error mail around the untouched *message* (KOM-LE-A_2046, 2047-02)."""
    return _around(
        message,
        subject=texts.SUBJECT_NOT_DECRYPTED,
        text=failure.text.replace("{address}", address),
        results=((DECRYPTION_HEADER, failure.result), (ERROR_HEADER, failure.error)),
    )


def unsupported_version(message: bytes, version: str) -> bytes:
    """Return the error mail for an X-KOM-LE-Version that is not supported (A_21391-02)."""
    return _around(
        message,
        subject=texts.SUBJECT_VERSION,
        text=texts.VERSION_UNSUPPORTED.format(version=version),
        results=((ERROR_HEADER, VERSION_ERROR),),
    )


def not_restored(message: bytes, failure: LargeMailFailure, address: str) -> bytes:
    """Return the error mail around the *message* whose mail data are missing.

    A_19370-04, A_22412-01, A_23512; *failure* has a subject.
    """
    return _around(
        message,
        subject=failure.subject or "",
        text=failure.text.replace("{address}", address),
        results=((ERROR_HEADER, failure.error),),
    )


def without_mail_data(
    mail: bytes, outer: Headers, integrity: str, failure: LargeMailFailure
) -> bytes:
    """Return the decrypted *mail* with a text in place of its body.

    A_19369-02, A_19371-04, A_19372-03. What is said of the message itself stands beside it.
    """
    headers = _taken_over(mail, outer)
    headers.append(DECRYPTION_HEADER, DECRYPTED)
    headers.append(INTEGRITY_HEADER, failure.integrity or integrity)
    headers.append(ERROR_HEADER, failure.error)
    headers.append("MIME-Version", "1.0")
    return headers.to_bytes() + _text_part(failure.text)


def integrity_failed(mail: bytes, outer: Headers, results: Sequence[str], *, embed: bool) -> bytes:
    """Return the error mail for a failed integrity check (A_23165).

    With *embed* the decrypted *mail* goes along as message/rfc822 (FAQ); otherwise its body is
    replaced by the text alone, under its own headers.
    """
    headers = _taken_over(mail, outer)
    headers.append(DECRYPTION_HEADER, DECRYPTED)
    for result in results:
        headers.append(INTEGRITY_HEADER, result)
    for error in dict.fromkeys(INTEGRITY_ERRORS[r] for r in results if r in INTEGRITY_ERRORS):
        headers.append(ERROR_HEADER, error)
    if embed:
        text = f"{texts.INTEGRITY_FAILED} {texts.INTEGRITY_EMBEDDED}"
        return _mixed(headers, text, mail)
    headers.append("MIME-Version", "1.0")
    return headers.to_bytes() + _text_part(texts.INTEGRITY_FAILED)


def _taken_over(mail: bytes, outer: Headers) -> Headers:
    """Return the headers of the decrypted *mail*, or *outer*, that a report in its place has."""
    try:
        inner, _ = split_message(mail)
    except FormatError:  # a header that never ends; the mail can be fetched all the same
        inner = Headers()
    source = inner if inner.get("From") else outer
    headers = source.select(lambda name: not name.startswith(WRITTEN_ANEW))
    headers.extend(outer.named(*TRACE))
    return headers


def _around(
    message: bytes, *, subject: str, text: str, results: Sequence[tuple[str, str]]
) -> bytes:
    outer, _ = split_message(message)
    # The report stands for the message, so it keeps its Message-ID, too: what was sent can be
    # followed to where it ended.
    headers = outer.named(*TAKEN_OVER, "Message-ID")
    encoded = Header(subject, "utf-8", maxlinelen=_LINE, header_name="Subject")
    headers.append_raw(b"Subject: " + encoded.encode(linesep="\r\n").encode("ascii"))
    headers.extend(outer.named(*TRACE))
    for name, value in results:
        headers.append(name, value)
    return _mixed(headers, text, message)


def _mixed(headers: Headers, text: str, embedded: bytes) -> bytes:
    boundary = f"kim-{uuid.uuid4().hex}"
    headers.append("MIME-Version", "1.0")
    headers.append("Content-Type", f'multipart/mixed; boundary="{boundary}"')
    encoding = "7bit" if embedded.isascii() else "8bit"
    delimiter = f"--{boundary}".encode("ascii")
    return b"".join(
        (
            headers.to_bytes(),
            b"\r\n",
            delimiter,
            b"\r\n",
            _text_part(text),
            delimiter,
            b"\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: ",
            encoding.encode("ascii"),
            b"\r\nContent-Disposition: attachment\r\n\r\n",
            embedded,
            b"" if embedded.endswith(b"\r\n") else b"\r\n",
            delimiter,
            b"--\r\n",
        )
    )


def _text_part(text: str) -> bytes:
    """Return headers and body of a text/plain part; base64 keeps the text to the letter."""
    encoded = base64.b64encode((text + "\r\n").encode())
    lines = (encoded[i : i + _LINE] for i in range(0, len(encoded), _LINE))
    return (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"\r\n".join(lines)
        + b"\r\n"
    )
