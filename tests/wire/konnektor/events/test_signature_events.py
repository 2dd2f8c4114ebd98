"""SIG/SIGNDOC/NEXT_SUCCESSFUL: an event for every signature, with the number of its job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.konnektor_site import HBA, SMCB, context, schema
from tests.signature_calls import contents, numbered, stack, texts
from tests.wire.konnektor.events.conftest import EventSite
from tests.wire.konnektor.events.receiver import Receiver


@pytest.mark.parametrize("iccsn", [SMCB, HBA])
def test_every_signature_of_a_stack_is_told(
    events: EventSite, receiver: Receiver, spec: Callable[[str], Path], iccsn: str
) -> None:
    events.subscribe(receiver.url, "SIG")
    who = context(user="eva")
    answer = stack(events.site, iccsn, texts(3), who, job="EVT-001")
    assert contents(answer) == numbered(3)
    for _ in range(3):
        message = receiver.next()
        schema(spec("api-telematik/conn/EventService.xsd")).assertValid(message.event)
        assert message.topic == "SIG/SIGNDOC/NEXT_SUCCESSFUL"
        assert (message.text("Type"), message.text("Severity")) == ("Operation", "Info")
        assert message.parameters == {"Jobnummer": "EVT-001"}
