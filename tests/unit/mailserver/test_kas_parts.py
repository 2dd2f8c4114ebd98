"""The parts of the KAS that need no network: forms, dates, files."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simulators.mailserver.faults import RestRefused
from simulators.mailserver.kas.blobs import PIECE, Files
from simulators.mailserver.kas.expires import read_date_time
from simulators.mailserver.kas.form import Form, Start
from simulators.mailserver.kas.on_purpose import Truncated, spoiled
from simulators.mailserver.kas.settings import KasSettings, S3Settings
from simulators.process.errors import InputError
from simulators.process.faults import Effect
from tests.kas_client import BOUNDARY, attachment, fields, form

S3 = {"endpoint": "http://127.0.0.1:9", "credentials": "/nowhere"}
CONTENT_TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 15 Aug 22 15:52:01 +0000", datetime(2022, 8, 15, 15, 52, 1, tzinfo=UTC)),
        ("Mon, 15 Aug 2022 17:52 +0200", datetime(2022, 8, 15, 15, 52, tzinfo=UTC)),
        ("15 aug 2022 10:52:60 EST (New York)", datetime(2022, 8, 15, 15, 52, 59, tzinfo=UTC)),
        ("1 Jan 49 00:00:00 GMT", datetime(2049, 1, 1, tzinfo=UTC)),
        ("1 Jan 50 00:00:00 -0000", datetime(1950, 1, 1, tzinfo=UTC)),
        ("1 Jan 122 00:00:00 Z", datetime(2022, 1, 1, tzinfo=UTC)),
        ("1 Jan 2022 00:00:00 -2359", datetime(2022, 1, 1, 23, 59, tzinfo=UTC)),
    ],
)
def test_dates_of_rfc_5322(text: str, moment: datetime) -> None:
    assert read_date_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2022-08-15T15:52:01Z",
        "Tue, 15 Aug 22 15:52:01 +0000",
        "Mon, 15 Aug 2022",
        "Mon, 15 Aug 2022 15:52:01",
        "32 Aug 2022 15:52:01 +0000",
        "15 Foo 2022 15:52:01 +0000",
        "15 Aug 2022 24:00:00 +0000",
        "15 Aug 2022 15:52:61 +0000",
        "15 Aug 2022 15:52:01 +0060",
        "15 Aug 2022 15:52:01 +2400",
        "1 Jan 0001 00:00:00 +0100",
        "15 Aug ٢٠٢٢ 15:52:01 +0000",
        "15 Aug 2022 15:52:01 +0000" + " " * 200,
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_date_time(text)


@given(st.text(max_size=60))
def test_any_text_is_a_date_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert read_date_time(text).tzinfo is UTC


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_forms_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    if f"\r\n--{BOUNDARY}".encode() in b"\r\n" + data:
        return
    body, reader = form([*fields(), attachment(data)]), Form(CONTENT_TYPE, max_recipients=9)
    events: list[Start | bytes] = []
    position = 0
    while position < len(body):
        size = cuts[position % len(cuts)]
        events += reader.feed(body[position : position + size])
        position += size
    assert events[0] == Start(len(data))
    assert b"".join(e for e in events if isinstance(e, bytes)) == data
    message_id, _, recipients = reader.close()
    assert (message_id, len(recipients)) == ("<1@cm>", 1)


@given(st.data(), st.binary(min_size=1, max_size=40))
def test_damaged_forms_are_refused_or_read_and_nothing_else(
    data: st.DataObject, noise: bytes
) -> None:
    body = form([*fields(), attachment(b"content" * 9)])
    at = data.draw(st.integers(0, len(body)))
    reader = Form(CONTENT_TYPE, max_recipients=9)
    with contextlib.suppress(RestRefused):
        for event in reader.feed(body[:at] + noise + body[at + len(noise) :]):
            assert isinstance(event, Start | bytes)
        assert reader.close()


def test_refusal_of_a_form_is_one_sentence_without_its_content() -> None:
    body = form([('\xe4"', b"", {})]).replace("\xe4".encode(), b"\xe4")
    with pytest.raises(RestRefused, match=r"^[A-Za-z ]+$"):
        list(Form(CONTENT_TYPE, max_recipients=9).feed(body))


def test_a_file_is_complete_or_not_there(tmp_path: Path) -> None:
    data = bytes(range(256)) * (PIECE // 128)

    async def work() -> None:
        files = Files(tmp_path / "kas")
        blob = await files.create("one")
        for start in range(0, len(data), 100_000):
            await blob.write(data[start : start + 100_000])
        await blob.finish()
        assert blob.sha256.hexdigest() == hashlib.sha256(data).hexdigest()
        with pytest.raises(FileExistsError):
            await files.create("one")
        seen = hashlib.sha256()
        assert b"".join([piece async for piece in files.read("one", seen)]) == data
        assert seen.digest() == blob.sha256.digest()
        half = await files.create("two")
        await half.write(data)
        await half.discard()
        await files.delete("two")
        await files.delete("two")
        with pytest.raises(FileNotFoundError):
            await anext(files.read("two", seen))
        await files.close()

    asyncio.run(work())
    (left,) = (tmp_path / "kas").iterdir()
    assert left.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("truncate", "4", b"0123"),
        ("truncate", "0", b""),
        ("truncate", None, b"01234"),
        ("truncate", "99", b"0123456789"),
        ("corrupt", "4", b"0123556789"),
        ("corrupt", "99", b"0123456789"),
        ("corrupt", None, b"0123446789"),
    ],
)
def test_where_data_is_spoiled(kind: str, value: str | None, expected: bytes) -> None:
    async def work() -> bytes:
        async def pieces():  # type: ignore[no-untyped-def]
            for piece in (b"012", b"345", b"6789"):
                yield piece

        got = b""
        try:
            async for piece in spoiled(pieces(), Effect(kind=kind, value=value), 10):
                got += piece
        except Truncated:
            assert kind == "truncate"
        return got

    assert asyncio.run(work()) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"storage": "s3://bucket"}, "needs s3"),
        ({"storage": "s3:///prefix", "s3": S3}, "expected s3://BUCKET/PREFIX"),
        ({"s3": {**S3, "endpoint": "ftp://x"}}, "pattern"),
        ({"base_url": "http://kas.test/"}, "expected https"),
        ({"base_url": "https:///x"}, "expected https"),
    ],
)
def test_settings_that_contradict_themselves(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        KasSettings.model_validate(settings)


@pytest.mark.parametrize("content", [b"", b"x", b"[default]\naws_access_key_id=a\n", b"\xff", None])
def test_credentials_that_cannot_be_read_are_one_line(
    content: bytes | None, tmp_path: Path
) -> None:
    from simulators.mailserver.kas.s3 import Objects

    file = tmp_path / "credentials"
    if content is not None:
        file.write_bytes(content)
    settings = S3Settings.model_validate({**S3, "credentials": file})
    with pytest.raises(InputError, match="credentials: ") as refused:
        asyncio.run(Objects("s3://bucket/prefix", settings).open())
    assert "\n" not in str(refused.value)
