"""Calls of SignDocument with stacks, and what tests of signatures do to a Konnektor."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from simulators.formats import signed_data
from tests.konnektor_site import ENVELOPING, HBA, Answer, Site, context, document

EVA = context(user="eva")


def stack(
    site: Site,
    iccsn: str,
    texts: list[bytes],
    who: str = EVA,
    options: str = ENVELOPING,
    **more: Any,
) -> Answer:
    prefix = more.get("version", "SIG")
    ids = more.get("ids") or [str(number) for number in range(len(texts))]
    requests = "".join(
        f'<SIG:SignRequest RequestID="{request_id}"><SIG:OptionalInputs>{options}'
        f"</SIG:OptionalInputs>{document(text, short_text='Rezept')}"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo></SIG:SignRequest>"
        for request_id, text in zip(ids, texts, strict=True)
    )
    job = more.get("job") or site.job()
    number = f"<SIG:JobNumber>{job}</SIG:JobNumber>" if more.get("numbered", True) else ""
    inner = (
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{who}"
        f"<SIG:TvMode>{more.get('tv_mode', 'NONE')}</SIG:TvMode>{number}{requests}"
    )
    return site.call(prefix, "SignDocument", inner.replace("SIG:", f"{prefix}:"))


def contents(answer: Answer) -> list[tuple[str, bytes | None]]:
    """Return RequestID and content of every signature in the answer, each verified."""
    assert answer.status == 200, answer.code
    found = []
    for response in answer.body.iterfind("{*}SignResponse"):
        single = Answer(200, response)
        read = signed_data.read(single.binary(".//dss:Base64Signature"))
        assert read.signers[0].digest_ok
        assert read.signers[0].signature_ok
        found.append((response.get("RequestID"), read.content))
    return found


def texts(count: int) -> list[bytes]:
    return [b"Rezept %d" % number for number in range(count)]


def numbered(count: int) -> list[tuple[str, bytes | None]]:
    return [(str(number), text) for number, text in enumerate(texts(count))]


def set_pin(site: Site, reference: str = "PIN.QES", iccsn: str = HBA, **change: Any) -> None:
    assert site.role.ask("PUT", f"/cards/{iccsn}/pins/{reference}", change)[0] == 200


def administer(site: Site, **settings: Any) -> None:
    status, body = site.role.ask("PUT", "/signatures", settings)
    assert status == 200, body


def pending(site: Site) -> list[Any]:
    return list(json.loads(site.role.ask("GET", "/pin-entries")[1]))


def steps(site: Site, step: str) -> list[dict[str, Any]]:
    return [event for event in site.role.journal() if event["step"] == step]


class Calling:
    """A call under way in a thread of its own."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._answers: list[Answer] = []
        self.thread = threading.Thread(target=lambda: self._answers.append(call()))
        self.thread.start()

    def answer(self) -> Answer:
        self.thread.join(20)
        return self._answers[0]


def wait_for_prompt(site: Site, calling: Calling) -> None:
    while not pending(site):
        assert calling.thread.is_alive()


def stop(site: Site, number: str, who: str | None = None, prefix: str = "SIG") -> Answer:
    return site.call(
        prefix,
        "StopSignature",
        f"{who or context()}<{prefix}:JobNumber>{number}</{prefix}:JobNumber>",
    )
