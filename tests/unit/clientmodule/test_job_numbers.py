"""Job numbers fetched ahead: none of a Konnektor that was set back meanwhile is used."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from clientmodule.konnektor import job_numbers
from clientmodule.konnektor.job_numbers import JobNumbers
from clientmodule.konnektor.soap import SoapTransport
from clientmodule.operation import Operation
from clientmodule.user_name import CallContext


def test_a_number_under_way_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> str:
        asked, answer = asyncio.Event(), asyncio.Event()
        numbers = iter(("AAA-001", "BBB-002"))

        async def get(*_: object) -> str:
            number = next(numbers)
            asked.set()
            await answer.wait()
            return number

        monkeypatch.setattr(job_numbers, "get_job_number", get)
        queue = JobNumbers(cast(SoapTransport, None))
        operation, context = cast(Operation, None), cast(CallContext, None)
        queue.prepare(operation, context)
        await asked.wait()
        queue.forget()
        answer.set()
        await asyncio.sleep(0)
        taken = await queue.take(operation, context)
        await queue.close()
        return taken

    assert asyncio.run(play()) == "BBB-002"
