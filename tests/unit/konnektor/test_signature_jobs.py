"""Job numbers, and stacks that are stopped, refused or broken at a known document."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from simulators.konnektor.faults import Code, KonnektorFault, fault
from simulators.konnektor.signatures.jobs import REMEMBERED, Job, Jobs, JobStopped, Latest
from simulators.konnektor.signatures.permission import PinTrouble
from simulators.konnektor.signatures.stack import sign_stack
from simulators.process.randomness import Randomness

STOPPED = 4049


class Permission:
    """A permission for so many documents at a time, which fails as it is told."""

    card: Any = None

    def __init__(
        self, documents: int, *, fails_at: int = 0, with_: Exception | None = None
    ) -> None:
        self.documents = documents
        self.obtained = 0
        self.uses = 0
        self._fails_at = fails_at
        self._with = with_

    async def obtain(self) -> None:
        self.obtained += 1
        if self._with is not None and self.obtained == self._fails_at:
            raise self._with

    def use(self) -> None:
        self.uses += 1


def run(
    permission: Permission,
    *,
    documents: int = 5,
    stop_at: int | None = None,
    break_at: int | None = None,
) -> list[int]:
    async def signing() -> list[int]:
        job = Job("ABC-123")

        async def sign(document: int) -> int:
            await asyncio.sleep(0)
            if document == stop_at:
                job.stop()
            if document == break_at:
                raise fault(Code.CARD_ERROR)
            return document

        return await sign_stack(deque(range(documents)), sign, permission, job, STOPPED)

    return asyncio.run(signing())


def code(permission: Permission, **how: Any) -> int:
    with pytest.raises(KonnektorFault) as raised:
        run(permission, **how)
    return raised.value.trace.code


def test_a_stack_is_signed_in_parts() -> None:
    permission = Permission(2)
    assert run(permission) == [0, 1, 2, 3, 4]
    assert (permission.obtained, permission.uses) == (3, 5)


@pytest.mark.parametrize(
    ("part", "finished", "obtained"), [(1, [0, 1, 2], 3), (2, [0, 1], 2), (3, [0, 1, 2], 1)]
)
def test_stopped_after_the_third_document(part: int, finished: list[int], obtained: int) -> None:
    permission = Permission(part)
    assert run(permission, stop_at=2) == finished
    assert permission.obtained == obtained


def test_stopped_before_anything_is_finished() -> None:
    assert code(Permission(5), stop_at=2) == STOPPED


def test_stopped_after_the_last_document() -> None:
    assert run(Permission(5), stop_at=4) == [0, 1, 2, 3, 4]


def test_pin_trouble_at_a_later_part() -> None:
    trouble = PinTrouble(fault(Code.PIN_BLOCKED))
    assert run(Permission(2, fails_at=3, with_=trouble)) == [0, 1, 2, 3]
    assert code(Permission(2, fails_at=1, with_=trouble)) == Code.PIN_BLOCKED


def test_any_other_fault_discards_all() -> None:
    assert code(Permission(2), break_at=4) == Code.CARD_ERROR
    pulled = fault(Code.CARD_NOT_INSERTED)
    assert code(Permission(2, fails_at=2, with_=pulled)) == Code.CARD_NOT_INSERTED


def test_what_a_stopped_job_waits_for_is_cancelled() -> None:
    ended: list[str] = []

    async def typing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("typing")

    async def stopping() -> None:
        job = Job("ABC-123")
        waiting = asyncio.create_task(job.unless_stopped(typing()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        job.stop()
        with pytest.raises(JobStopped):
            await waiting

    asyncio.run(stopping())
    assert ended == ["typing"]


def test_a_cancelled_job_cancels_what_it_waits_for() -> None:
    ended: list[str] = []

    async def typing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("typing")

    async def cancelling() -> None:
        waiting = asyncio.create_task(Job("ABC-123").unless_stopped(typing()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelling())
    assert ended == ["typing"]


def test_numbers_are_unique_over_1000_calls_and_may_come_again() -> None:
    jobs = Jobs(Randomness(7, "konnektor"))
    given = [jobs.new() for _ in range(REMEMBERED)]
    assert len(set(given)) == REMEMBERED
    for number in given:
        with jobs.run(number) as job:
            assert job.number == number
            assert jobs.running() == [number]
    with pytest.raises(KonnektorFault) as used, jobs.run(given[0]):
        pass
    assert used.value.trace.code == Code.JOB_NUMBER_USED
    with jobs.run("ZZZ-999"), jobs.run(given[0]):  # the oldest one is forgotten now
        pass


def test_latest_remembers_so_many_and_no_more() -> None:
    latest = Latest()
    for number in range(REMEMBERED + 1):
        latest.add(str(number))
    assert "0" not in latest
    assert "1" in latest
