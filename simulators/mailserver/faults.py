"""Everything the mail server answers: SMTP replies, POP3 responses and REST errors, each once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulators.process.errors import one_line
from simulators.process.faults import COMMON_EFFECTS, Effect

from .database import StoreError, Unreachable

REPLY = "reply"
CORRUPT_CIPHERTEXT = "corrupt_ciphertext"
REPLACE_HEADER = "replace_header"
TRUNCATE = "truncate"
CORRUPT = "corrupt"
"""Mail data of the KAS cut short, or a bit of it altered, at the byte that ``value`` names."""
LOST, HANG_UP = "lost", "hang_up"
"""The work is done, but the connection ends instead of the answer, or right after it.

``truncate`` ends it in the middle of the answer: at the octet ``value`` of a mail (RETR, TOP),
else half-way.
"""
AFTER_WORK = frozenset({LOST, HANG_UP, TRUNCATE})
REFUSED, CERTIFICATE = "refused", "certificate"
"""A TLS handshake that ends with an alert, or shows another certificate (``value`` names it)."""
OF_HANDSHAKES = COMMON_EFFECTS | {REFUSED, CERTIFICATE}
EFFECTS = frozenset(
    {
        *(REPLY, CORRUPT_CIPHERTEXT, REPLACE_HEADER, TRUNCATE, CORRUPT),
        *(LOST, HANG_UP, REFUSED, CERTIFICATE),
    }
)

_STATUS = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}(?: |$)")


@dataclass(frozen=True)
class Reply:
    """An SMTP reply with its enhanced status code (RFC 3463, RFC 5248)."""

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.status} {self.text}"

    @property
    def positive(self) -> bool:
        """Whether the command was carried out."""
        return self.code < 400

    def saying(self, text: str) -> Reply:
        """Return the same reply with a text that tells more."""
        return replace(self, text=text)


OK = Reply(250, "2.0.0", "Ok")
SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
ACCEPTED = Reply(250, "2.6.0", "Message accepted")
AUTHENTICATED = Reply(235, "2.7.0", "Authentication successful")

SHUTTING_DOWN = Reply(421, "4.3.2", "Service shutting down")
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections, try again later")
TIMEOUT = Reply(421, "4.4.2", "Timeout, closing connection")
UNREACHABLE = Reply(451, "4.4.1", "No answer from host")
NAMES_UNAVAILABLE = Reply(451, "4.4.3", "No answer about the route to this domain")
INTERNAL = Reply(451, "4.3.0", "Local error in processing")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
STORAGE = Reply(452, "4.3.1", "Insufficient system storage")
STORE_AWAY = Reply(451, "4.3.0", "The mailboxes cannot be reached now, try again later")

SYNTAX = Reply(501, "5.5.4", "Syntax error in parameters")
BASE64 = Reply(501, "5.5.2", "Cannot decode the authentication data")
BARE_COMMAND = Reply(500, "5.5.2", "Commands end with CRLF: LF alone is not accepted")
SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
MECHANISM = Reply(504, "5.5.4", "Unrecognized authentication type")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication required")
AUTH_FAILED = Reply(535, "5.7.8", "Authentication credentials invalid")

UNKNOWN_RECIPIENT = Reply(550, "5.1.1", "No such mailbox here")
UNKNOWN_DOMAIN = Reply(550, "5.1.2", "No route to this domain")
MALFORMED_ADDRESS = Reply(553, "5.1.3", "Malformed address")
RELAYING_DENIED = Reply(550, "5.7.1", "Relaying denied")
NOT_FROM_TI = Reply(550, "5.7.1", "The sender is no KIM address")  # KOM-LE-A_2185
MAILBOX_FULL = Reply(552, "5.2.2", "Mailbox full")
TOO_LARGE = Reply(552, "5.3.4", "Message too large")
HEADER_TOO_LARGE = Reply(552, "5.3.4", "Message header too large")
ROUTING_LOOP = Reply(554, "5.4.6", "Routing loop detected")
BARE_NEWLINE = Reply(550, "5.6.0", "Line ends other than CRLF are not accepted")
NUL_BYTE = Reply(550, "5.6.0", "NUL is not accepted in a message")
LINE_TOO_LONG = Reply(550, "5.6.0", "Line longer than 998 octets")
EIGHT_BIT = Reply(554, "5.6.3", "The next server takes no 8-bit text")  # RFC 6152 3
PARAMETER = Reply(555, "5.5.4", "Parameter not recognized or not implemented")

_DEFAULTS = {
    214: "2.0.0",
    221: "2.0.0",
    250: "2.0.0",
    252: "2.5.0",
    421: "4.7.0",
    451: "4.3.0",
    500: "5.5.2",
    501: "5.5.4",
    502: "5.5.1",
    503: "5.5.1",
    504: "5.5.4",
    550: "5.0.0",
    554: "5.0.0",
}


def with_status(line: str) -> str:
    """Return a reply line with an enhanced status code (RFC 2034), if it has none.

    The SMTP library answers HELP, NOOP and its own syntax errors without one.
    """
    code, text = line[:3], line[4:]
    if not code.isdigit() or code[0] not in "245" or _STATUS.match(text):
        return line
    status = _DEFAULTS.get(int(code), f"{code[0]}.0.0")
    return f"{code}{line[3:4] or ' '}{status} {text}"


def of_store(error: StoreError) -> Reply:
    """Return what a client is told of *error*: it is to come back, in both cases."""
    return STORE_AWAY if isinstance(error, Unreachable) else STORAGE


def reply_of(effect: Effect) -> Reply:
    """Return the SMTP reply that a fault of the kind ``reply`` asks for."""
    code = effect.code if effect.code is not None and 200 <= effect.code <= 599 else 451
    text = one_line(effect.text or "Fault on purpose")
    matched = _STATUS.match(text)
    if matched:
        return Reply(code, matched[0].strip(), text[matched.end() :] or "Fault on purpose")
    first = code // 100 if code // 100 in (2, 4, 5) else 5
    return Reply(code, f"{first}.0.0", text)


class Pop3Error(Exception):
    """A POP3 ``-ERR``; the text begins with a response code (RFC 2449, 3206) where one fits."""


POP3_SYNTAX = "syntax error"
POP3_UNKNOWN = "unknown command"
POP3_STATE = "command not valid in this state"
POP3_NO_MESSAGE = "no such message"
POP3_AUTH = "[AUTH] authentication failed"
POP3_MECHANISM = "unrecognized authentication mechanism"
POP3_BASE64 = "cannot decode the authentication data"
POP3_IN_USE = "[IN-USE] the mailbox is open in another session"
POP3_INTERNAL = "[SYS/TEMP] local error in processing"
POP3_LINE = "line too long"
POP3_TIMEOUT = "timeout"
POP3_ENDED = "[AUTH] the account is locked or has ended"
POP3_BUSY = "[SYS/TEMP] too many connections"


@dataclass(frozen=True)
class RestError:
    """An error response of the OpenAPI's CommonSchemas, with headers beside it."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def saying(self, message: str) -> RestError:
        """Return the same error with a text that tells more."""
        return replace(self, message=message)

    def with_headers(self, headers: Mapping[str, str]) -> RestError:
        """Return the same error with other headers."""
        return replace(self, headers=headers)


class RestRefused(Exception):
    """A REST operation that is not carried out, and the error that says why."""

    def __init__(self, error: RestError) -> None:
        super().__init__(error.message)
        self.error = error


REST_INPUT = RestError(400, "Error in the input data")
REST_UNAUTHORIZED = RestError(
    401,
    "Authentification failed",
    {"WWW-Authenticate": 'Basic realm="KIM", charset="UTF-8"'},
)
REST_NO_CERTIFICATE = RestError(401, "A client certificate is required (A_22348)")
REST_NOT_DEREGISTERED = RestError(403, "Email account has not yet been deregistered.")
REST_INVALID_OTP = RestError(403, "Invalid OTP")
REST_OTP_EXPIRED = RestError(408, "Request Timeout: the OTP has expired")
"""That 408 means an expired OTP is unconfirmed: the OpenAPI only says Request Timeout."""
REST_TAKEN = RestError(409, "E-mail address already taken.")
REST_RULES = RestError(420, "Username or password do not comply with the rules.")
REST_KIM_VERSION = RestError(422, "KimVersion not supported or unknown.")
REST_ENTRY_INACTIVE = RestError(423, "VZD entry is locked: it is inactive.")
REST_NO_DIRECTORY = RestError(502, "VZD cannot be reached or returns errors")
REST_NO_AUTHORITY = RestError(502, "CMP service cannot be reached or returns errors")
REST_NO_ACCOUNT = RestError(404, "Email account not available.")
REST_INTERNAL = RestError(500, "Internal Server Error")

KAS_NO_RECIPIENT = RestError(403, "Recipient not included in the KIM email recipient list.")
KAS_NOT_FOUND = RestError(404, "Resource not found at the specified link.")
KAS_TOO_LARGE = RestError(413, "Payload Too Large")
KAS_TOO_MANY_DOWNLOADS = RestError(429, "Downloaded mail data file too many times.")
KAS_NO_ROOM = RestError(507, "Not enough memory available.")


def rest_error_of(effect: Effect) -> RestError:
    """Return the error that a fault of the kind ``reply`` asks for."""
    status = effect.code if effect.code and 400 <= effect.code <= 599 else 500
    return RestError(status, effect.text or "Fault on purpose")
