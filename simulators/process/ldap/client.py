"""An LDAP client: anonymous searches over one connection that is kept and shared."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from enum import IntEnum
from types import TracebackType

from .entry import SearchResult


class Scope(IntEnum):
    """How far below the base a search looks (RFC 4511, 4.5.1.2)."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


class LdapClient:
    """Searches in the directory, anonymously (TIP1-A_5567).

    ``url`` is ``ldaps://host:port`` or ``ldap://host:port``; ``ssl_context`` is needed for the
    first. Nothing is connected before the first search. Searches of several tasks share one
    connection and do not wait for each other; a connection that died is opened anew once per
    search.
    """

    def __init__(
        self,
        url: str,
        ssl_context: ssl.SSLContext | None = None,
        *,
        connect_seconds: float = 5.0,
        answer_seconds: float = 15.0,
    ) -> None:
        self._url = url

    async def search(
        self,
        base: str,
        filter_text: str,
        attributes: Sequence[str] = (),
        *,
        size_limit: int = 0,
        scope: Scope = Scope.SUBTREE,
    ) -> SearchResult:
        """Return the entries below *base* that match *filter_text* (RFC 4515).

        Without *attributes* all are returned. At a limit of the server (size, time) or of
        *size_limit* (0: none) the partial result comes with ``truncated`` set. A base that does
        not exist gives no entries. Values put into *filter_text* go through ``escape_filter``.

        Raises FilterError for a text that is no filter, LdapUnreachable when there is no answer,
        LdapRefused for any other result code.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Unbind and close the connection; searches under way end with LdapUnreachable."""

    async def __aenter__(self) -> LdapClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
