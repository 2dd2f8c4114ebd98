"""The DSN that tells the sender who does not get the mail (KOM-LE-A_2024-01, 2192-01)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from simulators.formats.dsn import RecipientReport, delivery_report
from simulators.formats.headers import Headers, split_message
from simulators.formats.kim_codes import FEHLERMELDUNG

from .. import texts
from ..mta import MtaReply, Recipient

ERROR_HEADER = "X-KIM-Fehlermeldung"
NO_KEY_STATUS = "5.7.5"
"""RFC 3463: cryptographic failure."""
REFUSED_STATUS = "5.0.0"
STATUS = {"4001": "5.2.3", "4002": "5.3.0"}
"""RFC 3463: longer than the recipient takes; a system that the mail needs has failed."""
RELAYED_STATUS = "2.0.0"
OUTDATED = "4017"


@dataclass(frozen=True)
class Failure:
    """A recipient who does not get the mail: by a code of the client module, or by the MTA."""

    recipient: Recipient
    code: str | None = None
    reply: MtaReply | None = None

    def report(self) -> RecipientReport:
        """Return the failure as a DSN tells it."""
        status, diagnostic = NO_KEY_STATUS, None
        if self.code is not None:
            status = STATUS.get(self.code, NO_KEY_STATUS)
            known = FEHLERMELDUNG.get(self.code)
            diagnostic = f"x-kim; {self.code} {_ascii(known.text if known else '')}".rstrip()
        elif self.reply is not None:
            words = self.reply.text[4:].split(" ", 1)
            enhanced = words[0].count(".") == 2 and words[0][:1] in ("4", "5")
            status = words[0] if enhanced else REFUSED_STATUS
            diagnostic = f"smtp; {self.reply.text}"
        return RecipientReport(
            address=self.recipient.address,
            action="failed",
            status=status,
            diagnostic=diagnostic,
            original_recipient=self.recipient.original,
        )


def failure_report(
    failures: Sequence[Failure],
    *,
    sender: str,
    outer: Headers,
    arrival: datetime,
    now: datetime,
    envelope_id: str | None = None,
) -> bytes:
    """Return the DSN to *sender*, neither signed nor encrypted.

    It names every recipient and carries X-KIM-Fehlermeldung once per kind of error (A_20650-05).
    *outer* is the header block of the protected message: its subject gives nothing away;
    *envelope_id* is the sender's ENVID.
    """
    domain = sender.rpartition("@")[2]
    dsn = delivery_report(
        reporting_mta=f"clientmodul.{domain}",
        reports=[failure.report() for failure in failures],
        original_headers=outer.to_bytes(),
        to=sender,
        sender_text=f"KIM-Clientmodul <{sender}>",
        arrival=arrival,
        now=now,
        message_id=f"<{uuid.uuid4()}@{domain}>",
        in_reply_to=outer.get("Message-ID"),
        envelope_id=envelope_id,
    )
    headers, body = split_message(dsn)
    for code in dict.fromkeys(failure.code for failure in failures):
        if code is not None:
            headers.append(ERROR_HEADER, code)
    return headers.to_bytes() + b"\r\n" + body


def outdated_report(
    recipients: Sequence[Recipient],
    *,
    sender: str,
    outer: Headers,
    arrival: datetime,
    now: datetime,
    envelope_id: str | None = None,
) -> bytes:
    """Return the DSN that tells *sender* to update this client module (4017, A_21387-01).

    It is neither signed nor encrypted; the mail went to the *recipients* all the same.
    """
    domain = sender.rpartition("@")[2]
    return delivery_report(
        reporting_mta=f"clientmodul.{domain}",
        reports=[
            RecipientReport(r.address, "relayed", RELAYED_STATUS, original_recipient=r.original)
            for r in recipients
        ],
        original_headers=outer.to_bytes(),
        to=sender,
        sender_text=f"KIM-Clientmodul <{sender}>",
        arrival=arrival,
        now=now,
        message_id=f"<{uuid.uuid4()}@{domain}>",
        in_reply_to=outer.get("Message-ID"),
        extra_headers={ERROR_HEADER: OUTDATED},
        envelope_id=envelope_id,
        words=(texts.OUTDATED_SUBJECT, texts.OUTDATED),
    )


def _ascii(text: str) -> str:
    for umlaut, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("Ä", "Ae")):
        text = text.replace(umlaut, written)
    return text.replace("Ö", "Oe").replace("Ü", "Ue").encode("ascii", "replace").decode("ascii")
