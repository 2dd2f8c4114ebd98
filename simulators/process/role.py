"""A role and a running process of it: the one object on which everything hangs."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from .clock import Clock
from .faults import Faults, Place
from .journal import Journal
from .randomness import Randomness
from .settings import Listener, ProcessSettings

if TYPE_CHECKING:
    from .control import Control

S = TypeVar("S", bound=ProcessSettings)
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Role(Generic[S]):
    """A role of the KIM world: its settings model and how it is served.

    ``serve`` is entered when the control API is there and the journal runs; inside the block the
    role answers on its listeners; leaving the block closes them and stores what was acknowledged.
    ``effects`` are the kinds of faults the role can produce beyond delay and drop; ``places`` say
    for which operations.
    """

    name: str
    settings: type[S]
    serve: Callable[[Process[S]], AbstractAsyncContextManager[None]]
    effects: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()


@dataclass
class Process(Generic[S]):
    """A running process of a role: settings, clock, journal, faults, sockets, worker threads."""

    role: Role[S]
    settings: S
    inherited: dict[str, socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        self.clock = Clock()
        self.randomness = Randomness(settings.seed, settings.name)
        self.journal = Journal(settings.name, self.role.name, self.clock)
        self.faults = Faults(self.role.effects, self.randomness, self.role.places)
        self.log = logging.getLogger(settings.name)
        self.stopping = asyncio.Event()
        self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix=settings.name)
        self._long_workers = ThreadPoolExecutor(
            max_workers=2, thread_name_prefix=f"{settings.name} at length"
        )
        self._control: Control | None = None

    @property
    def control(self) -> Control:
        """The control API, to which the role adds its routes."""
        if self._control is None:
            from .control import Control  # brings a web server, which only a process needs

            self._control = Control(
                self.settings.name,
                clock=self.clock,
                journal=self.journal,
                faults=self.faults,
                randomness=self.randomness,
            )
        return self._control

    def datagram_socket(self, name: str) -> socket.socket:
        """Return the UDP socket at the place of the listener *name*, bound now if not inherited.

        Raises OSError when the port is taken.
        """
        key = datagram(name)
        if key not in self.inherited:
            host, port = self.address(name)
            self.inherited[key] = bind_datagram(Listener(host=host, port=port))
        return self.inherited[key]

    def socket(self, name: str) -> socket.socket:
        """Return the listening socket of the listener *name*, bound now if not inherited.

        Raises OSError, which names the listener, when the port is taken.
        """
        if name not in self.inherited:
            listener = getattr(self.settings.listeners, name)
            try:
                self.inherited[name] = bind(listener)
            except OSError as error:
                place = f"listeners.{name}: {listener.host}:{listener.port}"
                raise OSError(error.errno, f"{place}: {error.strerror}") from None
        return self.inherited[name]

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port at which the listener *name* is bound."""
        host, port = self.socket(name).getsockname()[:2]
        return host, port

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run *function* (cryptography, parsing) in a worker thread, off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, lambda: function(*args, **kwargs))

    async def at_length(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run *function* as ``in_thread`` does where it may take seconds.

        Such work waits for its own kind alone: what takes milliseconds never waits behind it.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._long_workers, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Close sockets and worker threads."""
        for listening in self.inherited.values():
            listening.close()
        for workers in (self._workers, self._long_workers):
            workers.shutdown(wait=False, cancel_futures=True)


def bind(listener: Listener, backlog: int = 512) -> socket.socket:
    """Return a listening, non-blocking TCP socket for *listener*. Raises OSError if taken."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    # asyncio sets TCP_NODELAY on accepted sockets only where the protocol is named
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((listener.host, listener.port))
        listening.listen(backlog)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def datagram(name: str) -> str:
    """Return the name of the UDP socket that belongs to the listener *name*."""
    return f"{name}/udp"


def bind_datagram(listener: Listener) -> socket.socket:
    """Return a bound, non-blocking UDP socket for *listener*. Raises OSError if taken."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind((listener.host, listener.port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


AnyRole = Role[Any]
