"""The server's side: sessions that search, and politely refuse what a service does not do."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from . import messages
from .at_once import DONE, begin, go_on
from .ber import BerError
from .carrier import SERVER_MESSAGE_LIMIT, Carrier
from .messages import BindRequest, Control, Message, Operation, Result, SearchRequest
from .results import ResultCode
from .tls import BACKLOG, TlsConnections

MAX_SEARCHES = 64
MAX_SESSIONS = 1_000
STOP_SECONDS = 0.2
_FOUND = messages.result_bytes(Operation.SEARCH_DONE, messages.SUCCESS)


class Service(Protocol):
    """What a server does for its clients; ``controls`` are the OIDs it knows."""

    controls: frozenset[str]

    async def search(self, call: SearchCall) -> None:
        """Answer *call*; cancelled when the client abandons it or is gone."""

    def bind(self, request: BindRequest) -> Result:
        """Return how the bind ends."""

    def refuse(self, operation: Operation, name: str | None) -> Result:
        """Return the answer to an operation that is none of bind, search, abandon and unbind.

        *name* is the OID of an extended operation.
        """


@dataclass(slots=True)
class SearchCall:
    """A search of a client and the way to answer it."""

    session: Session
    message: Message
    request: SearchRequest
    controls: tuple[Control, ...]

    def answer(self, after_id: bytes) -> None:
        """Send one answer: operation and controls."""
        self.session.send(messages.envelope(self.message.id, after_id))

    def entry(self, after_id: bytes) -> None:
        """Send an entry, at the latest with what follows."""
        self.session.hold(messages.envelope(self.message.id, after_id))

    def done(self, result: Result, controls: Iterable[Control] = ()) -> None:
        """Send the last answer."""
        if result == messages.SUCCESS and not controls:
            self.answer(_FOUND)
            return
        operation = messages.result_bytes(Operation.SEARCH_DONE, result)
        self.answer(operation + messages.controls_bytes(controls))

    def drop(self) -> None:
        """Close the connection without an answer."""
        self.session.abort()


class Session(Carrier):
    """One client's connection; ``user`` is the name of its last bind, empty for nobody."""

    def __init__(self, server: LdapServer) -> None:
        super().__init__(SERVER_MESSAGE_LIMIT)
        self.user = ""
        self._server = server
        self._service = server.service
        self._searches: dict[int, asyncio.Task[None]] = {}
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to count the silence (asyncio)."""
        super().connection_made(transport)
        self._server.sessions.add(self)
        if len(self._server.sessions) > self._server.max_sessions:
            self.disconnect(Result(ResultCode.BUSY, "too many connections, try again later"))
            return
        self._idle = self._loop.call_later(self._server.idle_seconds, self._check_idle)

    def closed(self) -> None:
        """End what the client asked for."""
        self._server.forget(self)
        if self._idle is not None:
            self._idle.cancel()
        self._end_searches()

    def pause_writing(self) -> None:
        """Read nothing more from a client that takes no answers (asyncio)."""
        super().pause_writing()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again (asyncio)."""
        super().resume_writing()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def disconnect(self, result: Result) -> None:
        """Announce the end with *result* and close."""
        self.send(messages.disconnection_bytes(result))
        self.close()

    def break_off(self, message: bytes) -> None:
        """Send half of *message* and close; what is sent afterwards goes nowhere."""
        self.send(message[: len(message) // 2])
        self.close()

    def malformed(self, error: BerError) -> None:
        """Tell the client what is wrong and close (RFC 4511, 4.1.1)."""
        self._end_searches()
        self.disconnect(Result(ResultCode.PROTOCOL_ERROR, str(error)))

    def message_received(self, data: bytes) -> None:
        """Do what the client asks; BerError for what is no request."""
        message = messages.read_message(data)
        if message.id == 0:
            raise BerError("a request with message id 0")
        match message.operation:
            case Operation.UNBIND:
                self._end_searches()
                self.close()
            case Operation.ABANDON:
                search = self._searches.get(messages.read_abandon(message))
                if search is not None:
                    search.cancel()
            case operation if operation in messages.RESPONSE_TO:
                self._request(message, Operation(operation))
            case _:
                raise BerError("an operation that is no request")

    def _request(self, message: Message, operation: Operation) -> None:
        controls = messages.read_controls(message)
        if any(c.critical and c.oid not in self._service.controls for c in controls):
            unknown = Result(ResultCode.UNAVAILABLE_CRITICAL_EXTENSION, "unknown critical control")
            self._reply(message, operation, unknown)
        elif operation == Operation.SEARCH_REQUEST:
            self._search(message, controls)
        elif operation == Operation.BIND_REQUEST:
            self._end_searches()  # RFC 4511, 4.2.1
            request = messages.read_bind(message)
            result = self._service.bind(request)
            self.user = request.name if result.code == ResultCode.SUCCESS else ""
            self._reply(message, operation, result)
        else:
            extended = operation == Operation.EXTENDED_REQUEST
            name = messages.read_extended_name(message) if extended else None
            self._reply(message, operation, self._service.refuse(operation, name))

    def _reply(self, message: Message, operation: Operation, result: Result) -> None:
        response = messages.result_bytes(messages.RESPONSE_TO[operation], result)
        self.send(messages.envelope(message.id, response))

    def _search(self, message: Message, controls: tuple[Control, ...]) -> None:
        request = self._server.searches.read(message)
        if message.id in self._searches:
            raise BerError("a message id that is in use")
        call = SearchCall(self, message, request, controls)
        if len(self._searches) >= MAX_SEARCHES:
            call.done(Result(ResultCode.BUSY, f"{MAX_SEARCHES} searches are under way"))
            return
        answering = self._run(call)
        if self._server.at_once and not self.more_to_read:
            awaited = begin(answering)
            if awaited is DONE:
                return
            answering = go_on(answering, awaited)
        search = self._loop.create_task(answering)
        search.add_done_callback(lambda _: self._searches.pop(message.id, None))
        self._searches[message.id] = search

    async def _run(self, call: SearchCall) -> None:
        try:
            await self._service.search(call)
        except Exception:
            self._server.log.exception("a search failed by a mistake of ours")
            call.done(Result(ResultCode.OTHER, "internal error"))

    def _end_searches(self) -> None:
        for search in self._searches.values():
            search.cancel()

    def _check_idle(self) -> None:
        left = self.last_message + self._server.idle_seconds - self._loop.time()
        if left <= 0:
            self._end_searches()
            self.abort() if self.backlog else self.close()
        else:
            self._idle = self._loop.call_later(left, self._check_idle)


class LdapServer:
    """Listens and keeps the sessions.

    ``tls`` None is plain LDAP. A connection is closed ``idle_seconds`` (real time) after the last
    message of its client; more than ``max_sessions`` are told that the server is busy.
    ``at_once`` begins a search without a task, which is made only for one that has to wait: for
    services whose ``search`` does not ask for its task before that.
    """

    def __init__(
        self,
        service: Service,
        *,
        tls: ssl.SSLContext | None,
        idle_seconds: float,
        log: logging.Logger,
        at_once: bool = False,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self.service = service
        self.max_sessions = max_sessions
        self.at_once = at_once
        self.searches = messages.SearchReader()
        self.idle_seconds = idle_seconds
        self.log = log
        self.sessions: set[Session] = set()
        self._none_left = asyncio.Event()
        self._tls = None if tls is None else TlsConnections(tls, self._session)
        self._listening: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve on the socket *listening*."""
        self._listening = await asyncio.get_running_loop().create_server(
            self._tls or self._session, sock=listening, backlog=BACKLOG
        )

    async def stop(self) -> None:
        """Close the port; announce the end to every client and close its connection."""
        if self._listening is not None:
            self._listening.close()
        if self._tls is not None:
            self._tls.stop()
        self._none_left.clear()
        for session in set(self.sessions):
            session.disconnect(Result(ResultCode.UNAVAILABLE, "the server is stopping"))
        if self.sessions:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), STOP_SECONDS)
        for session in set(self.sessions):
            session.abort()

    def _session(self) -> Session:
        return Session(self)

    def forget(self, session: Session) -> None:
        """Note that the connection of *session* is gone."""
        self.sessions.discard(session)
        if not self.sessions:
            self._none_left.set()
