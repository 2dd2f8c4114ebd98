"""Answers of NTP servers: what tells the time, and what does not."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientmodule.konnektor.system_time import NoTime, read_offset

SINCE_1900 = 2_208_988_800


def answer(taken: float, sent: float, *, first: int = 0x24, stratum: int = 2) -> bytes:
    """Return a server's answer that came in and went out at these times since 1970."""
    words = [0] * 7
    for moment in (taken, sent):
        whole, rest = divmod(moment + SINCE_1900, 1)
        words += [int(whole) % (1 << 32), int(rest * (1 << 32))]
    return struct.pack(">BBbb11I", first, stratum, 6, -20, *words)


@pytest.mark.requirement("KOM-LE-A_2230")
@pytest.mark.parametrize("now", [1_790_000_000.0, 2_100_000_000.0])
@pytest.mark.parametrize("ahead", [0.0, 3600.5, -86_400.25])
def test_how_far_the_konnektor_is_ahead(now: float, ahead: float) -> None:
    """Also after 2036, when the seconds of NTP begin anew; the way there and back cancels out."""
    packet = answer(now + ahead + 0.1, now + ahead + 0.3)
    assert read_offset(packet, now, now + 0.4) == pytest.approx(ahead, abs=1e-5)


@pytest.mark.parametrize(
    "packet",
    [
        answer(0, 0, first=0x23),  # a client
        answer(0, 0, first=0xE4),  # not synchronized
        answer(0, 0, stratum=0),  # "kiss of death"
        answer(0, 0, stratum=16),
        answer(0, 0)[:47],
        b"",
    ],
)
def test_what_tells_no_time(packet: bytes) -> None:
    with pytest.raises(NoTime):
        read_offset(packet, 0, 0)


@given(st.binary(max_size=100))
def test_any_bytes(packet: bytes) -> None:
    with suppress(NoTime):
        assert isinstance(read_offset(packet, 1e9, 1e9), float)
