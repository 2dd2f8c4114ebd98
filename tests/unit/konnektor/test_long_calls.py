"""Work on large messages waits for its own kind: nothing shorter waits behind it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from simulators.konnektor.operation import Call, Service
from simulators.konnektor.service import ROLE
from simulators.konnektor.settings import KonnektorSettings
from simulators.konnektor.soap.exchange import Exchange
from simulators.konnektor.soap.reading import Element
from simulators.konnektor.soap.routing import SoapEndpoint
from simulators.process.role import Process


def a_process() -> Process[KonnektorSettings]:
    settings = KonnektorSettings(
        name="konnektor", data_dir=Path(), trust=Path("t"), authentication="none"
    )
    return Process(ROLE, settings)


def test_long_work_holds_up_nobody() -> None:
    async def run() -> str:
        process, ended = a_process(), threading.Event()
        long = [asyncio.create_task(process.at_length(ended.wait, 30)) for _ in range(5)]
        await asyncio.sleep(0)
        found = await asyncio.wait_for(process.in_thread(lambda: "done"), 20)
        assert not any(work.done() for work in long)
        ended.set()
        await asyncio.gather(*long)
        process.close()
        return found

    assert asyncio.run(run()) == "done"


@pytest.mark.parametrize(("size", "is_long"), [(10, False), (100 << 10, False), (2 << 20, True)])
def test_the_size_of_the_message_decides(size: int, is_long: bool) -> None:
    threads: list[str] = []

    async def work(call: Call) -> Element:
        await call.in_thread(lambda: threads.append(threading.current_thread().name))
        return call.answer()

    async def run() -> int:
        process = a_process()
        namespace = "urn:x"
        service = Service("SignatureService", "1.0", namespace, "X", "", "/x", {"Work": work})
        konnektor: Any = SimpleNamespace(
            process=process,
            settings=process.settings,
            operational_state=SimpleNamespace(check=lambda *_: None),
        )
        body = (
            '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
            f'<Work xmlns="{namespace}">{"x" * size}</Work></S:Body></S:Envelope>'
        ).encode()
        content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 24)
        content.feed_data(body)
        content.feed_eof()
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{namespace}#Work"'}
        request = make_mocked_request("POST", "/x", headers, payload=content)
        answer = await Exchange(konnektor).answer(request, SoapEndpoint(service), None)
        process.close()
        return answer.status

    assert asyncio.run(run()) == 200
    assert ["at length" in thread for thread in threads] == [is_long]
