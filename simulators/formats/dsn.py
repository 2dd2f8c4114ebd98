"""Delivery status notifications: multipart/report as RFC 3461 to 3464 (KOM-LE-A_2147)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .headers import Headers


@dataclass(frozen=True)
class RecipientReport:
    """What became of one recipient.

    ``action``: delivered, failed, delayed, relayed or expanded; ``status``: RFC 3463 code such
    as ``5.1.1``; ``diagnostic``: reply of the remote server, ``smtp; 550 …``;
    ``original_recipient``: the ORCPT value of the sender, ``rfc822;address``.
    """

    address: str
    action: str
    status: str
    diagnostic: str | None = None
    original_recipient: str | None = None


@dataclass(frozen=True)
class DeliveryReport:
    """A DSN as read: what is missing is None or empty."""

    headers: Headers
    reporting_mta: str | None
    arrival: datetime | None
    reports: tuple[RecipientReport, ...]
    original_headers: Headers | None
    in_reply_to: str | None
    text: str


def delivery_report(
    *,
    reporting_mta: str,
    reports: Sequence[RecipientReport],
    original_headers: bytes,
    to: str,
    sender_text: str,
    arrival: datetime,
    now: datetime,
    message_id: str,
    in_reply_to: str | None,
    extra_headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the DSN.

    *original_headers*: header block of the message it is about (only HDRS is ever returned);
    *to*: the address of that message's sender; *sender_text*: the From of the DSN, for example
    ``Mail Delivery Subsystem <mailer-daemon@…>``; *arrival*: t2, when the message came in;
    *now*: t3; *message_id* and *in_reply_to* with angle brackets.
    """
    raise NotImplementedError


def read_report(message: bytes) -> DeliveryReport | None:
    """Read a DSN; None if *message* is no multipart/report of type delivery-status."""
    raise NotImplementedError
