"""What steps leave behind under a name, for later steps and for checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..documents.error_codes import ErrorCode
from ..documents.mails import Mail
from ..documents.reading import EauDocument
from ..pvs.konnektor import Verification
from ..pvs.mail import Reply


@dataclass(frozen=True)
class Found:
    """The answer of the directory: the address to send to and how many entries there were.

    ``fallback`` is set when nothing was found and the scenario names whom to send to instead.
    """

    filter: str
    entries: int
    address: str
    fallback: bool = False


@dataclass(frozen=True)
class Signed:
    """A document and its signature: a CMS that holds it, or a PDF that holds the signature."""

    document: bytes
    signature: bytes
    card: str
    eau: EauDocument | None = None


@dataclass(frozen=True)
class Sent:
    """A mail as it was handed to the client module, and its reply."""

    actor: str
    mail: Mail
    recipients: tuple[str, ...]
    dsn: bool
    reply: Reply
    signed: Signed | None = None


@dataclass(frozen=True)
class Fetched:
    """A mail as the client module handed it over; ``sent`` names what it belongs to.

    ``arrived`` and ``fetched`` are virtual times, known where an insurer polls.
    """

    actor: str
    sent: str
    uid: str
    content: bytes
    arrived: datetime | None = None
    fetched: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """What the insurer found out about a mail.

    ``document`` is what the signature covers; ``code`` is None when the mail is accepted, and
    ``note`` says what it wrote down then.
    """

    actor: str
    fetched: Fetched
    decryption: str
    integrity: tuple[str, ...]
    verification: Verification | None = None
    signature: bytes | None = None
    document: bytes | None = None
    code: ErrorCode | None = None
    reasons: tuple[str, ...] = ()
    answer: Sent | None = None
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """A step that should have left something failed; why."""

    reason: str


Artifact = Found | Signed | Sent | Fetched | Judged | Missing
