"""Every reply and prescribed text of the client module's own, each with its requirement."""

from __future__ import annotations

from dataclasses import dataclass

MAX_REPLY_TEXT = 400


@dataclass(frozen=True)
class Reply:
    """An SMTP reply of one line: code, enhanced status (RFC 3463) and text."""

    code: int
    status: str | None
    text: str

    def line(self) -> bytes:
        """Return the reply as it goes to the client system."""
        middle = f"{self.code} {self.status} " if self.status else f"{self.code} "
        return (middle + self.text)[:MAX_REPLY_TEXT].encode("ascii", "replace") + b"\r\n"

    def with_text(self, text: str) -> Reply:
        """Return the same reply with a text that says more."""
        return Reply(self.code, self.status, text)


# Tab_SMTP_Ant_Init (KOM-LE-A_2008)
OK = Reply(250, None, "OK")
BYE = Reply(221, None, "OK")
AUTHENTICATION_REQUIRED = Reply(530, "5.7.0", "Authentication required")
INVALID_COMMAND = Reply(502, "5.5.1", "Invalid command")

# Tab_SMTP_Verbindung (KOM-LE-A_2015-01)
AUTHENTICATED = Reply(235, "2.7.0", "Authentication successful")
OTHER_MECHANISM = Reply(504, "5.7.4", "Security features not supported")
BAD_USER_NAME = Reply(501, "5.5.4", "Invalid command arguments")
BAD_CONTEXT = Reply(501, None, "Syntax error in parameters or arguments")
MTA_UNREACHABLE = Reply(454, "4.7.0", "Temporary authentication failure")
LOGIN_REFUSED = Reply(535, "5.7.8", "Authentication credentials invalid")

# RFC 4954, 5321: what the tables leave to them
AUTH_CANCELLED = Reply(501, "5.5.2", "Authentication cancelled")
BAD_BASE64 = Reply(501, "5.5.2", "Cannot decode the response")
BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
BAD_ARGUMENTS = Reply(501, "5.5.4", "Syntax error in parameters or arguments")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections")
SENDER_OK = Reply(250, "2.1.0", "OK")
RECIPIENT_OK = Reply(250, "2.1.5", "OK")
START_MAIL = Reply(354, None, "Start mail input; end with <CRLF>.<CRLF>")
RESET = Reply(250, "2.0.0", "OK")

# KOM-LE-A_2016, 2017: time-outs and lost connections
TIMEOUT_SERVER = Reply(421, "4.4.2", "The mail server does not answer")
TIMEOUT_CLIENT = Reply(421, "4.4.2", "Timeout")
SERVER_GONE = Reply(421, "4.4.2", "The mail server closed the connection")
CLOSING = Reply(421, "4.3.2", "The client module is being stopped")

# Outcomes of a mail
TOO_LARGE = Reply(552, "5.3.4", "Message too large")  # A_19355-01
CANNOT_SIGN = Reply(451, "4.7.0", "The message cannot be signed")  # KOM-LE-A_2021
CANNOT_ENCRYPT = Reply(451, "4.7.0", "The message can be encrypted for no recipient")  # 2025
ENCRYPTION_FAILED = Reply(451, "4.7.0", "The message cannot be encrypted")
DIRECTORY_UNREACHABLE = Reply(451, "4.4.3", "The directory does not answer")
KONNEKTOR_UNREACHABLE = Reply(451, "4.4.1", "The Konnektor does not answer")
HOLDS_KAS_PART = Reply(451, "5.6.0", "The message holds a part x-kas")  # A_22341
KAS_FULL = Reply(521, "5.2.2", "No room for the message data on the KAS")  # A_22419-01
KAS_TOO_LARGE = Reply(451, "4.3.4", "The message data are too large for the KAS")  # A_19363-03
NOT_UPLOADED = Reply(451, "4.4.0", "The message data cannot be uploaded")  # A_19363-03
NO_LARGE_MAILS = Reply(451, "4.2.3", "No recipient takes large messages")  # A_19356-06
NO_SPACE = Reply(452, "4.3.1", "Insufficient system storage")  # RFC 5321
SENDER_NOT_FOUND = Reply(553, "5.1.8", "The sender has no encryption certificate")  # FAQ
NO_SENDER = Reply(553, "5.1.7", "The message names no sender")
BAD_MESSAGE = Reply(554, "5.6.0", "The message cannot be read")
INTERNAL = Reply(451, "4.3.0", "Internal error")


class MailRefused(Exception):
    """The mail of a transaction is not sent; ``reply`` goes to the client system."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.code} {reply.text}")
        self.reply = reply


POP3_GREETING = b"+OK KOM-LE Clientmodul POP3\r\n"
POP3_CAPABILITIES = b"+OK Capability list follows\r\nTOP\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\n.\r\n"
POP3_OK = b"+OK\r\n"
POP3_CHALLENGE = b"+ \r\n"
POP3_UNKNOWN = b"-ERR unknown command\r\n"
POP3_BAD_USER_NAME = b"-ERR user name incomplete or malformed\r\n"
POP3_BAD_CONTEXT = b"-ERR the Konnektor refuses Mandant, Clientsystem or Workplace\r\n"
POP3_OTHER_MECHANISM = b"-ERR mechanism not supported\r\n"
POP3_BAD_BASE64 = b"-ERR cannot decode the response\r\n"
POP3_UNREACHABLE = b"-ERR [SYS/TEMP] the mail server cannot be reached\r\n"
POP3_REFUSED = b"-ERR [AUTH] authentication failed\r\n"
POP3_USER_FIRST = b"-ERR USER first\r\n"
POP3_TIMEOUT = b"-ERR timeout\r\n"
POP3_GONE = b"-ERR [SYS/TEMP] the mail server closed the connection\r\n"
POP3_LINE_TOO_LONG = b"-ERR line too long\r\n"
POP3_INTERNAL = b"-ERR [SYS/TEMP] the message cannot be processed now\r\n"
POP3_TOO_LARGE = b"-ERR [SYS/PERM] the message is too large to be decrypted\r\n"
POP3_TOO_MANY = b"-ERR [SYS/TEMP] too many connections\r\n"
POP3_CLOSING = b"-ERR [SYS/TEMP] the client module is being stopped\r\n"
