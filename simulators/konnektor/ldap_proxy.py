"""The LDAP proxy of the Konnektor: searches are passed on to the directory (konnektor 10)."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

from simulators.process.faults import DROP
from simulators.process.ldap import LdapUnreachable, ResultCode
from simulators.process.ldap.ber import BerError
from simulators.process.ldap.filter_text import format_filter
from simulators.process.ldap.link import Link
from simulators.process.ldap.messages import (
    PAGED_RESULTS,
    SUCCESS,
    BindRequest,
    Message,
    Operation,
    Result,
    read_result,
)
from simulators.process.ldap.results import result_name
from simulators.process.ldap.server import LdapServer, SearchCall
from simulators.process.role import Process

from . import on_purpose

IDLE_SECONDS = 900.0  # as the directory itself (TIP1-A_5567); no other figure is given
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
POOL_SIZE = 4
SEARCHES_PER_CONNECTION = 32
MAX_BACKLOG = 16 << 20
MAX_JOURNAL_TEXT = 1_000

_REFUSED = Result(ResultCode.UNWILLING_TO_PERFORM, "only searches are passed on (TIP1-A_5521)")
_NOT_LDAP_3 = Result(ResultCode.PROTOCOL_ERROR, "only LDAP version 3 is spoken")


class LdapProxy:
    """Passes searches of the Konnektor's clients on to the directory.

    Search, abandon, unbind and the anonymous bind are served, every other operation is answered
    with unwillingToPerform (53). ``directory`` is the ``ldaps://`` URL of the directory and
    ``directory_tls`` the context to reach it with; ``tls`` is the context for the clients, None
    for plain LDAP (port 389 of a real Konnektor). The listener is ``ldap`` of *process*.
    ``unavailable`` is the result code when the directory cannot be reached: unconfirmed, the
    specification names none. ``is_online`` says whether the tunnel to the TI is up.

    Faults: operation ``LDAP.Search`` with the facts ``filter`` and ``base``; effects delay, drop
    and, if the role has it, ``result`` (``code``, ``text``).
    """

    controls = frozenset({PAGED_RESULTS})

    def __init__(
        self,
        process: Process[Any],
        *,
        directory: str,
        directory_tls: ssl.SSLContext | None,
        tls: ssl.SSLContext | None,
        unavailable: int = ResultCode.UNAVAILABLE,
        is_online: Callable[[], bool] = lambda: True,
    ) -> None:
        self._process = process
        self._is_online = is_online
        self._unavailable = unavailable
        self._pool = [
            Link(directory, directory_tls, connect_seconds=CONNECT_SECONDS)
            for _ in range(POOL_SIZE)
        ]
        self._server = LdapServer(self, tls=tls, idle_seconds=IDLE_SECONDS, log=process.log)

    async def start(self) -> None:
        """Serve on the listener ``ldap``; the directory is not contacted before a search."""
        await self._server.start(self._process.socket("ldap"))

    async def stop(self) -> None:
        """Close the port, the clients' connections and those to the directory."""
        await self._server.stop()
        for link in self._pool:
            await link.close()

    def bind(self, request: BindRequest) -> Result:
        """Return how the bind ends: nobody may bind, as at the directory (TIP1-A_5567)."""
        if request.version != 3:
            return _NOT_LDAP_3
        return SUCCESS if request.anonymous else _REFUSED

    def refuse(self, operation: Operation, name: str | None) -> Result:
        """Return the answer to an operation that is not passed on, StartTLS among them."""
        self._process.journal.record(
            "LDAP.Refused",
            peer="client",
            operation_name=operation.name,
            extension=name,
            result=result_name(_REFUSED.code),
        )
        return _REFUSED

    async def search(self, call: SearchCall) -> None:
        """Pass *call* on, its answers back, and write an event."""
        began = time.perf_counter()
        text = format_filter(call.request.filter)
        forward = _Forward(call)
        outcome = "abandoned"
        try:
            effect = await on_purpose.pick_search(
                self._process.faults, filter=text, base=call.request.base
            )
            if effect is not None and effect.kind == DROP:
                outcome = DROP
                call.drop()
                return
            if effect is not None and effect.kind == on_purpose.LDAP_RESULT:
                result = Result(effect.code or ResultCode.OTHER, effect.text or "")
                call.done(result)
            elif not self._is_online():
                result = Result(self._unavailable, "no connection to the TI")
                call.done(result)
            else:
                result = await self._forward(call, forward)
            outcome = result_name(result.code)
        finally:
            self._process.journal.record(
                on_purpose.SEARCH,
                peer="client",
                milliseconds=(time.perf_counter() - began) * 1000,
                filter=text[:MAX_JOURNAL_TEXT],
                base=call.request.base[:MAX_JOURNAL_TEXT],
                hits=forward.hits,
                result=outcome,
            )

    async def _forward(self, call: SearchCall, forward: _Forward) -> Result:
        """Have the directory answer *call*; once more if a kept connection turns out dead."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    return await self._ask(call, forward)
                except _ConnectionLost:
                    if forward.hits:
                        raise
                    return await self._ask(call, forward)
        except TimeoutError:
            result = Result(self._unavailable, "the directory does not answer")
        except LdapUnreachable as error:
            self._process.log.warning("directory: %s", error)
            result = Result(self._unavailable, "the directory cannot be reached")
        call.done(result)
        return result

    async def _ask(self, call: SearchCall, forward: _Forward) -> Result:
        connection = await self._link().connection()
        forward.begin()
        number = connection.begin(call.message.after_id, forward)
        try:
            return await forward.complete
        finally:
            connection.abandon(number)  # has no effect on an operation that ended

    def _link(self) -> Link:
        """Return the first connection of the pool with room, else the one with least to do."""
        for link in self._pool:
            if link.load < SEARCHES_PER_CONNECTION:
                return link
        return min(self._pool, key=lambda link: link.load)


class _ConnectionLost(LdapUnreachable):
    """The connection to the directory died before the last answer."""


class _Forward:
    """Hands the directory's answers to the client as they come, under the client's message id."""

    def __init__(self, call: SearchCall) -> None:
        self._call = call
        self.hits = 0
        self.complete: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Be ready for the answers of a (new) connection."""
        self.complete = asyncio.get_running_loop().create_future()

    def received(self, message: Message, *, last: bool) -> None:
        """Pass one answer on. A client that takes none is cut off before it fills the memory."""
        if self.complete.done():
            return
        if last and message.operation != Operation.SEARCH_DONE:
            raise BerError("an answer that does not belong to a search")
        if self._call.session.backlog > MAX_BACKLOG:
            self._call.drop()
            self.complete.set_result(Result(ResultCode.ADMIN_LIMIT_EXCEEDED))
            return
        result = read_result(message) if last else None
        self.hits += message.operation == Operation.SEARCH_ENTRY
        self._call.answer(message.after_id)
        if result is not None:
            self.complete.set_result(result)

    def lost(self) -> None:
        """Have the search end."""
        if not self.complete.done():
            self.complete.set_exception(_ConnectionLost("the connection was closed"))
