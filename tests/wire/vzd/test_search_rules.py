"""What a client of the directory may rely on: RFC 4511 and the rules of gemSpec_VZD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulators.process.ldap import ber, messages
from simulators.process.ldap.messages import PAGED_RESULTS, Control, Operation, Scope
from simulators.process.ldap.results import ResultCode
from tests.vzd_site import BASE, DOMAIN, Dialogue, Found


def test_a_mail_address_is_found_in_any_case_and_by_its_other_name(dialogue: Dialogue) -> None:
    for name in ("mail", "rfc822Mailbox"):
        found = dialogue.search(f"({name}=PRAXIS@{DOMAIN})")
        assert (found.uids, found.result.code) == (["praxis"], 0)


def test_the_flat_view_of_an_entry(dialogue: Dialogue) -> None:
    entry = dialogue.search("(telematikID=1-20012345678)").entries[f"uid=praxis,{BASE}"]
    name = "Praxis Dr. Müller-Weiß".encode()
    assert entry["cn"] == entry["displayName"] == entry["o"] == [name]
    assert entry["street"] == ["Friedrichstraße 12".encode()]
    assert (entry["l"], entry["st"]) == ([b"Berlin"], [b"Berlin"])
    assert entry["entryType"] == [b"3"]
    assert entry["personalEntry"] == [b"FALSE"]
    assert entry["userCertificate;binary"][0][:2] == b"\x30\x82"
    assert "changeDateTime" in entry


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("(displayName=praxis dr. m\u00fcller*)", ["praxis"]),
        ("(displayName=*SÜD)", ["kasse"]),
        (
            "(&(professionOID=1.2.276.0.76.4.50)(localityName=Berlin)(street=Friedrich*))",
            ["praxis"],
        ),
        ("(&(domainID=109500969)(entryType=5))", ["kasse"]),
        ("(|(mail=labor@*)(mail=kasse@*))", ["praxis", "kasse"]),
        ("(!(displayName=*e*))", []),
        ("(displayName=*weiss*praxis*)", []),
        ("(displayName=*r*a*x*i*)", ["praxis"]),
        ("(&(userCertificate;binary=*)(mail=kasse@*))", ["kasse"]),
    ],
)
def test_filters_in_use(dialogue: Dialogue, text: str, uids: list[str]) -> None:
    found = dialogue.search(text)
    named = [uid for uid in found.uids if not uid.startswith("dc=")]
    assert (named, found.result.code) == (uids, 0)


def test_an_entry_without_certificate_is_not_found(dialogue: Dialogue) -> None:
    assert dialogue.search(f"(mail=ohne@{DOMAIN})").uids == []
    assert dialogue.search("(objectClass=*)", base=f"uid=ohne,{BASE}", scope=Scope.BASE).uids == []


def test_an_entry_is_gone_when_its_certificates_have_expired(vzd: Any, dialogue: Dialogue) -> None:
    vzd.ask("PUT", "/clock", {"now": "2090-01-01T00:00:00+00:00"})
    assert dialogue.search(f"(mail=kasse@{DOMAIN})").uids == []
    vzd.ask("POST", "/reset")
    assert dialogue.search(f"(mail=kasse@{DOMAIN})").uids == ["kasse"]


def test_a_client_gets_100_hits_and_the_result_says_that_there_are_more(dialogue: Dialogue) -> None:
    found = dialogue.search("(displayName=Viele*)")
    assert (len(found.uids), found.result.code) == (100, ResultCode.SIZE_LIMIT_EXCEEDED)
    found = dialogue.search("(displayName=Viele 00*)")
    assert (len(found.uids), found.result.code) == (100, ResultCode.SUCCESS)


@pytest.mark.parametrize(("limit", "given", "code"), [(3, 3, 4), (1_000, 100, 4)])
def test_the_clients_own_limit_can_only_be_smaller(
    dialogue: Dialogue, limit: int, given: int, code: int
) -> None:
    found = dialogue.search("(displayName=Viele*)", size_limit=limit)
    assert (len(found.uids), found.result.code) == (given, code)


def _page(size: int, cookie: bytes = b"") -> list[Control]:
    return [Control(PAGED_RESULTS, critical=True, value=messages.page_bytes(size, cookie))]


def _cookie(found: Found) -> bytes:
    (control,) = found.controls
    return messages.read_page(control.value)[1]


def test_pages_bring_everything_once_and_in_order(dialogue: Dialogue) -> None:
    seen: list[str] = []
    cookie = b""
    for _ in range(3):
        found = dialogue.search("(displayName=Viele*)", controls=_page(50, cookie))
        assert found.result.code == 0
        seen += found.uids
        cookie = _cookie(found)
    assert cookie == b""
    assert seen == [f"v{number:04d}" for number in range(120)]


def test_a_cookie_serves_its_own_search_only(dialogue: Dialogue) -> None:
    cookie = _cookie(dialogue.search("(displayName=Viele*)", controls=_page(10)))
    for text, sent in (("(displayName=V*)", cookie), ("(displayName=Viele*)", b"made:up:cookie")):
        found = dialogue.search(text, controls=_page(10, sent))
        assert (found.uids, found.result.code) == ([], ResultCode.UNWILLING_TO_PERFORM)


@pytest.mark.parametrize("number", ["9" * 5000, "٣", "-1", ""])
def test_a_cookie_with_other_numbers_is_no_cookie(dialogue: Dialogue, number: str) -> None:
    cookie = _cookie(dialogue.search("(displayName=Viele*)", controls=_page(10)))
    for place in (0, 1):
        parts = cookie.decode().split(":")
        parts[place] = number
        found = dialogue.search(
            "(displayName=Viele*)", controls=_page(10, ":".join(parts).encode())
        )
        assert (found.uids, found.result.code) == ([], ResultCode.UNWILLING_TO_PERFORM)


def test_the_clients_limit_counts_over_all_pages(dialogue: Dialogue) -> None:
    cookie = _cookie(dialogue.search("(displayName=Viele*)", controls=_page(10), size_limit=15))
    found = dialogue.search("(displayName=Viele*)", controls=_page(10, cookie), size_limit=15)
    assert (len(found.uids), found.result.code) == (5, ResultCode.SIZE_LIMIT_EXCEEDED)


def test_a_page_of_size_zero_ends_the_paging(dialogue: Dialogue) -> None:
    found = dialogue.search("(displayName=Viele*)", controls=_page(0))
    assert (found.uids, found.result.code, _cookie(found)) == ([], 0, b"")


def test_a_broken_page_control_is_a_protocol_error(dialogue: Dialogue) -> None:
    found = dialogue.search("(cn=x)", controls=[Control(PAGED_RESULTS, value=b"\x30\x01")])
    assert found.result.code == ResultCode.PROTOCOL_ERROR


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_control_matters_if_it_is_critical(dialogue: Dialogue, critical: bool) -> None:
    found = dialogue.search(f"(mail=kasse@{DOMAIN})", controls=[Control("1.2.3.4", critical)])
    assert found.result.code == (ResultCode.UNAVAILABLE_CRITICAL_EXTENSION if critical else 0)
    assert found.uids == ([] if critical else ["kasse"])


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["mail"], {"mail"}),
        (["MAIL", "localityname"], {"mail", "localityName"}),
        (["rfc822mailbox"], {"rfc822Mailbox"}),
        (["userCertificate"], {"userCertificate;binary"}),
        (["1.1"], set()),
        (["+"], {"entryDN"}),
        (["noSuchThing"], set()),
    ],
)
def test_attributes_are_those_asked_for(
    dialogue: Dialogue, asked: list[str], names: set[str]
) -> None:
    (entry,) = dialogue.search(f"(mail=praxis@{DOMAIN})", attributes=asked).entries.values()
    assert set(entry) == names


def test_a_star_brings_the_rest_too(dialogue: Dialogue) -> None:
    everything = dialogue.search("(uid=praxis)").entries
    starred = dialogue.search("(uid=praxis)", attributes=["*", "entryDN"]).entries
    (all_,), (more,) = everything.values(), starred.values()
    assert set(more) - set(all_) == {"entryDN"}
    assert more["entryDN"] == [f"uid=praxis,{BASE}".encode()]


def test_types_only_gives_names_without_values(dialogue: Dialogue) -> None:
    (entry,) = dialogue.search("(uid=praxis)", types_only=True).entries.values()
    assert entry["mail"] == entry["userCertificate;binary"] == []


def test_the_root_dse_says_what_is_there(dialogue: Dialogue) -> None:
    for asked in ([], ["+"], ["namingContexts", "supportedControl", "supportedLDAPVersion"]):
        found = dialogue.search("(objectClass=*)", base="", scope=Scope.BASE, attributes=asked)
        (root,) = found.entries.values()
        assert root["namingContexts"] == [b"dc=vzd"]
        assert root["supportedLDAPVersion"] == [b"3"]
        assert PAGED_RESULTS.encode() in root["supportedControl"]


@pytest.mark.parametrize(
    ("base", "scope", "first"),
    [
        ("DC=Data, DC=VZD", Scope.ONE_LEVEL, "praxis"),
        ("dc=vzd", Scope.SUBTREE, "dc=vzd"),
        ("dc=vzd", Scope.ONE_LEVEL, "dc=data"),
        (f"UID=Kasse,{BASE}", Scope.BASE, "kasse"),
        (f"uid=kasse,{BASE}", Scope.SUBTREE, "kasse"),
        (f"uid=kasse,{BASE}", Scope.ONE_LEVEL, None),
        (BASE, Scope.BASE, "dc=data"),
    ],
)
def test_bases_and_scopes(dialogue: Dialogue, base: str, scope: Scope, first: str | None) -> None:
    found = dialogue.search("(objectClass=*)", base=base, scope=scope)
    assert next(iter(found.uids), None) == first


@pytest.mark.parametrize(
    ("base", "code", "matched"),
    [
        ("dc=de", ResultCode.NO_SUCH_OBJECT, ""),
        ("", ResultCode.NO_SUCH_OBJECT, ""),
        ("uid=niemand,dc=data,dc=vzd", ResultCode.NO_SUCH_OBJECT, BASE),
        ("keinname", ResultCode.INVALID_DN_SYNTAX, ""),
    ],
)
def test_wrong_bases(dialogue: Dialogue, base: str, code: ResultCode, matched: str) -> None:
    result = dialogue.search("(cn=*)", base=base).result
    assert (result.code, result.matched_dn) == (code, matched)


def _bind(version: int = 3, name: str = "", credentials: bytes = b"\x80\x00") -> bytes:
    from simulators.process.ldap import ber

    return ber.element(Operation.BIND_REQUEST, ber.integer(version), ber.octets(name), credentials)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (_bind(), ResultCode.SUCCESS),
        (_bind(version=2), ResultCode.PROTOCOL_ERROR),
        (_bind(name="cn=admin", credentials=b"\x80\x03abc"), ResultCode.INVALID_CREDENTIALS),
        (_bind(name="cn=admin"), ResultCode.UNWILLING_TO_PERFORM),
        (_bind(credentials=b"\xa3\x07\x04\x05PLAIN"), ResultCode.AUTH_METHOD_NOT_SUPPORTED),
        (b"\x77\x18\x80\x161.3.6.1.4.1.1466.20037", ResultCode.OPERATIONS_ERROR),  # StartTLS
        (b"\x77\x07\x80\x051.2.3", ResultCode.PROTOCOL_ERROR),
        (b"\x66\x04\x04\x00\x30\x00", ResultCode.UNWILLING_TO_PERFORM),  # modify
        (b"\x68\x04\x04\x00\x30\x00", ResultCode.UNWILLING_TO_PERFORM),  # add
        (b"\x4a\x01x", ResultCode.UNWILLING_TO_PERFORM),  # delete
        (b"\x6c\x00", ResultCode.UNWILLING_TO_PERFORM),  # modify DN
        (b"\x6e\x00", ResultCode.UNWILLING_TO_PERFORM),  # compare
    ],
)
def test_other_operations_are_answered_and_the_connection_lives_on(
    dialogue: Dialogue, operation: bytes, code: ResultCode
) -> None:
    assert dialogue.result(operation).code == code
    assert dialogue.search(f"(mail=kasse@{DOMAIN})").uids == ["kasse"]


def test_unbind_closes(dialogue: Dialogue) -> None:
    dialogue.send(messages.unbind_bytes())
    assert dialogue.read() is None


def test_an_abandoned_search_is_never_answered(vzd: Any, dialogue: Dialogue) -> None:
    vzd.ask("PUT", "/faults", [_rule({"kind": "delay", "seconds": 600}, times=1)])
    number = dialogue.send(_search("(cn=*)"))
    while not _seen(vzd):
        pass
    dialogue.send(messages.abandon_bytes(number))
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    assert {e["data"]["result"] for e in vzd.journal()} == {"abandoned", "success"}


def _search(text: str) -> bytes:
    from simulators.process.ldap.filter_text import parse_filter

    request = messages.SearchRequest(BASE, Scope.SUBTREE, parse_filter(text))
    return messages.search_bytes(request)


def _rule(effect: dict[str, Any], **when: Any) -> dict[str, Any]:
    return {"id": "one", "operation": "LDAP.Search", "effect": effect, **when}


def _seen(vzd: Any) -> bool:
    import json

    return bool(json.loads(vzd.ask("GET", "/faults")[1])["rules"][0]["seen"])


def test_faults_end_a_search_with_a_code_or_the_connection(
    vzd: Any, dialogue: Dialogue, connect: Callable[[Any], Dialogue]
) -> None:
    effect = {"kind": "result", "code": 51, "text": "bitte warten"}
    vzd.ask("PUT", "/faults", [_rule(effect, match={"filter": "(mail=kasse@*"}, times=1)])
    assert dialogue.search("(uid=praxis)").uids == ["praxis"]
    busy = dialogue.search(f"(mail=kasse@{DOMAIN})")
    assert (busy.uids, busy.result.code, busy.result.text) == ([], 51, "bitte warten")
    assert dialogue.search(f"(mail=kasse@{DOMAIN})").uids == ["kasse"]
    vzd.ask("PUT", "/faults", [_rule({"kind": "drop"})])
    with connect(vzd) as other:
        other.send(_search("(cn=*)"))
        assert other.read() is None
    assert vzd.journal()[-1]["data"]["result"] == "drop"


def test_a_fault_breaks_an_answer_off(
    vzd: Any, dialogue: Dialogue, connect: Callable[[Any], Dialogue]
) -> None:
    rule = _rule({"kind": "truncate"}, match={"filter": "(mail=*", "base": BASE}, nth=2)
    vzd.ask("PUT", "/faults", [rule])
    assert dialogue.search(f"(mail=kasse@{DOMAIN})").uids == ["kasse"]
    for text in (f"(mail=kasse@{DOMAIN})", "(mail=nichts)"):
        vzd.ask("PUT", "/faults", [{**rule, "nth": 1}])
        with connect(vzd) as other:
            other.send(_search(text))
            assert other.read() is None
            assert other.pending  # half a message
    assert dialogue.search("(uid=praxis)").uids == ["praxis"]


def test_a_fault_with_a_probability_follows_the_seed(vzd: Any, dialogue: Dialogue) -> None:
    def codes() -> list[int]:
        vzd.ask("POST", "/reset")
        vzd.ask("PUT", "/faults", [_rule({"kind": "result", "code": 52}, probability=0.5)])
        return [dialogue.search("(uid=kasse)").result.code for _ in range(12)]

    first = codes()
    assert set(first) == {0, 52}
    assert codes() == first


def test_the_technical_user_searches_without_a_limit(
    start_vzd: Callable[..., Any], connect: Callable[[Any], Dialogue]
) -> None:
    vzd = start_vzd(technical_users={"uid=technik": "geheim"})  # A_17794
    with connect(vzd) as dialogue:
        refused = dialogue.result(bind("uid=technik", b"falsch"))
        assert refused.code == ResultCode.INVALID_CREDENTIALS
        assert dialogue.search("(displayName=Viele*)").result.code == ResultCode.SIZE_LIMIT_EXCEEDED
        assert dialogue.result(bind("uid=technik", b"geheim")).code == 0
        found = dialogue.search("(displayName=Viele*)")
        assert (len(found.uids), found.result.code) == (120, 0)
        assert dialogue.result(bind("", b"")).code == 0
        assert len(dialogue.search("(displayName=Viele*)").uids) == 100
    assert "geheim" not in vzd.log() + str(vzd.journal())


def bind(name: str, password: bytes) -> bytes:
    return ber.element(
        Operation.BIND_REQUEST, ber.integer(3), ber.octets(name), ber.octets(password, 0x80)
    )


def test_each_search_is_in_the_journal(vzd: Any, dialogue: Dialogue) -> None:
    dialogue.search(f"(mail=kasse@{DOMAIN})")
    dialogue.search("(displayName=Viele*)")
    first, second = (event["data"] for event in vzd.journal())
    assert first == {
        "filter": f"(mail=kasse@{DOMAIN})",
        "base": BASE,
        "hits": 1,
        "result": "success",
    }
    assert (second["hits"], second["result"]) == (100, "sizeLimitExceeded")


def test_a_silent_connection_is_closed(
    start_vzd: Callable[..., Any], connect: Callable[[Any], Dialogue]
) -> None:
    vzd = start_vzd([], idle_seconds=0.3)
    with connect(vzd) as dialogue:
        assert dialogue.search("(cn=*)").result.code == 0
        assert dialogue.read() is None


def test_a_search_ends_at_its_time_limit(
    start_vzd: Callable[..., Any], connect: Callable[[Any], Dialogue]
) -> None:
    entries = [
        {"uid": f"u{n}", "attributes": {"sn": ["x" * 50 + str(n)]}, "certificates": ["vzd"]}
        for n in range(3_000)
    ]
    vzd = start_vzd(entries, search_seconds=0.001)
    with connect(vzd) as dialogue:
        parts = "".join(f"(!(sn<={n}))" for n in range(200))
        found = dialogue.search(f"(!(|{parts}))")
        assert found.result.code == ResultCode.TIME_LIMIT_EXCEEDED
