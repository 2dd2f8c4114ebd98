"""The user names of client systems: mail address, provider and Konnektor context in one string."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

SEPARATOR = "#"
PLACEHOLDER = "*"
MAX_LENGTH = 1024
MAX_LOCAL_PART = 64
MAX_DOMAIN = 189
MAX_ID = 64

_LOCAL_PART = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_PORT = re.compile(r"[1-9][0-9]{0,4}")


class UserNameError(ValueError):
    """The user name is incomplete or malformed; the message names the part, not its content."""


@dataclass(frozen=True)
class CallContext:
    """The context of every call at the Konnektor: who asks, with which program, from where.

    ``user`` is needed for an HBA only.
    """

    mandant: str
    clientsystem: str
    workplace: str
    user: str | None = None


@dataclass(frozen=True)
class UserName:
    """A client system's user name taken apart (KOM-LE-A_2010, 2032, A_21457, A_21517).

    ``address`` is the KIM address and the plain user name at the provider, ``host`` and ``port``
    the provider's server, ``konnektor`` the KonnektorId or None for the only one.
    """

    address: str
    host: str
    port: int
    context: CallContext
    konnektor: str | None = None


def read_smtp(text: str) -> UserName:
    """Read ``address#host:port#MandantId#ClientsystemId#WorkplaceId[#KonnektorId]``.

    Raises UserNameError (answered with 501 5.5.4, KOM-LE-A_2015-01). A placeholder ``*`` stands
    for an optional part that is not used (A_21519-02).
    """
    parts = _split(text, optional=1)
    return _user_name(parts, user=None, konnektor=parts[5])


def read_pop3(text: str) -> UserName:
    """Read ``address#host:port#MandantId#ClientsystemId#WorkplaceId[#UserId[#KonnektorId]]``.

    Raises UserNameError (answered with -ERR, KOM-LE-A_2037-01). A placeholder ``*`` stands for
    an optional part that is not used (A_21518-02).
    """
    parts = _split(text, optional=2)
    return _user_name(parts, user=parts[5], konnektor=parts[6])


def _split(text: str, *, optional: int) -> list[str | None]:
    if len(text) > MAX_LENGTH:
        raise UserNameError("user name too long")
    if not text.isprintable():
        raise UserNameError("user name holds control characters")
    given = text.split(SEPARATOR)
    if not 5 <= len(given) <= 5 + optional:
        raise UserNameError("user name: wrong number of parts")
    if any(part in ("", PLACEHOLDER) for part in given[:5]) or "" in given[5:]:
        raise UserNameError("user name: a part is empty")
    used = [None if part == PLACEHOLDER else part for part in given]
    return used + [None] * (5 + optional - len(used))


def _user_name(parts: list[str | None], *, user: str | None, konnektor: str | None) -> UserName:
    address, server, mandant, clientsystem, workplace = (part or "" for part in parts[:5])
    for part in (mandant, clientsystem, workplace, user, konnektor):
        if part is not None and len(part) > MAX_ID:
            raise UserNameError("user name: an identifier is too long")
    host, port = _server(server)
    return UserName(
        address=_address(address),
        host=host,
        port=port,
        context=CallContext(mandant, clientsystem, workplace, user),
        konnektor=konnektor,
    )


def _address(text: str) -> str:
    local_part, at, domain = text.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local_part):
        raise UserNameError("user name: no mail address in front")
    if len(domain) > MAX_DOMAIN or not _HOST_NAME.fullmatch(domain):
        raise UserNameError("user name: the mail address has no valid domain")
    return text


def _server(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        raise UserNameError("user name: the server needs a port after a colon")
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])), int(port)
        except ValueError:
            raise UserNameError("user name: no valid server address") from None
    if not _HOST_NAME.fullmatch(host):
        raise UserNameError("user name: no valid server name")
    return host, int(port)
