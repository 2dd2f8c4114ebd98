"""What the processes on one PostgreSQL database tell each other (LISTEN and NOTIFY)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

WAIT_SECONDS = 1.0
"""How long the thread waits for news before it looks whether it is to end, or reconnects."""


class Announcements:
    """Hears what other processes announce, in a thread with a connection of its own.

    After the connection was lost every listener is called: something may have been missed.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], channel: str, own_number: int
    ) -> None:
        self.channel = channel
        self.listeners: dict[str, list[Callable[[], object]]] = {}
        self._connect = connect
        self._own = str(own_number)
        self._loop = asyncio.get_running_loop()
        self._end = threading.Event()
        first = self._listening()
        thread = threading.Thread(target=self._run, args=(first,), name="store-hear", daemon=True)
        thread.start()

    def close(self) -> None:
        """Have the thread end soon; nobody is called any more."""
        self._end.set()
        self.listeners = {}

    def _listening(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
        return connection

    def _run(self, connection: psycopg.Connection[Any]) -> None:
        while not self._end.is_set():
            try:
                with connection:
                    self._hear(connection)
            except psycopg.Error:
                self._end.wait(WAIT_SECONDS)
                with suppress(psycopg.Error):
                    connection = self._listening()
                    self._call(tuple(self.listeners))

    def _hear(self, connection: psycopg.Connection[Any]) -> None:
        while not self._end.is_set():
            for notify in connection.notifies(timeout=WAIT_SECONDS, stop_after=1):
                number, _, topic = notify.payload.partition(" ")
                if number != self._own:
                    self._call((topic,))

    def _call(self, topics: tuple[str, ...]) -> None:
        for topic in topics:
            for listener in self.listeners.get(topic, ()):
                with suppress(RuntimeError):  # the event loop has ended
                    self._loop.call_soon_threadsafe(listener)
