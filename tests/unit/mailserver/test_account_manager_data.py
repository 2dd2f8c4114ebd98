"""What comes in from outside: tokens, JSON objects, notes. Nothing of it gets further unread."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats.headers import Headers
from simulators.mailserver.account_manager.absence import read_note, write_note
from simulators.mailserver.account_manager.account_data import AccountData, read_account
from simulators.mailserver.account_manager.authentication import decoded, is_address
from simulators.mailserver.account_manager.client_certificates import check_common_name
from simulators.mailserver.account_manager.jwt import TokenRefused, read_token
from simulators.mailserver.faults import RestRefused
from simulators.mailserver.out_of_office import Note, is_automatic

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
PROPERTIES = ("referenceID", "username", "password", "kimVersion", "regStat", "deregDate")
PROPERTIES += ("dataTimeToLive", "maxMailSize", "noVzdMailEntry")
NOTE_PROPERTIES = ("startDate", "endDate", "message", "active")
ALGORITHMS = ("PS256",)


@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(TokenRefused):
        read_token(text, ALGORITHMS)


@given(header=JSON, claims=JSON, signature=st.binary(max_size=20))
def test_no_json_is_a_token_without_a_certificate(
    header: Any, claims: Any, signature: bytes
) -> None:
    usual = {"alg": "PS256", "typ": "JWT"}
    header = {**usual, **header} if isinstance(header, dict) else header
    parts = [json.dumps(part).encode() for part in (header, claims)] + [signature]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    with pytest.raises(TokenRefused):
        read_token(text, ALGORITHMS)


def outcome(read: Callable[[], Any]) -> Any:
    """Return what *read* returns, or the status with which it refuses."""
    try:
        return read()
    except RestRefused as refused:
        return refused.error.status


@given(st.dictionaries(st.sampled_from(PROPERTIES), JSON))
def test_any_json_is_read_as_account_or_refused(content: dict[str, Any]) -> None:
    found = outcome(lambda: read_account(content))
    assert found == 400 or isinstance(found, AccountData)


@given(st.dictionaries(st.sampled_from(NOTE_PROPERTIES), JSON))
def test_any_json_is_read_as_note_or_refused(content: dict[str, Any]) -> None:
    before = Note(datetime.now(UTC), datetime.now(UTC) + timedelta(days=1), "x", active=True)
    found = outcome(lambda: read_note(content, before))
    assert found == 400 or write_note(found)["active"] is bool(content.get("active"))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2199, 1, 1)), st.text("abcäß\r\n", max_size=99))
def test_note_is_written_as_it_was_read(start: datetime, message: str) -> None:
    start = start.replace(microsecond=0, tzinfo=UTC)
    end = start + timedelta(hours=1)
    content = {
        "startDate": start.isoformat().replace("+00:00", "Z"),
        "endDate": end.isoformat().replace("+00:00", "Z"),
        "message": message,
        "active": True,
    }
    assert write_note(read_note(content, None)) == content


def test_the_last_moment_of_all_is_kept_as_the_number_that_a_store_has() -> None:
    content = {"startDate": "0001-01-01T00:00:00Z", "message": "x", "active": True}
    note = read_note({**content, "endDate": "9999-12-31T23:59:59.999999Z"}, None)
    for moment in (note.start, note.end):
        assert datetime.fromtimestamp(moment.timestamp(), UTC) == moment


@pytest.mark.parametrize("value", ["2021-07-20", "2021-13-01T00:00:00Z", "2021-07-20 00:00:00Z"])
def test_moments_are_those_of_rfc_3339(value: str) -> None:
    with pytest.raises(RestRefused):
        read_note({"startDate": value, "active": False}, None)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()))
def test_parameters_are_base64_of_utf8_or_refused(value: str) -> None:
    found = outcome(lambda: decoded(value, "password"))
    assert found == 400 or base64.b64decode(value) == found.encode()


@given(st.text(max_size=80))
def test_common_names_fit_into_a_subject(value: str) -> None:
    fits = 1 <= len(value) <= 61 and value.isprintable()
    assert outcome(lambda: check_common_name(value)) == (value if fits else 400)


@pytest.mark.parametrize("text", ["a@b", "ä@ö", "a" * 250 + "@b.de"])
def test_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "a", "@b", "a@", "a b@c", "a\r\n@c", "a" * 257 + "@b"])
def test_no_addresses(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("sender", "header", "automatic"),
    [
        ("a@b", "", False),
        ("a@b", "Auto-Submitted: no\r\n", False),
        ("a@b", "Auto-Submitted: No ; x\r\n", False),
        ("a@b", "AUTO-SUBMITTED: auto-notified\r\n", True),
        ("a@b", "Precedence: List\r\n", True),
        ("a@b", "LIST-UNSUBSCRIBE: x\r\n", True),
        ("mailer-daemon@b", "", True),
        ("Owner-x@b", "", True),
        ("x-request@b", "", True),
        ("requests@b", "", False),
        ("a@b", "Content-Type: multipart/report; report-type=x\r\n", True),
    ],
)
def test_automatic_mail(sender: str, header: str, *, automatic: bool) -> None:
    assert is_automatic(sender, Headers.parse(header.encode())) is automatic
