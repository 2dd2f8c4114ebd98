"""A Konnektor that sends its events in the clear, with a second terminal."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import pytest

from simulators.pki.tree import PkiTree
from tests.konnektor_site import GSMCKT, Answer, Site, context, site_settings
from tests.wire.konnektor.events.receiver import Receiver


class EventSite:
    """The practice, with the calls that tests of events make again and again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.role = site.role

    def subscribe(self, to: str, topic: str = "CARD", filter_: str = "", **who: str) -> Answer:
        """Call Subscribe."""
        asked = f"<EVT:Filter>{escape(filter_)}</EVT:Filter>" if filter_ else ""
        return self.call(
            "Subscribe",
            f"<EVT:Subscription><EVT:EventTo>{to}</EVT:EventTo><EVT:Topic>{topic}</EVT:Topic>"
            f"{asked}</EVT:Subscription>",
            **who,
        )

    def call(self, operation: str, inner: str = "", attributes: str = "", **who: str) -> Answer:
        """Call an operation of the EventService in the context of *who*."""
        return self.site.call("EVT", operation, context(**who) + inner, attributes)

    def id_of(self, answer: Answer) -> str:
        """Return the SubscriptionID in *answer*."""
        return answer.text("//EVT:SubscriptionID")

    def put(self, path: str, body: object) -> None:
        """PUT to the control port."""
        status, content = self.role.ask("PUT", path, body)
        assert status == 200, content

    def advance(self, **units: float) -> None:
        """Move the virtual clock ahead."""
        seconds = units.get("days", 0) * 86_400 + units.get("hours", 0) * 3600
        self.put("/clock", {"advance_seconds": seconds})

    def post(self, path: str, body: object = None) -> Any:
        """POST to the control port and return the answer."""
        status, content = self.role.ask("POST", path, body)
        assert status == 200, content
        return json.loads(content)

    def follow(self, step: str, **data: object) -> dict[str, Any]:
        """Return the first event of the journal with *step* and *data*; waits for it."""
        connection = http.client.HTTPConnection(urlsplit(self.role.control).netloc, timeout=10)
        try:
            connection.request("GET", "/journal", headers={"Accept": "text/event-stream"})
            stream = connection.getresponse()
            while line := stream.readline():
                if not line.startswith(b"data: "):
                    continue
                event: dict[str, Any] = json.loads(line[6:])
                found = event.get("data", {})
                if event["step"] == step and data.items() <= found.items():
                    return event
        finally:
            connection.close()
        raise AssertionError(f"no {step} with {data}")


@pytest.fixture(scope="session")
def event_settings(site_certificates: PkiTree) -> dict[str, Any]:
    """Return what differs from the practice that all tests share."""
    model = site_settings(site_certificates, ocsp_url=None)["information_model"]
    gsmckt = {"iccsn": GSMCKT, "certificate": str(site_certificates.terminal("t1"))}
    model["terminals"][0]["gsmckt"] = gsmckt
    model["terminals"].append({"id": "t2", "name": "Labor", "slots": 2})
    model["mandanten"][0]["terminals"].append("t2")
    model["workplaces"][1]["local_terminals"] = ["t2"]
    return {
        "information_model": model,
        "events": {
            "tls": "never",
            "max_try": 2,
            "connect_timeout": 1,
            "write_timeout": 1,
            "max_subscriptions": 20,
            "queue": 10,
        },
    }


@pytest.fixture(scope="session")
def running_event_site(
    start_site: Callable[..., Site], event_settings: dict[str, Any]
) -> Iterator[EventSite]:
    """Return the Konnektor of these tests; whatever they did, it has logged no traceback."""
    made = EventSite(start_site(**event_settings))
    yield made
    assert "Traceback" not in made.role.log()


@pytest.fixture
def events(running_event_site: EventSite) -> EventSite:
    """Return the Konnektor of these tests, set back to its start."""
    running_event_site.role.ask("POST", "/reset")
    return running_event_site


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver in the clear."""
    made = Receiver()
    yield made
    made.close()
