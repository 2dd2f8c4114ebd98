"""The directory's errors (RFC 4511, appendix A; TIP1-A_5565) and its faults on purpose."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from simulators.process.faults import DELAY, DROP
from simulators.process.ldap import ResultCode
from simulators.process.ldap.messages import START_TLS, SUCCESS, BindRequest, Operation, Result

RESULT = "result"  # a search ends with an LDAP code and finds nothing
TRUNCATE = "truncate"  # the answer breaks off in its middle, and the connection with it
STATUS = "status"  # a maintenance operation ends with an HTTP status and does nothing
CERTIFICATE = "certificate"  # a TLS handshake shows another certificate, which value names
REFUSED = "refused"  # a TLS handshake ends, and the connection
EFFECTS = frozenset({RESULT, TRUNCATE, STATUS, CERTIFICATE, REFUSED})
HANDSHAKE_EFFECTS = frozenset({CERTIFICATE, REFUSED})
SEARCH_EFFECTS = frozenset({DELAY, DROP, RESULT, TRUNCATE})
REST_EFFECTS = frozenset({DELAY, DROP, STATUS, TRUNCATE})

SIZE_LIMIT = Result(ResultCode.SIZE_LIMIT_EXCEEDED)
TIME_LIMIT = Result(ResultCode.TIME_LIMIT_EXCEEDED)
WRONG_COOKIE = Result(
    ResultCode.UNWILLING_TO_PERFORM, "the cookie belongs to another search (RFC 2696)"
)
READ_ONLY = Result(ResultCode.UNWILLING_TO_PERFORM, "the directory is not changed over LDAP")
TLS_IN_USE = Result(ResultCode.OPERATIONS_ERROR, "TLS is in use already")
UNKNOWN_EXTENSION = Result(ResultCode.PROTOCOL_ERROR, "this extended operation is not known")
NOT_LDAP_3 = Result(ResultCode.PROTOCOL_ERROR, "only LDAP version 3 is spoken")
NO_SASL = Result(ResultCode.AUTH_METHOD_NOT_SUPPORTED, "only anonymous binds")
NO_PASSWORD = Result(
    ResultCode.UNWILLING_TO_PERFORM, "a name without password is no anonymous bind"
)
NOBODY_KNOWN = Result(ResultCode.INVALID_CREDENTIALS, "clients do not authenticate")


def bad_name(text: str) -> Result:
    """Return the result for a base that is no name."""
    return Result(ResultCode.INVALID_DN_SYNTAX, text)


def no_such_base(matched: str) -> Result:
    """Return the result for a base that does not exist; *matched* is the nearest that does."""
    return Result(ResultCode.NO_SUCH_OBJECT, matched_dn=matched)


def bind_result(request: BindRequest, users: Mapping[str, str]) -> Result:
    """Return how *request* ends: nobody may bind (TIP1-A_5567; RFC 4513, 5.1).

    Nobody but the technical *users* (names with their passwords) of test environments (A_17794).
    """
    if request.version != 3:
        return NOT_LDAP_3
    if request.mechanism is not None:
        return NO_SASL
    if request.anonymous:
        return SUCCESS
    if not request.has_credentials:
        return NO_PASSWORD
    known = users.get(request.name)
    if known is not None and hmac.compare_digest(known.encode(), request.password):
        return SUCCESS
    return NOBODY_KNOWN


def refusal(operation: Operation, name: str | None) -> Result:
    """Return the answer to *operation*, which the directory does not do (TIP1-A_5568)."""
    if operation != Operation.EXTENDED_REQUEST:
        return READ_ONLY
    return TLS_IN_USE if name == START_TLS else UNKNOWN_EXTENSION
