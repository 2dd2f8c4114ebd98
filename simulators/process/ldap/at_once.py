"""Coroutines that mostly end without waiting: begun without a task, which costs as much as they do.

Python 3.12 has eager tasks for this.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final

DONE: Final = object()
"""What ``begin`` returns for a coroutine that has ended."""


def begin(begun: Coroutine[Any, Any, None]) -> Any:
    """Run *begun* until it waits for something and return that, or ``DONE``."""
    try:
        return begun.send(None)
    except StopIteration:
        return DONE


async def go_on(begun: Coroutine[Any, Any, None], awaited: Any) -> None:
    """Wait, as a task, for what *begun* waits for, and go on with it."""
    await _resumed(begun, awaited)


@coroutine
def _resumed(begun: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = begun.throw(error)
            else:
                awaited = begun.send(sent)
    except StopIteration:
        return
