"""What testers do with the entries over the control port."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_site import BASE, DOMAIN, ENTRIES, Dialogue


def _get(vzd: Any, path: str) -> Any:
    status, body = vzd.ask("GET", path)
    assert status == 200, body
    return json.loads(body)


def test_entries_are_listed_with_what_clients_do_not_see(vzd: Any) -> None:
    listed = _get(vzd, "/entries?count=3")
    assert listed["total"] == len(ENTRIES) + 120
    assert [(e["uid"], e["found"]) for e in listed["entries"]] == [
        ("praxis", True),
        ("kasse", True),
        ("ohne", False),
    ]
    assert _get(vzd, "/entries?start=3&count=1")["entries"][0]["uid"] == "v0000"


def test_an_entry_can_be_added_changed_and_deleted(
    vzd: Any, dialogue: Dialogue, vzd_certificates: PkiTree
) -> None:
    pem = vzd_certificates.tls("vzd").certificate.read_text()
    content = {"attributes": {"mail": [f"neu@{DOMAIN}"]}, "certificates": [pem]}
    assert vzd.ask("PUT", "/entries/neu", content)[0] == 201
    assert dialogue.search(f"(mail=neu@{DOMAIN})").uids == ["neu"]
    changed = {**_get(vzd, "/entries/neu"), "attributes": {"mail": [f"anders@{DOMAIN}"]}}
    assert vzd.ask("PUT", "/entries/neu", changed)[0] == 200
    assert dialogue.search(f"(mail=neu@{DOMAIN})").uids == []
    assert dialogue.search(f"(mail=anders@{DOMAIN})").uids == ["neu"]
    assert vzd.ask("DELETE", "/entries/neu")[0] == 204
    assert dialogue.search(f"(mail=anders@{DOMAIN})").uids == []
    assert vzd.ask("GET", "/entries/neu")[0] == vzd.ask("DELETE", "/entries/neu")[0] == 404


def test_reset_brings_back_the_entries_of_the_world(vzd: Any, dialogue: Dialogue) -> None:
    vzd.ask("DELETE", "/entries/kasse")
    vzd.ask("PUT", "/entries/praxis", {"attributes": {}})
    assert dialogue.search("(|(uid=kasse)(uid=praxis))").uids == []
    vzd.ask("POST", "/reset")
    assert dialogue.search("(|(uid=kasse)(uid=praxis))").uids == ["praxis", "kasse"]
    assert dialogue.search("(objectClass=*)", base=f"uid=kasse,{BASE}").uids == ["kasse"]


@pytest.mark.parametrize(
    ("uid", "content", "said"),
    [
        ("a%2cb", {"attributes": {}}, "uid"),
        ("a", [], "object"),
        ("a", {"attributes": {"mail": "text"}}, "attributes.mail"),
        ("a", {"attributes": {}, "certificates": ["/etc/passwd?"]}, "base64"),
        ("a", {"attributes": {"mail": ["x@real.kim.telematik"]}}, "refused"),
    ],
)
def test_a_wrong_entry_is_refused_in_words(vzd: Any, uid: str, content: Any, said: str) -> None:
    status, body = vzd.ask("PUT", f"/entries/{uid}", content)
    assert status == 400
    assert said in json.loads(body)["error"]


def test_a_wrong_number_is_refused_in_words(vzd: Any) -> None:
    assert vzd.ask("GET", "/entries?start=x")[0] == 400


def test_a_missing_entries_file_ends_the_start_with_one_line(
    start_vzd: Any, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r"missing\.json: cannot be read"):
        start_vzd([], entries=str(tmp_path / "missing.json"))
