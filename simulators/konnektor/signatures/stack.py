"""Signing a stack: part by part as the permission allows, in order, until it is stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..faults import KonnektorFault, fault
from .jobs import Job, JobStopped
from .permission import Permission, PinTrouble

Document = TypeVar("Document")
Signed = TypeVar("Signed")


async def sign_stack(
    documents: deque[Document],
    sign: Callable[[Document], Awaitable[Signed]],
    permission: Permission,
    job: Job,
    stopped: int,
) -> list[Signed]:
    """Sign *documents*, which are taken out as they are signed; return the results in order.

    A stack is signed in parts of as many documents as one permission allows. When PIN.QES is
    not raised for a later part, or StopSignature comes, the finished parts are returned and the
    rest is not signed (TIP1-A_4671); where none is finished, that is a fault: the one of the PIN
    entry, *stopped* after StopSignature. Any other fault discards what was signed.
    """
    finished: list[Signed] = []
    try:
        while documents:
            if job.is_stopped:
                raise JobStopped
            await permission.obtain()
            part: list[Signed] = []
            for _ in range(min(permission.documents, len(documents))):
                if job.is_stopped:
                    raise JobStopped
                permission.use()
                part.append(await sign(documents.popleft()))
            finished += part
    except JobStopped:
        return _unless_empty(finished, fault(stopped, "durch StopSignature beendet"))
    except PinTrouble as trouble:
        return _unless_empty(finished, trouble.fault)
    return finished


def _unless_empty(finished: list[Signed], raised: KonnektorFault) -> list[Signed]:
    if not finished:
        raise raised
    return finished
