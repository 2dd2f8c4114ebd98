"""DNS of the world: UDP and TCP, what is not there, faults, hostile bytes."""

import socket
import struct

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

ZONE = "kim.telematik-test"
MAIL = f"mail.kv.dox.{ZONE}"
RECORDS = [
    {"name": f"kv.dox.{ZONE}", "type": "MX", "data": f"10 {MAIL}."},
    {"name": MAIL, "type": "A", "data": "127.0.0.1"},
    {"name": f"_kas._tcp.{ZONE}", "type": "PTR", "data": f"kv._kas._tcp.{ZONE}."},
    {"name": f"kv._kas._tcp.{ZONE}", "type": "SRV", "data": f"0 5 8443 {MAIL}."},
    {"name": f"kv._kas._tcp.{ZONE}", "type": "TXT", "data": '"txtvers=1" "path=/attachments"'},
    {"name": f"alias.{ZONE}", "type": "CNAME", "data": f"{MAIL}."},
    *({"name": f"big.{ZONE}", "type": "TXT", "data": f'"{i:0250}"'} for i in range(10)),
]


@pytest.fixture(scope="module")
def names(start_role, tmp_path_factory):
    return start_role(
        "simulators.names",
        {"listeners": {"dns": {}}, "seed": 3, "records": RECORDS},
    )


@pytest.fixture(autouse=True)
def fresh(names):
    yield
    assert names.ask("DELETE", "/faults")[0] == 204
    assert names.ask("POST", "/reset")[0] < 300


def ask(names, name, rdtype, *, tcp=False, **options):
    host, port = names.address("dns")
    query = dns.message.make_query(name, rdtype, **options)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=port, timeout=5)


def exchange(names, data, timeout=5.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout)
        udp.sendto(data, names.address("dns"))
        return udp.recv(65535)


@pytest.mark.parametrize("tcp", [False, True])
def test_mx_comes_with_the_address_of_its_host(names, tcp):
    reply = ask(names, f"KV.dox.{ZONE}", "MX", tcp=tcp)
    assert reply.flags & dns.flags.AA
    assert reply.answer[0][0].exchange.to_text().lower() == f"{MAIL}."
    assert reply.additional[0][0].address == "127.0.0.1"


def test_zone_names_its_server_which_is_there(names):
    """RFC 1035 3.3.11: NS at the top of the zone, SOA names the same server."""
    reply = ask(names, ZONE, "NS")
    server = reply.answer[0][0].target
    assert reply.flags & dns.flags.AA
    assert reply.additional[0][0].address == "127.0.0.1"
    assert ask(names, server, "A").answer[0][0].address == "127.0.0.1"
    assert ask(names, ZONE, "SOA").answer[0][0].mname == server


def test_service_discovery(names):
    """RFC 6763: PTR to the instances, SRV for the place, TXT for the path."""
    instance = ask(names, f"_kas._tcp.{ZONE}", "PTR").answer[0][0].target
    place = ask(names, instance, "SRV").answer[0][0]
    assert (place.port, place.target.to_text()) == (8443, f"{MAIL}.")
    assert ask(names, instance, "TXT").answer[0][0].strings == (b"txtvers=1", b"path=/attachments")


def test_an_alias_is_followed(names):
    reply = ask(names, f"alias.{ZONE}", "A")
    assert [r.rdtype for r in reply.answer] == [dns.rdatatype.CNAME, dns.rdatatype.A]


def test_what_is_not_there(names):
    """RFC 2308: NXDOMAIN and NODATA are told apart, both say by SOA how long that holds."""
    nothing = ask(names, f"none.{ZONE}", "A")
    assert nothing.rcode() == dns.rcode.NXDOMAIN
    assert nothing.authority[0][0].minimum == 5
    no_data = ask(names, MAIL, "TXT")
    assert no_data.rcode() == dns.rcode.NOERROR
    assert (no_data.answer, len(no_data.authority)) == ([], 1)
    between = ask(names, f"_tcp.{ZONE}", "A")
    assert between.rcode() == dns.rcode.NOERROR


def test_foreign_names_transfers_and_classes_are_refused(names):
    assert ask(names, "example.org", "A").rcode() == dns.rcode.REFUSED
    assert ask(names, ZONE, "ANY").rcode() == dns.rcode.REFUSED
    assert ask(names, MAIL, "A", rdclass="CH").rcode() == dns.rcode.REFUSED


def test_a_large_answer_is_truncated_over_udp_and_whole_over_tcp(names):
    short = ask(names, f"big.{ZONE}", "TXT", use_edns=False)
    assert short.flags & dns.flags.TC
    assert short.question
    assert short.answer == []
    host, port = names.address("dns")
    query = dns.message.make_query(f"big.{ZONE}", "TXT")
    reply, by_tcp = dns.query.udp_with_fallback(query, host, port=port, timeout=5)
    assert by_tcp
    assert len(reply.answer[0]) == 10


def test_a_version_of_edns_that_nobody_knows(names):
    assert ask(names, MAIL, "A", use_edns=1).rcode() == dns.rcode.BADVERS


def test_hostile_bytes_leave_it_well(names):
    query = dns.message.make_query(MAIL, "A").to_wire()
    assert exchange(names, query[:-3])[3] & 0xF == dns.rcode.FORMERR
    assert exchange(names, query[:12] + b"\xff" * 900)[3] & 0xF == dns.rcode.FORMERR
    assert exchange(names, query[:2] + bytes((0x20,)) + query[3:])[3] & 0xF == dns.rcode.NOTIMP
    assert exchange(names, query + bytes(2000))[3] & 0xF == dns.rcode.FORMERR
    with socket.create_connection(names.address("dns"), timeout=5) as tcp:
        tcp.sendall(struct.pack("!H", 65535) + bytes(65535))
        assert tcp.recv(64)[5] & 0xF == dns.rcode.FORMERR
    with socket.create_connection(names.address("dns"), timeout=5) as tcp:
        tcp.sendall(struct.pack("!H", 40) + b"half")
    assert ask(names, MAIL, "A").rcode() == dns.rcode.NOERROR


def test_a_response_is_never_answered(names):
    """Two servers would talk for ever: what follows is the answer to the next question."""
    query = dns.message.make_query(MAIL, "A", id=7).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(query[:2] + b"\x80" + query[3:], names.address("dns"))
        udp.sendto(b"\0\x08" + query[2:], names.address("dns"))
        assert udp.recv(512)[:2] == b"\0\x08"


def rule(effect, **more):
    return {"id": "f", "operation": "query", "effect": effect, **more}


def test_faults(names):
    def told(*rules):
        status, body = names.ask("PUT", "/faults", list(rules))
        assert status == 200, body

    told(rule({"kind": "rcode", "text": "SERVFAIL"}, match={"type": "MX"}, nth=2))
    answers = [ask(names, f"kv.dox.{ZONE}", "MX").rcode() for _ in range(3)]
    assert answers == [dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.NOERROR]
    told(rule({"kind": "empty"}, match={"name": "mail.*"}))
    assert ask(names, MAIL, "A").answer == []
    told(rule({"kind": "truncated"}))
    assert ask(names, MAIL, "A").flags & dns.flags.TC
    assert ask(names, MAIL, "A", tcp=True).answer
    told(rule({"kind": "drop"}, times=1))
    first, second = (dns.message.make_query(MAIL, "A", id=i).to_wire() for i in (1, 2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(first, names.address("dns"))
        udp.sendto(second, names.address("dns"))
        assert udp.recv(512)[:2] == second[:2]
    with socket.create_connection(names.address("dns"), timeout=5) as tcp:
        told(rule({"kind": "drop"}, match={"transport": "tcp"}))
        tcp.sendall(struct.pack("!H", len(first)) + first)
        assert tcp.recv(1) == b""


def test_a_slow_answer_holds_nobody_else_up(names):
    names.ask("PUT", "/faults", [rule({"kind": "delay", "seconds": 30}, match={"type": "TXT"})])
    slow, quick = (dns.message.make_query(MAIL, t).to_wire() for t in ("TXT", "A"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(slow, names.address("dns"))
        udp.sendto(quick, names.address("dns"))
        assert udp.recv(512)[:2] == quick[:2]


def test_records_can_be_replaced_and_come_back(names):
    moved = [{"name": MAIL, "type": "A", "data": "127.0.0.2"}]
    assert names.ask("PUT", "/records", moved)[0] == 200
    assert ask(names, MAIL, "A").answer[0][0].address == "127.0.0.2"
    assert ask(names, f"_kas._tcp.{ZONE}", "PTR").rcode() == dns.rcode.NXDOMAIN
    status, body = names.ask("PUT", "/records", [{"name": MAIL, "type": "A", "data": "nowhere"}])
    assert (status, b"nowhere" in body or MAIL.encode() in body) == (400, True)
    names.ask("POST", "/reset")
    assert ask(names, MAIL, "A").answer[0][0].address == "127.0.0.1"


def test_the_journal_tells_what_was_asked(names):
    ask(names, f"_kas._tcp.{ZONE}", "PTR")
    event = names.journal()[-1]
    assert (event["step"], event["data"]["type"]) == ("query", "PTR")
    assert event["data"]["result"] == "NOERROR"
