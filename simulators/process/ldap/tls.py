"""TLS of a server's connections, over asyncio's plain transports.

asyncio's own keeps 256 KB for each connection from its first byte on, before anybody has said who
it is, and takes longer for a request and its answer than a search in the directory does.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

BACKLOG = 512
MAX_OPENING = 200
HANDSHAKE_SECONDS = 10.0
CLOSING_SECONDS = 0.2
_RECEIVED_AT_ONCE: Final = 1 << 16
_RECORD: Final = 1 << 14

Factory = Callable[[], asyncio.Protocol]


class TlsConnections:
    """Makes the connections of one listener; called by asyncio for each that it accepts.

    A protocol of *factory* learns of a connection when its handshake is done. At most
    ``MAX_OPENING`` handshakes are under way at a time: the oldest gives way. One that is not done
    within ``HANDSHAKE_SECONDS`` is given up.
    """

    def __init__(self, context: ssl.SSLContext, factory: Factory) -> None:
        context.options |= ssl.OP_NO_RENEGOTIATION
        self.context = context
        self.factory = factory
        self.received = memoryview(bytearray(_RECEIVED_AT_ONCE))
        self._opening: dict[TlsConnection, None] = {}

    def __call__(self) -> TlsConnection:
        """Return the protocol of a new connection."""
        return TlsConnection(self)

    def opening(self, connection: TlsConnection) -> None:
        """Count a handshake that begins."""
        if len(self._opening) >= MAX_OPENING:
            oldest = next(iter(self._opening))
            self.opened(oldest)
            oldest.abort()
        self._opening[connection] = None

    def opened(self, connection: TlsConnection) -> None:
        """Count the handshake of *connection* no more."""
        self._opening.pop(connection, None)

    def stop(self) -> None:
        """Give up the handshakes under way; what is open stays."""
        for connection in list(self._opening):
            connection.abort()


class TlsConnection(asyncio.Transport, asyncio.BufferedProtocol):
    """One connection: a protocol to the socket's side, a transport to the service's.

    What a service writes while it looks at what came goes out in one piece. What comes is taken
    from one buffer, which all connections of the listener fill and empty in turn.
    """

    def __init__(self, connections: TlsConnections) -> None:
        super().__init__()
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._tcp: asyncio.Transport | None = None
        self._protocol: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._closing = False
        self._holding = False

    # The socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake (asyncio)."""
        self._tcp = cast(asyncio.Transport, transport)
        self._connections.opening(self)
        self._timer = self._loop.call_later(HANDSHAKE_SECONDS, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the service (asyncio)."""
        self._connections.opened(self)
        self._stop_timer()
        self._closing = True
        self._tcp = None
        if self._protocol is not None:
            self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the service (asyncio)."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell the service (asyncio)."""
        if self._protocol is not None:
            self._protocol.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio knows none)
        """Return where to put what came: ``buffer_updated`` empties it at once (asyncio)."""
        return self._connections.received

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came: a part of the handshake, or of what the client says (asyncio)."""
        if self._closing:
            return
        self._incoming.write(self._connections.received[:nbytes])
        if self._protocol is None:
            self._shake_hands()
        if self._protocol is not None:
            self._deliver()

    def eof_received(self) -> bool:
        """Have the socket closed: nobody closes TLS by half (asyncio)."""
        if self._protocol is not None and not self._closing:
            self._protocol.eof_received()
        return False

    def _shake_hands(self) -> None:
        if self._tls is None:
            context = self._connections.context
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except (ssl.SSLError, ssl.CertificateError):
            self._give_up()
        else:
            self._flush()
            self._stop_timer()
            self._connections.opened(self)
            self._protocol = self._connections.factory()
            self._protocol.connection_made(self)

    def _give_up(self) -> None:
        """Say by TLS why, and close."""
        self._flush()
        self._closing = True
        if self._tcp is not None:
            self._tcp.close()

    def _deliver(self) -> None:
        """Give the service what has come; send what it answers in one piece."""
        assert self._tls is not None  # for the handshake is done
        assert self._protocol is not None
        self._holding = True
        try:
            while self._reading and not self._closing:
                data = self._tls.read(_RECORD)
                if not data:
                    self.close()  # as the client has just done
                    break
                self._protocol.data_received(data)
                if not (self._incoming.pending or self._tls.pending()):
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._give_up()
        finally:
            self._holding = False
            self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._tcp is not None:
            self._tcp.write(self._outgoing.read())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The service's side

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection, by asyncio's names."""
        if name == "ssl_object":
            return self._tls
        if name == "sslcontext":
            return self._connections.context
        return default if self._tcp is None else self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give what comes from now on to *protocol*."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who is given what comes."""
        assert self._protocol is not None  # asked for by the service, which is there
        return self._protocol

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._closing or self._tcp is None or self._tcp.is_closing()

    def is_reading(self) -> bool:
        """Whether the service is given what comes."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Leave what comes where it is."""
        self._reading = False
        if self._tcp is not None and not self._closing:
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what was left."""
        if self._reading or self._tcp is None or self._closing:
            return
        self._reading = True
        self._tcp.resume_reading()
        if not self._holding:
            self._loop.call_soon(self._deliver)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*; nothing happens on a connection that is closed."""
        if self._closing or self._tls is None:
            return
        sent = self._tls.write(data) if data else 0
        while sent < len(data):  # a record after the other
            sent += self._tls.write(memoryview(data)[sent:])
        if not self._holding:
            self._flush()

    def can_write_eof(self) -> bool:
        """TLS ends as a whole."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that the client has not taken yet."""
        if self._tcp is None:
            return 0
        return self._outgoing.pending + self._tcp.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set from how many bytes on the service is asked to wait."""
        if self._tcp is not None:
            self._tcp.set_write_buffer_limits(high, low)

    def close(self) -> None:
        """Send what was written and the end of TLS; close when the client has done so, too.

        Not waiting for it would have the system throw away what is on its way, where the client
        sends at the same time.
        """
        if self._closing or self._tcp is None:
            return
        self._closing = True
        if self._tls is not None:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
        self._flush()
        with suppress(OSError):  # the client has gone already
            self._tcp.write_eof()
        self._tcp.resume_reading()
        self._timer = self._loop.call_later(CLOSING_SECONDS, self.abort)

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._tcp is not None:
            self._tcp.abort()
