"""Subscribe, Unsubscribe, GetSubscription, RenewSubscriptions (TIP1-A_4608 to 4610, 5112)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.wire.konnektor.events.conftest import EventSite

SINK, OTHER = "cetp://127.0.0.1:9", "cetp://pvs.example:20000"


def named(*ids: str) -> str:
    """Return SubscriptionID elements."""
    return "".join(f"<EVT:SubscriptionID>{entry}</EVT:SubscriptionID>" for entry in ids)


def to(url: str) -> str:
    """Return EventTo."""
    return f"<EVT:EventTo>{url}</EVT:EventTo>"


def ids(events: EventSite, **who: str) -> list[str]:
    """Return the ids that GetSubscription lists."""
    answer = events.call("GetSubscription", **who)
    assert answer.status == 200
    return [str(found.text) for found in answer.body.iter("{*}SubscriptionID")]


def test_a_subscription_lasts_25_hours(events: EventSite) -> None:
    """TerminationTime says so, and on the virtual clock it ends then."""
    answer = events.subscribe(SINK)
    until = datetime.fromisoformat(answer.text("//EVT:TerminationTime"))
    assert timedelta(0) <= datetime.now(UTC) + timedelta(hours=25) - until < timedelta(minutes=1)
    events.advance(hours=24.9)
    assert ids(events) == [events.id_of(answer)]
    events.advance(hours=0.2)
    assert ids(events) == []
    events.follow("SubscriptionEnded", reason="expired")


def test_the_same_subscription_keeps_its_id(events: EventSite) -> None:
    """A repeat is no second one; another topic, filter, sink or Workplace is."""
    first = events.id_of(events.subscribe(SINK))
    assert events.id_of(events.subscribe(SINK)) == first
    others = {
        events.id_of(events.subscribe(SINK, "CT")),
        events.id_of(events.subscribe(SINK, filter_="/Event")),
        events.id_of(events.subscribe(OTHER)),
        events.id_of(events.subscribe(SINK, workplace="w2")),
    }
    assert len(others | {first}) == 5


@pytest.mark.parametrize(
    "inner",
    [
        named("mine") + to(SINK) + "<EVT:Topic>CARD</EVT:Topic>",
        "<EVT:TerminationTime>2030-01-01T00:00:00Z</EVT:TerminationTime>"
        + to(SINK) + "<EVT:Topic>CARD</EVT:Topic>",
        to("http://127.0.0.1:9") + "<EVT:Topic>CARD</EVT:Topic>",
        to("cetp://127.0.0.1") + "<EVT:Topic>CARD</EVT:Topic>",
        to("cetp://:70000") + "<EVT:Topic>CARD</EVT:Topic>",
        to("cetp://127.0.0.1:99999999") + "<EVT:Topic>CARD</EVT:Topic>",
        to("cetp://[::1:9") + "<EVT:Topic>CARD</EVT:Topic>",
        to(SINK) + "<EVT:Topic>" + "x" * 1025 + "</EVT:Topic>",
        to(SINK),
        to(SINK) + "<EVT:Topic>CARD</EVT:Topic><EVT:Filter>/Event[</EVT:Filter>",
        to(SINK) + "<EVT:Topic>CARD</EVT:Topic><EVT:Filter>document('file:///')</EVT:Filter>",
        to(SINK) + "<EVT:Topic>CARD</EVT:Topic><EVT:Filter>/xx:Event</EVT:Filter>",
        to(SINK) + "<EVT:Topic>CARD</EVT:Topic><EVT:Filter>" + "(" * 900 + "</EVT:Filter>",
    ],
)  # fmt: skip
def test_what_subscribe_refuses(events: EventSite, inner: str) -> None:
    """4000: ids and times are the Konnektor's, sinks are cetp://host:port, filters XPath."""
    answer = events.call("Subscribe", f"<EVT:Subscription>{inner}</EVT:Subscription>")
    assert (answer.status, answer.code) == (500, 4000)
    assert ids(events) == []


def test_access_of_subscribe_leaves_the_workplace_alone(events: EventSite) -> None:
    """R1: an unknown Workplace is fine, another Clientsystem than the authenticated one is not."""
    assert events.subscribe(SINK, workplace="w99").status == 200
    assert events.subscribe(SINK, mandant="m99").code == 4021
    assert events.subscribe(SINK, clientsystem="cs2").code == 4204


def test_unsubscribe_by_id_and_by_sink(events: EventSite) -> None:
    """By id one goes, by EventTo all of the caller's to it; what is not there is 4102."""
    first = events.id_of(events.subscribe(SINK))
    events.subscribe(SINK, "CT")
    kept = events.id_of(events.subscribe(OTHER))
    assert events.call("Unsubscribe", named(first)).status == 200
    assert events.call("Unsubscribe", named(first)).code == 4102
    assert events.call("Unsubscribe", to(SINK)).status == 200
    assert events.call("Unsubscribe", to(SINK)).code == 4102
    assert ids(events) == [kept]
    assert events.call("Unsubscribe", "").code == 4000
    assert events.call("Unsubscribe", named(kept) + to(OTHER)).code == 4000


def test_another_mandant_cannot_end_or_renew(events: EventSite) -> None:
    """A subscription belongs to its Mandant."""
    mine = events.id_of(events.subscribe(SINK))
    assert events.call("Unsubscribe", named(mine), mandant="m2").code == 4102
    assert events.call("Unsubscribe", to(SINK), mandant="m2").code == 4102
    assert events.call("RenewSubscriptions", named(mine), mandant="m2").code == 4102
    assert ids(events) == [mine]


def test_get_subscription_of_caller_and_mandant(events: EventSite) -> None:
    """Without mandant-wide only those of the Workplace; one by its id, or 4102."""
    here = events.id_of(events.subscribe(SINK, filter_='/Event[Type="Operation"]'))
    there = events.id_of(events.subscribe(SINK, workplace="w2"))
    events.subscribe(SINK, mandant="m2")
    assert ids(events) == [here]
    wide = events.call("GetSubscription", attributes=' mandant-wide="true"')
    assert {found.text for found in wide.body.iter("{*}SubscriptionID")} == {here, there}
    one = events.call("GetSubscription", named(here))
    assert one.text("//EVT:Filter") == '/Event[Type="Operation"]'
    assert one.text("//EVT:EventTo") == SINK
    assert events.call("GetSubscription", named(there)).code == 4102


def test_renewal_of_some_warns_of_the_others(events: EventSite) -> None:
    """All bad is 4102; some bad is a Warning that names them in a Trace with Severity Error."""
    first = events.id_of(events.subscribe(SINK))
    events.advance(hours=10)
    answer = events.call("RenewSubscriptions", named(first, "gibt-es-nicht", first))
    assert (answer.status, answer.code) == (200, 4102)
    assert answer.text("//CONN:Result") == "Warning"
    assert answer.text("//GERROR:Severity") == "Error"
    assert answer.text("//GERROR:Detail") == "gibt-es-nicht"
    assert [found.text for found in answer.body.iter("{*}SubscriptionID")] == [first]
    events.advance(hours=20)
    assert ids(events) == [first]
    assert events.call("RenewSubscriptions", named("gibt-es-nicht")).code == 4102
    assert events.call("RenewSubscriptions", "").code == 4000
    assert events.call("RenewSubscriptions", named(*["x"] * 1001)).code == 4000


def test_there_are_not_too_many(events: EventSite) -> None:
    """The bound of the settings holds; more is a fault, and those that are there go on."""
    for number in range(20):
        assert events.subscribe(SINK, f"T{number}").status == 200
    assert events.subscribe(SINK, "T20").code == 4001
    assert len(ids(events)) == 20
