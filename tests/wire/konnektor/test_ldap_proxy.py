"""The LDAP proxy: searches pass, all else is refused, everybody gets the own answers."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from simulators.process.ldap import ber, messages
from simulators.process.ldap.messages import PAGED_RESULTS, Control, Operation
from simulators.process.ldap.results import ResultCode
from tests import vzd_site
from tests.konnektor_site import site_settings
from tests.vzd_site import BASE, DOMAIN, Dialogue

START_TLS = b"\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


@pytest.fixture(scope="session")
def directory_certificates(pki_cache: Path) -> PkiTree:
    return vzd_site.certificates(pki_cache)


@pytest.fixture(scope="session")
def start_directory(
    start_role: Callable[..., Any],
    directory_certificates: PkiTree,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Any]:
    def start() -> Any:
        place = tmp_path_factory.mktemp("entries")
        records = [*vzd_site.ENTRIES, *vzd_site.many(120)]
        return start_role(
            "simulators.vzd", vzd_site.settings(directory_certificates, place, records)
        )

    return start


@pytest.fixture(scope="session")
def start_proxy(
    start_role: Callable[..., Any], site_certificates: PkiTree, directory_certificates: PkiTree
) -> Callable[..., Any]:
    """Return a function that starts a Konnektor before a directory."""

    def start(directory: Any, **changes: Any) -> Any:
        host, port = directory.address("ldap")
        upstream = {"url": f"ldaps://{host}:{port}", "ca": str(directory_certificates.ca)}
        listeners = {"soap": {}, "ldap": {}}
        settings = site_settings(site_certificates, ocsp_url=None)
        settings |= {"vzd": upstream, "listeners": listeners, "authentication": "tls", **changes}
        return start_role("simulators.konnektor", settings)

    return start


@pytest.fixture(scope="session")
def running_directory(start_directory: Callable[[], Any]) -> Any:
    return start_directory()


@pytest.fixture(scope="session")
def running_proxy(start_proxy: Callable[..., Any], running_directory: Any) -> Any:
    return start_proxy(running_directory)


@pytest.fixture
def directory(running_directory: Any) -> Any:
    running_directory.ask("POST", "/reset")
    return running_directory


@pytest.fixture
def proxy(running_proxy: Any, directory: Any) -> Any:
    running_proxy.ask("POST", "/reset")
    return running_proxy


@pytest.fixture
def dialogue(proxy: Any, site_certificates: PkiTree) -> Iterator[Dialogue]:
    with Dialogue(proxy.address("ldap"), site_certificates.ca) as opened:
        yield opened


def test_a_search_is_passed_on_with_all_it_asks_for(directory: Any, dialogue: Dialogue) -> None:
    found = dialogue.search(f"(mail=kasse@{DOMAIN})", attributes=["mail", "userCertificate"])
    assert (found.uids, found.result.code) == (["kasse"], 0)
    assert set(found.entries[f"uid=kasse,{BASE}"]) == {"mail", "userCertificate;binary"}
    assert directory.journal()[-1]["data"]["filter"] == f"(mail=kasse@{DOMAIN})"


def test_results_come_as_the_directory_gives_them(dialogue: Dialogue) -> None:
    many = dialogue.search("(displayName=Viele*)")
    assert (len(many.uids), many.result.code) == (100, ResultCode.SIZE_LIMIT_EXCEEDED)
    missing = dialogue.search("(cn=*)", base=f"uid=x,{BASE}").result
    assert (missing.code, missing.matched_dn) == (ResultCode.NO_SUCH_OBJECT, BASE)
    page = Control(PAGED_RESULTS, critical=True, value=messages.page_bytes(10, b""))
    paged = dialogue.search("(displayName=Viele*)", controls=[page])
    assert len(paged.uids) == 10
    assert messages.read_page(paged.controls[0].value)[1]


def test_clients_with_the_same_message_ids_get_their_own_answers(
    proxy: Any, directory: Any, site_certificates: PkiTree
) -> None:
    with (
        Dialogue(proxy.address("ldap"), site_certificates.ca) as one,
        Dialogue(proxy.address("ldap"), site_certificates.ca) as other,
    ):
        for uid, dialogue in (("praxis", one), ("kasse", other)):
            dialogue.send(_search(uid))
        assert (other.answers().uids, one.answers().uids) == (["kasse"], ["praxis"])
    assert len(directory.journal()) == 2


def _search(uid: str) -> bytes:
    from simulators.process.ldap import Scope, parse_filter

    return messages.search_bytes(
        messages.SearchRequest(BASE, Scope.SUBTREE, parse_filter(f"(uid={uid})"))
    )


def _bind(name: str, password: str) -> bytes:
    return ber.element(
        Operation.BIND_REQUEST, ber.integer(3), ber.octets(name), ber.octets(password, 0x80)
    )


@pytest.mark.parametrize(
    "operation",
    [
        _bind("cn=admin", "geheim"),
        START_TLS,
        b"\x66\x04\x04\x00\x30\x00",
        b"\x68\x04\x04\x00\x30\x00",
        b"\x4a\x01x",
        b"\x6c\x00",
        b"\x6e\x00",
    ],
)
def test_every_other_operation_is_answered_with_53(
    proxy: Any, directory: Any, dialogue: Dialogue, operation: bytes
) -> None:
    assert dialogue.result(operation).code == ResultCode.UNWILLING_TO_PERFORM
    assert directory.journal() == []
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    assert "geheim" not in str(proxy.journal())


def test_the_anonymous_bind_and_unbind_are_served(dialogue: Dialogue) -> None:
    assert dialogue.result(_bind("", "")).code == 0
    dialogue.send(messages.unbind_bytes())
    assert dialogue.read() is None


def test_an_abandoned_search_is_abandoned_at_the_directory(
    proxy: Any, directory: Any, dialogue: Dialogue
) -> None:
    slow = {"id": "slow", "operation": "*", "times": 1, "effect": {"kind": "delay", "seconds": 60}}
    directory.ask("PUT", "/faults", [slow])
    number = dialogue.send(_search("kasse"))
    while b'"seen": 1' not in directory.ask("GET", "/faults")[1]:
        pass
    dialogue.send(messages.abandon_bytes(number))
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    for role in (proxy, directory):
        results = [e["data"]["result"] for e in role.journal()]
        assert sorted(results) == ["abandoned", "success"]  # each ends when it ends


def test_each_search_is_in_the_journal(proxy: Any, dialogue: Dialogue) -> None:
    dialogue.search("(uid=kasse)")
    (event,) = proxy.journal()
    assert (event["step"], event["peer"]) == ("LDAP.Search", "client")
    assert event["data"] == {"filter": "(uid=kasse)", "base": BASE, "hits": 1, "result": "success"}


def test_faults_of_the_proxy(proxy: Any, directory: Any, dialogue: Dialogue) -> None:
    rule = {"id": "r", "operation": "LDAP.*", "times": 1, "effect": {"kind": "result", "code": 51}}
    proxy.ask("PUT", "/faults", [rule])
    assert dialogue.search("(uid=kasse)").result.code == 51
    assert directory.journal() == []
    proxy.ask("PUT", "/faults", [{**rule, "effect": {"kind": "drop"}}])
    dialogue.send(_search("kasse"))
    assert dialogue.read() is None


def test_a_dead_connection_to_the_directory_is_replaced(directory: Any, dialogue: Dialogue) -> None:
    drop = {"id": "drop", "operation": "*", "nth": 2, "effect": {"kind": "drop"}}
    directory.ask("PUT", "/faults", [drop])
    assert [dialogue.search("(uid=kasse)").uids for _ in range(3)] == [["kasse"]] * 3


def test_hostile_bytes_do_not_reach_the_directory(
    proxy: Any, directory: Any, dialogue: Dialogue, site_certificates: PkiTree
) -> None:
    with Dialogue(proxy.address("ldap"), site_certificates.ca) as attacker:
        attacker.send_bytes(messages.envelope(1, b"\x63\x02\x04\x7f"))
        notice = attacker.read()
        assert notice is not None
        assert messages.read_result(notice).code == ResultCode.PROTOCOL_ERROR
        assert attacker.read() is None
    assert directory.journal() == []
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    assert "Traceback" not in proxy.log()


def test_without_the_directory_searches_end_with_unavailable(
    start_directory: Callable[[], Any], start_proxy: Callable[..., Any], site_certificates: PkiTree
) -> None:
    directory = start_directory()
    proxy = start_proxy(directory)
    with Dialogue(proxy.address("ldap"), site_certificates.ca) as dialogue:
        assert dialogue.search("(uid=kasse)").uids == ["kasse"]
        directory.kill()
        assert dialogue.search("(uid=kasse)").result.code == ResultCode.UNAVAILABLE
        assert dialogue.result(_bind("", "")).code == 0
        directory.restart()
        assert dialogue.search("(uid=kasse)").uids == ["kasse"]
    assert "Traceback" not in proxy.log()


def test_a_konnektor_without_tls_speaks_plain_ldap(
    start_proxy: Callable[..., Any], directory: Any
) -> None:
    proxy = start_proxy(directory, authentication="none")
    with Dialogue(proxy.address("ldap"), None) as dialogue:
        assert dialogue.search("(uid=kasse)").uids == ["kasse"]


def test_a_konnektor_with_tls_speaks_nothing_else(proxy: Any, dialogue: Dialogue) -> None:
    with Dialogue(proxy.address("ldap"), None) as plain:
        plain.send(_search("kasse"))
        with pytest.raises((ConnectionError, ValueError, ssl.SSLError)):
            plain.answers()
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]


def test_without_the_tunnel_to_the_ti_the_directory_is_out_of_reach(
    proxy: Any, directory: Any, dialogue: Dialogue
) -> None:
    proxy.ask("PUT", "/network", {"vpn_ti": "down"})
    assert dialogue.search("(uid=kasse)").result.code == ResultCode.UNAVAILABLE
    assert directory.journal() == []
    proxy.ask("PUT", "/network", {"vpn_ti": "up"})
    assert dialogue.search("(uid=kasse)").uids == ["kasse"]
