"""Job numbers for SignDocument, fetched ahead so that no mail waits for one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ..operation import Operation
from ..user_name import CallContext
from .faults import (
    JOB_NUMBER_REFUSED,
    KonnektorError,
    KonnektorFault,
    KonnektorSilent,
    KonnektorUnreachable,
    NotConnected,
)
from .operations import get_job_number
from .soap import SoapTransport

R = TypeVar("R")
AHEAD = 4


class JobNumbers:
    """A short queue of unused job numbers (a Konnektor takes each once, TIP1-A_5010-09)."""

    def __init__(self, soap: SoapTransport) -> None:
        self._soap = soap
        self._ready: deque[str] = deque()
        self._filling: asyncio.Task[None] | None = None

    async def take(self, operation: Operation, context: CallContext) -> str:
        """Return an unused number. Raises KonnektorFault, KonnektorUnreachable."""
        if self._ready:
            return self._ready.popleft()
        return await get_job_number(self._soap, operation, context)

    async def use(
        self, operation: Operation, context: CallContext, use: Callable[[str], Awaitable[R]]
    ) -> R:
        """Await *use* with an unused number, and once more with another if that was in vain.

        The answer may have been lost, and the number is used up then; or the Konnektor has been
        started again since and knows it no more. Raises what *use* raises.
        """
        try:
            return await use(await self.take(operation, context))
        except (NotConnected, KonnektorSilent):
            raise
        except KonnektorFault as fault:
            if fault.code not in JOB_NUMBER_REFUSED:
                raise
        except KonnektorUnreachable:
            pass
        self._ready.clear()
        return await use(await self.take(operation, context))

    def prepare(self, operation: Operation, context: CallContext) -> None:
        """Fetch a number in the background if few are left."""
        if len(self._ready) < AHEAD and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill(operation, context))

    async def _fill(self, operation: Operation, context: CallContext) -> None:
        with suppress(KonnektorError):  # the mail that needs one will meet the error itself
            self._ready.append(await get_job_number(self._soap, operation, context))

    def forget(self) -> None:
        """Throw the fetched numbers away, and the one under way: the Konnektor may start again.

        A Konnektor that was set back gives the same numbers again, to whoever asks.
        """
        self._ready.clear()
        if self._filling is not None:
            self._filling.cancel()

    async def close(self) -> None:
        """Stop fetching."""
        if self._filling is not None:
            self._filling.cancel()
            with suppress(asyncio.CancelledError):
                await self._filling
