"""The envelope of a mail: MAIL and RCPT with their parameters (RFC 5321, 1870, 6152, 3461)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from .faults import (
    MALFORMED_ADDRESS,
    PARAMETER,
    SYNTAX,
    Reply,
)

MAX_LOCAL_PART = 64
MAX_DOMAIN = 189  # FAQ: the domain part of a KIM address
MAX_ENVELOPE_ID = 100
MAX_ORIGINAL_RECIPIENT = 500

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)")
_PATH = re.compile(r"\s*<([^<>\s]*)>(?:\s+(.*))?\s*", re.DOTALL)
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ORCPT = re.compile(rf"{_ATOM};.+")  # RFC 3461 4.2: type and address, neither is empty
_NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})


class Refused(Exception):
    """A command that is not carried out, and the reply that says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


@dataclass(frozen=True)
class Recipient:
    """A recipient with what the sender wants to hear about it.

    ``notify`` holds NEVER or some of SUCCESS, FAILURE and DELAY; ``original`` is ORCPT as it
    came, ``rfc822;`` and the address in xtext.
    """

    address: str
    notify: frozenset[str] = frozenset({"FAILURE"})
    original: str | None = None

    @property
    def domain(self) -> str:
        """The domain in lower case."""
        return self.address.rpartition("@")[2].lower()


@dataclass
class Envelope:
    """Sender, recipients and what the sender asked for.

    ``sender`` is empty for a DSN; ``returned`` is RET, of which only headers are ever returned
    (KOM-LE-A_2147); ``envelope_id`` is ENVID in xtext; ``size`` what the sender announced.
    """

    sender: str
    returned: str | None = None
    envelope_id: str | None = None
    size: int = 0
    eight_bit: bool = False
    recipients: list[Recipient] = field(default_factory=list)


def read_mail(argument: str | None) -> Envelope:
    """Read what follows ``MAIL``; raises Refused."""
    address, parameters = _path(argument, "FROM:")
    envelope = Envelope(address if not address else _checked(address))
    for name, value in parameters.items():
        match name:
            case "SIZE" if re.fullmatch(r"[0-9]{1,20}", value):
                envelope.size = int(value)
            case "BODY" if value.upper() in ("7BIT", "8BITMIME"):
                envelope.eight_bit = value.upper() == "8BITMIME"
            case "RET" if value.upper() in ("FULL", "HDRS"):
                envelope.returned = value.upper()
            case "ENVID" if value and len(value) <= MAX_ENVELOPE_ID:
                envelope.envelope_id = _xtext(value)
            case "AUTH" if _XTEXT.fullmatch(value):
                pass  # RFC 4954 5: nobody is trusted to assert it, so it is ignored
            case "SIZE" | "BODY" | "RET" | "ENVID" | "AUTH":
                raise Refused(SYNTAX.saying(f"{name}: value not understood"))
            case _:
                raise Refused(PARAMETER)
    return envelope


def read_rcpt(argument: str | None) -> Recipient:
    """Read what follows ``RCPT``; raises Refused."""
    address, parameters = _path(argument, "TO:")
    notify, original = frozenset({"FAILURE"}), None
    for name, value in parameters.items():
        match name:
            case "NOTIFY":
                notify = _notify(value)
            case "ORCPT" if len(value) <= MAX_ORIGINAL_RECIPIENT and _ORCPT.fullmatch(value):
                original = f"{value.partition(';')[0]};{_xtext(value.partition(';')[2])}"
            case "ORCPT":
                raise Refused(SYNTAX.saying("ORCPT: expected type;address"))
            case _:
                raise Refused(PARAMETER)
    return Recipient(_checked(address), notify, original)


def dump(envelope: Envelope, recipients: list[Recipient]) -> str:
    """Return *envelope* with *recipients* in its place as JSON, for the relay's queue."""
    return json.dumps(
        {
            "sender": envelope.sender,
            "returned": envelope.returned,
            "envelope_id": envelope.envelope_id,
            "eight_bit": envelope.eight_bit,
            "recipients": [[r.address, sorted(r.notify), r.original] for r in recipients],
        }
    )


def load(text: str) -> Envelope:
    """Read what ``dump`` wrote."""
    content = json.loads(text)
    recipients = [
        Recipient(address, frozenset(notify), original)
        for address, notify, original in content.pop("recipients")
    ]
    return Envelope(**content, recipients=recipients)


def mail_command(envelope: Envelope, extensions: dict[str, str], size: int) -> str:
    """Return the MAIL command for a server with these *extensions* (names in upper case)."""
    parts = [f"MAIL FROM:<{envelope.sender}>"]
    if "SIZE" in extensions:
        parts.append(f"SIZE={size}")
    if "8BITMIME" in extensions and envelope.eight_bit:
        parts.append("BODY=8BITMIME")
    if "DSN" in extensions:
        if envelope.returned:
            parts.append(f"RET={envelope.returned}")
        if envelope.envelope_id:
            parts.append(f"ENVID={envelope.envelope_id}")
    return " ".join(parts)


def rcpt_command(recipient: Recipient, extensions: dict[str, str]) -> str:
    """Return the RCPT command for a server with these *extensions*."""
    parts = [f"RCPT TO:<{recipient.address}>"]
    if "DSN" in extensions:
        parts.append(f"NOTIFY={','.join(sorted(recipient.notify))}")
        own = re.sub(r"[+=]", lambda m: f"+{ord(m[0]):02X}", recipient.address)  # xtext
        parts.append(f"ORCPT={recipient.original or f'rfc822;{own}'}")
    return " ".join(parts)


def _path(argument: str | None, keyword: str) -> tuple[str, dict[str, str]]:
    if argument is None or argument[: len(keyword)].upper() != keyword:
        raise Refused(SYNTAX.saying(f"expected {keyword}<address>"))
    matched = _PATH.fullmatch(argument[len(keyword) :])
    if matched is None:
        raise Refused(SYNTAX.saying(f"expected {keyword}<address>"))
    parameters: dict[str, str] = {}
    for parameter in (matched[2] or "").split():
        name, _, value = parameter.partition("=")
        if name.upper() in parameters:
            raise Refused(SYNTAX.saying("parameter given twice"))
        parameters[name.upper()] = value
    return matched[1], parameters


def is_address(text: str) -> bool:
    """Tell whether *text* is a mail address by its form: KIM's lengths, no quoted local part."""
    matched = _ADDRESS.fullmatch(text)
    return (
        matched is not None and len(matched[1]) <= MAX_LOCAL_PART and len(matched[2]) <= MAX_DOMAIN
    )


def _checked(address: str) -> str:
    if not is_address(address):
        raise Refused(MALFORMED_ADDRESS)
    return address


def _xtext(value: str) -> str:
    """Return *value* as it stands; raises Refused unless it is xtext of printable ASCII."""
    if _XTEXT.fullmatch(value):
        decoded = re.sub(r"\+([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), value)
        if decoded.isprintable() and decoded.isascii():
            return value
    raise Refused(SYNTAX.saying("xtext of printable ASCII expected"))


def _notify(value: str) -> frozenset[str]:
    wanted = frozenset(value.upper().split(","))
    if not wanted <= _NOTIFY or ("NEVER" in wanted and len(wanted) > 1):
        raise Refused(SYNTAX.saying("NOTIFY: expected NEVER or SUCCESS, FAILURE, DELAY"))
    return wanted
