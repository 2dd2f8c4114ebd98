"""An LDAP client: anonymous searches over one connection that is kept and shared."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from types import TracebackType

from .entry import LdapEntry, SearchResult
from .filter_text import parse_filter
from .link import Link
from .messages import (
    Message,
    Operation,
    Scope,
    SearchRequest,
    read_entry,
    read_result,
    search_bytes,
)
from .results import LdapError, LdapRefused, LdapUnreachable, ResultCode

MAX_ANSWER_BYTES = 64 << 20
_LIMITS = (
    ResultCode.SIZE_LIMIT_EXCEEDED,
    ResultCode.TIME_LIMIT_EXCEEDED,
    ResultCode.ADMIN_LIMIT_EXCEEDED,
)


class LdapClient:
    """Searches in the directory, anonymously (TIP1-A_5567).

    ``url`` is ``ldaps://host:port`` or ``ldap://host:port``; ``ssl_context`` is needed for the
    first. Nothing is connected before the first search. Searches of several tasks share one
    connection and do not wait for each other; one whose connection dies is tried once more on a
    new connection. Raises InputError for a URL that is none.
    """

    def __init__(
        self,
        url: str,
        ssl_context: ssl.SSLContext | None = None,
        *,
        connect_seconds: float = 5.0,
        answer_seconds: float = 15.0,
    ) -> None:
        self._link = Link(url, ssl_context, connect_seconds=connect_seconds)
        self._answer_seconds = answer_seconds

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

        Raises FilterError for a text that is no filter, LdapUnreachable when there is no answer
        in time, LdapRefused for any other result code.
        """
        operation = search_bytes(
            SearchRequest(base, scope, parse_filter(filter_text), tuple(attributes), size_limit)
        )
        try:
            async with asyncio.timeout(self._answer_seconds):
                try:
                    return await self._ask(operation)
                except _ConnectionLost:  # it may have died long before this search
                    return await self._ask(operation)
        except TimeoutError:
            raise LdapUnreachable(
                f"{self._link.url}: no answer within {self._answer_seconds:g} s"
            ) from None

    async def _ask(self, operation: bytes) -> SearchResult:
        connection = await self._link.connection()
        answer = _Answer(self._link.url)
        number = connection.begin(operation, answer)
        try:
            return await answer.complete
        finally:
            connection.abandon(number)  # has no effect on an operation that ended

    async def close(self) -> None:
        """Unbind and close the connection; searches under way end with LdapUnreachable."""
        await self._link.close()

    async def __aenter__(self) -> LdapClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class _ConnectionLost(LdapUnreachable):
    """The connection died before the last answer."""


class _Answer:
    """Collects what a search finds until its last answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._entries: list[LdapEntry] = []
        self._room = MAX_ANSWER_BYTES
        self.complete: asyncio.Future[SearchResult] = asyncio.get_running_loop().create_future()

    def received(self, message: Message, *, last: bool) -> None:
        if self.complete.done():
            return
        self._room -= len(message.data)
        if self._room < 0:
            self._fail(LdapError(f"{self._url}: an answer of more than {MAX_ANSWER_BYTES} bytes"))
        elif message.operation == Operation.SEARCH_ENTRY:
            self._entries.append(read_entry(message))
        elif last:
            self._finish(message)

    def _finish(self, message: Message) -> None:
        result = read_result(message)
        if message.operation != Operation.SEARCH_DONE:
            self._fail(LdapRefused(result.code, result.text))
        elif result.code in (ResultCode.SUCCESS, *_LIMITS):
            self.complete.set_result(SearchResult(tuple(self._entries), result.code in _LIMITS))
        elif result.code == ResultCode.NO_SUCH_OBJECT:
            self.complete.set_result(SearchResult(()))
        else:
            self._fail(LdapRefused(result.code, result.text))

    def lost(self) -> None:
        self._fail(_ConnectionLost(f"{self._url}: the connection was closed"))

    def _fail(self, error: LdapError) -> None:
        if not self.complete.done():
            self.complete.set_exception(error)
