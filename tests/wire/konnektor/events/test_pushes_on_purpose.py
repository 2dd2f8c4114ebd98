"""Pushes that are cut on purpose, and rules that do not concern them."""

from __future__ import annotations

import json

import pytest

from tests.konnektor_site import SMCB
from tests.wire.konnektor.events.conftest import EventSite
from tests.wire.konnektor.events.receiver import Receiver


def test_a_push_cut_in_the_middle(events: EventSite, receiver: Receiver) -> None:
    """The length promises more than comes, as when a connection breaks."""
    events.subscribe(receiver.url)
    rule = {"id": "cut", "operation": "CETP", "nth": 1, "effect": {"kind": "truncated"}}
    events.put("/faults", [rule])
    events.post(f"/cards/{SMCB}/remove")
    with pytest.raises(AssertionError):
        receiver.next()
    events.post(f"/cards/{SMCB}/insert")
    assert receiver.next().topic == "CARD/INSERTED"


def test_a_rule_for_calls_counts_no_pushes(events: EventSite, receiver: Receiver) -> None:
    events.subscribe(receiver.url)
    events.put("/faults", [{"id": "all", "operation": "*", "effect": {"kind": "warning"}}])
    events.post(f"/cards/{SMCB}/remove")
    assert receiver.next().topic == "CARD/REMOVED"
    (rule,) = json.loads(events.role.ask("GET", "/faults")[1])["rules"]
    assert (rule["seen"], rule["fired"]) == (0, 0)
