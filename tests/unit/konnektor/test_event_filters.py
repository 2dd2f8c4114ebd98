"""Filters of subscriptions: XPath 1.0 over an Event, held against libxml2, and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from simulators.konnektor.events.cetp import segments
from simulators.konnektor.events.event import Event
from simulators.konnektor.events.filter import Filter, NotCompiled, NotEvaluated
from simulators.konnektor.events.subscriptions import Sink

EVENT = Event(
    "CARD/INSERTED",
    (("CtID", "101"), ("CardType", "EGK"), ("SlotID", "3"), ("Name", " Müller  <&> ")),
)
NAMESPACE = "http://ws.gematik.de/conn/EventService/v7.2"


def by_libxml2(text: str) -> Any:
    """Return what libxml2 makes of *text* for the event as it is sent."""
    root = etree.fromstring(EVENT.document("s-1"))
    return root.getroottree().xpath(f"boolean({text})", namespaces={"EVT": NAMESPACE})


def ours(text: str) -> bool:
    """Return what the filter makes of it."""
    return Filter.of(text).matches(EVENT, "s-1")


@pytest.mark.parametrize(
    "text",
    [
        '/EVT:Event/EVT:Message/EVT:Parameter[EVT:Key="CtID" and EVT:Value="101" and '
        '../EVT:Parameter[EVT:Key="CardType" and EVT:Value="EGK"] and ../../EVT:Severity="Info"]',
        "/EVT:Event[EVT:Type='Operation']",
        "count(//EVT:Parameter) = 4",
        "//EVT:Parameter[2]/EVT:Key = 'CardType'",
        "//EVT:Parameter[last()]/EVT:Value[contains(., 'Müller')]",
        "//EVT:Parameter[position() mod 2 = 0]",
        "sum(//EVT:Value[. > 2]) = 104",
        "//EVT:Value > 100",
        "100 >= //EVT:Value",
        "//EVT:Value != //EVT:Value",
        "//EVT:Key = //EVT:Value",
        "//EVT:Value < //EVT:Value",
        "normalize-space(//EVT:Parameter[4]/EVT:Value) = 'Müller <&>'",
        "translate('abcabc', 'ab', 'x') = 'xcxc'",
        "substring('12345', 1.5, 2.6) = '234'",
        "substring('12345', 0 div 0, 3) = ''",
        "substring('12345', -42, 1 div 0) = '12345'",
        "substring-before('a/b', '/') = 'a' and substring-after('a/b', '/') = 'b'",
        "substring-after('abc', '') = 'abc'",
        "substring-before('abc', 'x')",
        "string-length(concat('a', 1, true())) = 6",
        "string(1 div 3) = '0.333333333333333'",
        "string(-0) = '0'",
        "string(1 div 0) = 'Infinity'",
        "round(-2.5) = -2",
        "floor(-1.5) = -2 and ceiling(1.2) = 2",
        "-7 mod 3 = -1",
        "number('x') = number('x')",
        "not(false()) and true() != false()",
        "local-name(//*[3]) = 'Severity'",
        "namespace-uri(/*) = 'http://ws.gematik.de/conn/EventService/v7.2'",
        "//EVT:Key[following-sibling::EVT:Value = '101']",
        "//EVT:Value[preceding-sibling::EVT:Key = 'SlotID'] = 3",
        "//EVT:Severity/preceding::EVT:Topic",
        "//EVT:Topic/following::EVT:Key[1] = 'CtID'",
        "//EVT:Key/ancestor::EVT:Message",
        "//EVT:Key/ancestor-or-self::*[1][self::EVT:Key]",
        "//EVT:Value/preceding::EVT:Key[1] = 'Name'",
        "/descendant::EVT:Key[4] = 'Name'",
        "//text()[. = 'EGK']",
        "//comment()|//processing-instruction('x')|//EVT:Topic",
        "//@*",
        "/",
        "/.",
        "/..",
        "(//EVT:Key)[2] = 'CardType'",
        "(//EVT:Key|//EVT:Value)[3] = 'CardType'",
        "//EVT:*[. = 'Info']",
        "'' or 0 or 'x'",
        "1 = 1 = 1",
        "3 > 2 > 1",
        "2 + 3 * 4 - 6 div 2 = 11",
        "/* * 2 = 0",
        "//EVT:Parameter[* * 2 = 202]",
        "//*[name() = 'EVT:Event']",
    ],
)
def test_as_libxml2_has_it(text: str) -> None:
    """Everything of XPath 1.0 that an Event has a use for means what it means elsewhere."""
    if "name() = 'EVT" in text:
        assert not ours(text)  # names are given without prefix here, for senders choose it
        return
    assert ours(text) is by_libxml2(text)


_NAMES = st.sampled_from(["EVT:Event", "EVT:Message", "EVT:Parameter", "EVT:Key", "*", "node()"])
_AXES = st.sampled_from(
    ["", "child::", "descendant::", "parent::", "ancestor::", "self::", "following::",
     "preceding::", "following-sibling::", "preceding-sibling::", "descendant-or-self::"]
)  # fmt: skip
_LITERALS = ["'101'", "'EGK'", "3", "0", "count(//*)"]
_RELATIVE = [*_LITERALS, "count(*)", "position()", "last()", "."]
_SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "and", "or", "+", "-", "*"])


@st.composite
def steps(draw: st.DrawFn, depth: int = 1) -> str:
    """Return a location step with up to *depth* levels of predicates."""
    step = draw(_AXES) + draw(_NAMES)
    if depth and draw(st.booleans()):
        step += f"[{draw(expressions(depth - 1, inside=True))}]"
    return step


@st.composite
def expressions(draw: st.DrawFn, depth: int = 1, *, inside: bool = False) -> str:
    """Return an expression that libxml2 takes; *inside* a predicate it may be relative."""
    values = st.sampled_from(_RELATIVE if inside else _LITERALS)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(values)
    if kind == 1:
        return f"({draw(values)} {draw(_SIGNS)} {draw(values)})"
    starts = ["/", "//", "", "../"] if inside else ["/", "//"]
    path = draw(st.sampled_from(starts)) + draw(steps(depth))
    if draw(st.booleans()):
        path += draw(st.sampled_from(["/", "//"])) + draw(steps(depth))
    return path if kind == 2 else f"{path} {draw(_SIGNS)} {draw(values)}"


@given(expressions(2))
@example("//descendant::node()[preceding::EVT:Key] < 3")
def test_free_expressions_as_libxml2_has_them(text: str) -> None:
    """Whatever is written, both agree; what costs too much is given up, never answered."""
    try:
        found = ours(text)
    except NotEvaluated as error:
        assert "aufwendig" in str(error)  # noqa: PT017 (what else it may say is a mistake)
        return
    assert found is by_libxml2(text)


@given(st.text(alphabet="/*[]()@.:|=!<>+-$,'\" 0123456789EVTventKymodiraxs\x00é", max_size=60))
def test_no_text_does_harm(text: str) -> None:
    """Anything else is refused or evaluated; nothing but these two errors comes out."""
    try:
        Filter.of(text).matches(EVENT, "s-1")
    except (NotCompiled, NotEvaluated) as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        "document('file:///etc/passwd')", "id('x')", "$x", "x:Event", "//namespace::*", "a b",
        "", "]", "concat('a')", "position(1)", "/Event[", "((1)", "@", "a::b", "1 +", "'a",
        "(" * 500 + "1" + ")" * 500, "x" * 1025, "doc('http://x/')", "key('a', 'b')",
    ],
)  # fmt: skip
def test_what_is_no_filter(text: str) -> None:
    """It is refused when it is subscribed, with a word why."""
    with pytest.raises(NotCompiled, match=r"."):
        Filter.of(text)


@pytest.mark.parametrize(
    "text",
    [
        "//*[//*[//*[//*[//*]]]]",
        "//node()[//node()[//node()[//node()]//node()]//node()]",
        "count(1)",
        "sum('x')",
        "'a' | //EVT:Key",
        "('a')[1]",
    ],
)
def test_what_cannot_be_evaluated(text: str) -> None:
    """4095 at the event: too much work, or a text where nodes must be."""
    with pytest.raises(NotEvaluated, match=r"."):
        ours(text)


def test_long_texts_are_bounded() -> None:
    """A filter cannot make texts grow."""
    event = Event("T", (("K", "x" * 5000),))
    with pytest.raises(NotEvaluated):
        Filter.of("concat(//Value, //Value, //Value, //Value, //Value)").matches(event, "")
    with pytest.raises(NotEvaluated):
        Filter.of("//*[//*[translate(/, 'x', 'y') = 'x']]").matches(event, "")


@given(st.binary(min_size=9, max_size=300), st.integers(1, 20))
def test_segments_are_the_message(message: bytes, count: int) -> None:
    """However it is divided, nothing is lost, and no part is empty."""
    parts = segments(message, count)
    assert b"".join(parts) == message
    assert all(parts)
    assert len(parts) <= count


@given(st.text(max_size=40))
@example("cetp://[::1]:20000")
@example("cetp://host:0")
def test_a_sink_or_a_value_error(text: str) -> None:
    """No text is more than refused."""
    for url in (text, f"cetp://{text}", f"cetp://{text}:1"):
        try:
            sink = Sink.of(url)
        except ValueError:
            continue
        assert sink.host
        assert 0 < sink.port < 65536


@pytest.mark.parametrize(
    "url",
    [
        "http://h:1", "cetp://h", "cetp://h:0", "cetp://h:65536", "cetp://h: 5", "cetp://h:1_0",
        "cetp://h:٣", "cetp://a b:1", "cetp://a\nb:1", "cetp://u@h:1", "cetp://:pw@h:1", "cetp://:1",
        "cetp://h:1/x", "cetp://h:1?x", "cetp://h:1#x", "cetp://[::1:1", "cetp://[h]:1",
    ],
)  # fmt: skip
def test_what_is_no_sink(url: str) -> None:
    """EventTo names a host and a port, nothing else (4000)."""
    with pytest.raises(ValueError, match="cetp://host:port"):
        Sink.of(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("CETP://Host.example:9/", "Host.example"),
        ("cetp://[::1]:9", "::1"),
        ("cetp://ü.de:9", "ü.de"),
    ],
)
def test_what_is_a_sink(url: str, host: str) -> None:
    """As it was given it stays, for it is what Unsubscribe names."""
    assert Sink.of(url) == Sink(url, host, 9)


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_makes_an_event(key: str, value: str) -> None:
    """What XML forbids is replaced; the rest arrives as it was."""
    event = Event.of("A/B", {key: value, "long": "x" * 6000}, "Operation", "Info")
    root = etree.fromstring(event.document("s"))
    assert len(root.findtext(f".//{{{NAMESPACE}}}Parameter[2]/{{{NAMESPACE}}}Value") or "") == 5000
