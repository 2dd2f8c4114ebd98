"""What the DNS server makes of questions, and of bytes that are none."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.names import answers
from simulators.names.records import Records
from simulators.names.settings import RecordSettings
from simulators.process.errors import InputError

ZONE = "kim.telematik-test"


def records(*entries: tuple[str, str, str]) -> Records:
    return Records([ZONE], [RecordSettings(name=n, type=t, data=d) for n, t, d in entries])


def reply_to(data: bytes) -> bytes | None:
    try:
        question = answers.read_query(data)
    except answers.NoQuestion as no:
        return no.reply
    return answers.encode(question, answers.answer(question, records(), 5), udp=True)


@given(st.binary(max_size=1100))
def test_any_bytes_are_answered_or_ignored(data):
    reply = reply_to(data)
    assert reply is None or reply[:2] == data[:2]


@given(st.data())
def test_a_damaged_query_is_answered_or_ignored(data):
    wire = bytearray(dns.message.make_query(f"a.{ZONE}", "SRV", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    reply_to(bytes(wire))


def test_compression_pointers_that_chase_each_other_are_refused():
    header = b"\0\1\0\0\0\1\0\0\0\0\0\0"
    with pytest.raises(answers.NoQuestion) as raised:
        answers.read_query(header + b"\xc0\x0c\0\x21\0\1")
    assert dns.message.from_wire(raised.value.reply).rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (("a." + ZONE, "SRV", "0 5 x h"), "SRV"),
        (("a." + ZONE, "A", "300.1.1.1"), "record a"),
        (("a..b." + ZONE, "A", "127.0.0.1"), "record a..b"),
        (("example.org", "A", "127.0.0.1"), "none of the zones"),
    ],
)
def test_a_record_that_is_none_is_named(entry, reason):
    with pytest.raises(InputError, match=reason):
        records(entry)


def test_an_alias_stands_alone():
    with pytest.raises(InputError, match="alias"):
        records((f"a.{ZONE}", "CNAME", f"b.{ZONE}."), (f"a.{ZONE}", "A", "127.0.0.1"))


def test_an_endless_alias_ends():
    loop = records((f"a.{ZONE}", "CNAME", f"b.{ZONE}."), (f"b.{ZONE}", "CNAME", f"a.{ZONE}."))
    question = answers.read_query(dns.message.make_query(f"a.{ZONE}", "A").to_wire())
    reply = answers.answer(question, loop, 5)
    assert len(reply.answer) <= answers.ALIASES
    assert answers.encode(question, reply, udp=True)


def asked(name: str, rdtype: str) -> answers.Question:
    return answers.read_query(dns.message.make_query(name, rdtype).to_wire())


def test_an_answer_that_no_message_can_hold_is_a_failure():
    too_many = records(*((f"big.{ZONE}", "TXT", f'"{i:0250}"') for i in range(300)))
    question = asked(f"big.{ZONE}", "TXT")
    reply = answers.encode(question, answers.answer(question, too_many, 5), udp=False)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.SERVFAIL


def test_a_zone_says_what_it_is_even_without_records():
    reply = answers.answer(asked(ZONE, "SOA"), records(), 5)
    assert reply.rcode() == dns.rcode.NOERROR
    assert reply.answer[0].rdtype == dns.rdatatype.SOA
    assert answers.answer(asked(ZONE, "MX"), records(), 5).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("host", "found"), [("127.0.0.1", "A"), ("::1", "AAAA"), ("0.0.0.0", None), ("localhost", None)]
)
def test_name_server_has_the_address_of_the_listener_if_it_is_one(host, found):
    known = Records([ZONE], [], host)
    server = known.at(dns.name.from_text(ZONE), dns.rdatatype.NS)[0].target
    for kind in ("A", "AAAA"):
        assert (known.at(server, dns.rdatatype.from_text(kind)) is not None) == (kind == found)
    assert known.exists(server)


def test_address_of_the_name_server_given_by_the_settings_stands_alone():
    given = RecordSettings(name=f"ns.{ZONE}", type="A", data="127.0.0.2")
    known = Records([ZONE], [given], "127.0.0.1")
    found = known.at(dns.name.from_text(f"ns.{ZONE}"), dns.rdatatype.A)
    assert [data.address for data in found] == ["127.0.0.2"]
