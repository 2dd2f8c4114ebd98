"""Subscribe, Unsubscribe, GetSubscription, RenewSubscriptions (TIP1-A_4608 to 4610, 5112)."""

from __future__ import annotations

from ..access.check import Target
from ..access.relations import Context
from ..events.filter import Filter, NotCompiled
from ..events.subscriptions import Sink, Subscription
from ..faults import Code, fault, trace
from ..operation import Call
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CONTEXT, EVENT, name
from ..soap.reading import Element, Parts, optional, required, several

MAX_ID = 64
MAX_URL = 1024
MAX_TEXT = 1024
MAX_RENEWALS = 1000
_CONTEXT = name(CONTEXT, "Context")
_ID, _TIME, _SUBSCRIPTION, _EVENT_TO, _TOPIC, _FILTER = (
    name(EVENT, local)
    for local in ("SubscriptionID", "TerminationTime", "Subscription", "EventTo", "Topic", "Filter")
)


async def subscribe(call: Call) -> Element:
    """Note who wants which events where; a known subscription keeps its id.

    TerminationTime is 25 hours from now. SubscriptionID and TerminationTime are the Konnektor's
    to say: fault 4000, as for a sink that is none and for a filter that is no XPath.
    """
    parts = reading.sequence(call.body, required(_CONTEXT), required(_SUBSCRIPTION))
    asked = reading.sequence(
        parts.one(_SUBSCRIPTION),
        optional(_ID),
        optional(_TIME),
        required(_EVENT_TO),
        required(_TOPIC),
        optional(_FILTER),
    )
    for forbidden in (_ID, _TIME):
        if (found := asked.maybe(forbidden)) is not None:
            raise fault(Code.SYNTAX, f"{reading.local_name(found)} ist in Subscribe nicht erlaubt")
    sink = _sink(asked.one(_EVENT_TO))
    topic = reading.bounded(asked.one(_TOPIC), MAX_TEXT)
    filter_ = _filter(asked.maybe(_FILTER))
    context = _checked(call, parts)
    events = call.konnektor.events
    subscription = events.subscribe(context, sink, topic, filter_)
    call.facts |= {"subscription": subscription.id, "sink": sink.url, "topic": topic}
    answer = call.answer()
    call.add_status(answer)
    _add_id_and_time(answer, subscription)
    return answer


async def unsubscribe(call: Call) -> Element:
    """End the subscription that is named, or all of the caller's to one sink; 4102 if none is."""
    named = call.body[1].tag if len(call.body) > 1 else _ID
    by_sink = named == _EVENT_TO
    parts = reading.sequence(call.body, required(_CONTEXT), required(_EVENT_TO if by_sink else _ID))
    url = reading.bounded(parts.one(_EVENT_TO), MAX_URL) if by_sink else ""
    id_ = "" if by_sink else reading.bounded(parts.one(_ID), MAX_ID)
    context = _checked(call, parts)
    events = call.konnektor.events
    if by_sink:
        meant = [entry for entry in events.subscriptions.owned(context) if entry.sink.url == url]
    else:
        found = events.subscriptions.find(context, id_)
        meant = [] if found is None else [found]
    if not meant:
        raise fault(Code.UNKNOWN_SUBSCRIPTION, url or id_)
    for subscription in meant:
        events.unsubscribe(subscription)
    call.facts["subscription"] = " ".join(subscription.id for subscription in meant)
    answer = call.answer()
    call.add_status(answer)
    return answer


async def get_subscription(call: Call) -> Element:
    """List the caller's subscriptions, or its Mandant's; or the one that is named, else 4102."""
    parts = reading.sequence(call.body, required(_CONTEXT), optional(_ID))
    mandant_wide = reading.boolean(call.body.get("mandant-wide", "false"), "mandant-wide")
    wanted = parts.maybe(_ID)
    id_ = None if wanted is None else reading.bounded(wanted, MAX_ID)
    context = _checked(call, parts, all_workplaces=mandant_wide)
    found = call.konnektor.events.subscriptions.of(context, mandant_wide=mandant_wide)
    if id_ is not None:
        found = [subscription for subscription in found if subscription.id == id_]
        if not found:
            raise fault(Code.UNKNOWN_SUBSCRIPTION, id_)
    answer = call.answer()
    call.add_status(answer)
    subscriptions = add(answer, EVENT, "Subscriptions")
    for subscription in found:
        entry = add(subscriptions, EVENT, "Subscription")
        _add_id_and_time(entry, subscription)
        add(entry, EVENT, "EventTo", subscription.sink.url)
        add(entry, EVENT, "Topic", subscription.topic)
        if subscription.filter is not None:
            add(entry, EVENT, "Filter", subscription.filter.text)
    return answer


async def renew_subscriptions(call: Call) -> Element:
    """Prolong subscriptions by 25 hours from now.

    Those that are not known are named in a Warning with 4102; if none is, it is a fault.
    """
    parts = reading.sequence(call.body, required(_CONTEXT), several(_ID))
    if len(parts.all(_ID)) > MAX_RENEWALS:
        raise fault(Code.SYNTAX, f"mehr als {MAX_RENEWALS} SubscriptionID")
    ids = [reading.bounded(element, MAX_ID) for element in parts.all(_ID)]
    context = _checked(call, parts)
    events = call.konnektor.events
    found = {id_: events.subscriptions.find(context, id_) for id_ in dict.fromkeys(ids)}
    unknown = ", ".join(id_ for id_, subscription in found.items() if subscription is None)
    known = [subscription for subscription in found.values() if subscription is not None]
    if not known:
        raise fault(Code.UNKNOWN_SUBSCRIPTION, unknown)
    events.renew(known)
    call.facts["subscription"] = " ".join(subscription.id for subscription in known)
    answer = call.answer()
    call.add_status(answer, *([trace(Code.UNKNOWN_SUBSCRIPTION, unknown)] if unknown else []))
    renewals = add(answer, EVENT, "SubscribeRenewals")
    for subscription in known:
        _add_id_and_time(add(renewals, EVENT, "SubscriptionRenewal"), subscription)
    return answer


def _checked(call: Call, parts: Parts, *, all_workplaces: bool = True) -> Context:
    """Return the context of the call when it may be used: R1, which leaves the Workplace alone."""
    context = call.context(parts)
    call.konnektor.access.check(context, Target(all_workplaces=all_workplaces), call.identity)
    return context


def _sink(element: Element) -> Sink:
    try:
        return Sink.of(reading.bounded(element, MAX_URL))
    except ValueError as error:
        raise fault(Code.SYNTAX, f"EventTo: {error}"[:200]) from None


def _filter(element: Element | None) -> Filter | None:
    if element is None or not (text := reading.bounded(element, MAX_TEXT)):
        return None
    prefixes = [prefix for prefix, uri in element.nsmap.items() if prefix and uri == EVENT]
    try:
        return Filter.of(text, prefixes)
    except NotCompiled as error:
        raise fault(Code.SYNTAX, f"Filter: {error}") from None


def _add_id_and_time(parent: Element, subscription: Subscription) -> None:
    add(parent, EVENT, "SubscriptionID", subscription.id)
    add(parent, EVENT, "TerminationTime", answers.timestamp(subscription.terminates))
