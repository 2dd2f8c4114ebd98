"""Entries from files and by hand, names of bases, the table of professions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulators.process.errors import InputError
from simulators.process.ldap.messages import Scope
from simulators.vzd.certificates import Certificate, parse_certificate
from simulators.vzd.dn import DnError, parse_dn
from simulators.vzd.entries import make_entry
from simulators.vzd.entry_file import read_entries
from simulators.vzd.professions import entry_type
from simulators.vzd.tree import NoSuchBaseError, Tree

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "dc=data,dc=vzd"


def test_spaces_at_the_ends_and_empty_values_are_cut_off() -> None:
    one = make_entry("u", {"mail": [" a@b ", "", "a@b"], "sn": [" "]}, [], base=BASE, now=NOW)
    assert one.attributes["mail"] == ("a@b",)
    assert "sn" not in one.attributes


def test_an_expired_certificate_is_gone_and_the_entry_with_its_last_one() -> None:
    end = NOW.timestamp()
    certificates = [Certificate(b"old", end - 1), Certificate(b"new", end + 1)]
    one = make_entry("u", {}, certificates, base=BASE, now=NOW)
    assert [c.der for c in one.valid_certificates(end)] == [b"new"]
    assert one.found(end)
    assert not one.found(end + 1)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"mail": ["x@real.kim.telematik"]}, "refused"),
        ({"maxKOMLEadr": ["many"]}, "cannot be a value"),
        ({"sn": ["a\0b"]}, "cannot be a value"),
        ({"bad name": ["x"]}, "no attribute name"),
        ({"userCertificate": ["x"]}, "'certificates'"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(
    attributes: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        make_entry("u", attributes, [], base=BASE, now=NOW)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [{"uid": "a"}, {"uid": "A"}],
        [{"uid": "a,b"}],
        [{"uid": "a", "attributes": {"mail": "text"}}],
        [{"uid": "a", "colour": "red"}],
        [{"uid": "a", "certificates": ["missing.pem"]}],
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "entries.json"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=str(tmp_path)):
        list(read_entries(file, base=BASE, now=NOW))


def test_bytes_that_are_no_certificate_can_be_put_in_on_purpose() -> None:
    assert parse_certificate("AAEC").der == b"\0\1\2"
    for text in ("-----BEGIN nothing", "§"):
        with pytest.raises(InputError):
            parse_certificate(text)


def test_names_match_in_any_case_and_escaping() -> None:
    assert parse_dn("UID=A\\2cB , dc=Data,DC=vzd") == parse_dn("uid=a\\,b,dc=data,dc=vzd")
    assert parse_dn("") == ()


@pytest.mark.parametrize("text", ["x", "=a,dc=vzd", "dc=vzd,", "uid=\\", "uid=\\ff", "a" * 5000])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(DnError):
        parse_dn(text)


def test_the_tree_says_what_is_nearest() -> None:
    tree = Tree(BASE)
    for base, matched in (
        ("ou=x,dc=data,dc=vzd", "dc=data,dc=vzd"),
        ("cn=y,uid=x,dc=data,dc=vzd", "dc=data,dc=vzd"),
        ("dc=other,dc=vzd", "dc=vzd"),
        ("dc=de", ""),
    ):
        with pytest.raises(NoSuchBaseError) as error:
            tree.target(base, Scope.SUBTREE)
        assert error.value.matched == matched
    assert [c.dn for c in tree.target("dc=vzd", Scope.SUBTREE).containers] == ["dc=vzd", BASE]
    assert [c.dn for c in tree.target("dc=vzd", Scope.ONE_LEVEL).containers] == [BASE]
    below = tree.target(BASE, Scope.ONE_LEVEL)
    assert below.all_entries
    assert not below.containers


@pytest.mark.parametrize(
    ("oid", "kind"),
    [("30", "1"), ("49", "2"), ("50", "3"), ("53", "3"), ("58", "4"), ("59", "5"), ("273", "6")],
)
def test_entry_types_follow_the_profession(oid: str, kind: str) -> None:
    assert entry_type([f"1.2.276.0.76.4.{oid}"]) == kind


def test_unknown_professions_have_no_entry_type() -> None:
    assert entry_type(["1.2.3", "1.2.276.0.76.4.x", "1.2.276.0.76.4.9999"]) is None
