"""LDAP result codes and the errors a client meets."""

from __future__ import annotations

from enum import IntEnum


class ResultCode(IntEnum):
    """The result codes of RFC 4511, appendix A, that the directory or its proxy gives."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    ADMIN_LIMIT_EXCEEDED = 11
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    OTHER = 80


def result_name(code: int) -> str:
    """Return the RFC 4511 name of *code* (``sizeLimitExceeded``), or its number if unknown."""
    return _NAMES.get(code) or str(code)


def _camel_case(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


_NAMES = {int(code): _camel_case(code.name) for code in ResultCode}


class LdapError(Exception):
    """A search could not be answered; the message is one line."""


class LdapUnreachable(LdapError):
    """No connection, TLS refused, connection lost, no answer in time."""


class LdapRefused(LdapError):
    """The server answered with a result code that is neither success nor a limit."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{result_name(code)} ({code})" + (f": {text}" if text else ""))
        self.code = code
        self.text = text
