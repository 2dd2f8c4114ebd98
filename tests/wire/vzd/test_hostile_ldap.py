"""Bytes that are no LDAP, or LDAP that is no good: an end in words, and nobody else is harmed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from simulators.process.ldap import ber, messages
from simulators.process.ldap.filters import Equal, encode_filter
from simulators.process.ldap.messages import Operation
from simulators.process.ldap.results import ResultCode
from tests.mail_providers import wait_until
from tests.vzd_site import BASE, Dialogue


def _search(content: bytes, number: int = 1) -> bytes:
    operation = ber.element(
        Operation.SEARCH_REQUEST,
        ber.octets(BASE),
        ber.integer(2, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0),
        ber.integer(0),
        ber.boolean(False),
        content,
        ber.element(ber.SEQUENCE),
    )
    return messages.envelope(number, operation)


def _nested(depth: int) -> bytes:
    content = encode_filter(Equal("mail", b"x"))
    for _ in range(depth):
        content = ber.element(0xA2, content)
    return content


GOOD = encode_filter(Equal("mail", b"x"))
HOSTILE = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "garbage": bytes(range(1, 256)),
    "indefinite length": b"\x30\x80\x02\x01\x01\x42\x00\x00\x00",
    "a length of 2 GB": b"\x30\x84\x7f\xff\xff\xff",
    "a length of 127 bytes": b"\x30\xff",
    "a number of 500 kB": ber.element(ber.SEQUENCE, ber.octets(b"\x7f" * 500_000, 0x02)),
    "nesting 100,000 deep": _search(_nested(20_000)),
    "nesting beyond the limit": _search(_nested(40)),
    "5,000 items": _search(ber.element(0xA1, GOOD * 5_000)),
    "an inner length too long": _search(b"\xa3\x7f\x04\x01a"),
    "an unknown filter": _search(b"\xaf\x02\x04\x00"),
    "an empty substring": _search(b"\xa4\x08\x04\x02cn\x30\x02\x81\x00"),
    "text that is no UTF-8": _search(b"\x87\x02\xff\xfe"),
    "no operation": ber.element(ber.SEQUENCE, ber.integer(1)),
    "an answer instead of a request": messages.envelope(
        1, messages.result_bytes(Operation.SEARCH_DONE, messages.SUCCESS)
    ),
    "an operation that does not exist": messages.envelope(1, b"\x7e\x00"),
    "a tag of several bytes": messages.envelope(1, b"\x7f\x81\x01\x00"),
    "message id 0": _search(GOOD, 0),
    "a negative message id": _search(GOOD, -1),
    "message id 2^31": _search(GOOD, 2**31),
    "controls that are none": messages.envelope(
        1, messages.unbind_bytes()[:0] + b"\x63\x00\x04\x00"
    ),
    "a hundred controls": messages.envelope(
        1,
        b"\x60\x07\x02\x01\x03\x04\x00\x80\x00"
        + messages.controls_bytes([messages.Control("1.2.3")] * 100),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_end_the_connection_in_words(
    vzd: Any, connect: Callable[[Any], Dialogue], name: str
) -> None:
    with connect(vzd) as bystander, connect(vzd) as attacker:
        attacker.send_bytes(HOSTILE[name])
        notice = attacker.read()
        assert notice is not None
        assert (notice.id, notice.operation) == (0, Operation.EXTENDED_RESPONSE)
        assert messages.read_result(notice).code == ResultCode.PROTOCOL_ERROR
        assert messages.NOTICE_OF_DISCONNECTION.encode() in notice.data
        assert attacker.read() is None
        assert bystander.search("(uid=kasse)").uids == ["kasse"]
    assert "Traceback" not in vzd.log()


def test_a_message_in_single_bytes_is_understood(dialogue: Dialogue) -> None:
    for byte in _search(encode_filter(Equal("uid", b"kasse"))):
        dialogue.send_bytes(bytes((byte,)))
    assert dialogue.answers().uids == ["kasse"]


def test_many_messages_in_one_write_are_all_answered(dialogue: Dialogue) -> None:
    content = encode_filter(Equal("uid", b"kasse"))
    dialogue.send_bytes(b"".join(_search(content, number) for number in range(1, 21)))
    assert [dialogue.answers().uids for _ in range(20)] == [["kasse"]] * 20


def test_too_many_searches_at_once_are_refused_with_busy(vzd: Any, dialogue: Dialogue) -> None:
    rule = {"id": "slow", "operation": "*", "effect": {"kind": "delay", "seconds": 600}}
    vzd.ask("PUT", "/faults", [rule])
    dialogue.send_bytes(b"".join(_search(GOOD, number) for number in range(1, 66)))
    busy = dialogue.read()
    assert busy is not None
    assert (busy.id, messages.read_result(busy).code) == (65, ResultCode.BUSY)


def test_a_message_id_in_use_is_refused(vzd: Any, dialogue: Dialogue) -> None:
    rule = {"id": "slow", "operation": "*", "effect": {"kind": "delay", "seconds": 600}}
    vzd.ask("PUT", "/faults", [rule])
    dialogue.send_bytes(_search(GOOD) * 2)
    notice = dialogue.read()
    assert notice is not None
    assert messages.read_result(notice).code == ResultCode.PROTOCOL_ERROR


def test_a_client_that_takes_no_answers_harms_nobody(
    vzd: Any, connect: Callable[[Any], Dialogue]
) -> None:
    with connect(vzd) as deaf:
        many = b"".join(_search(encode_filter(Equal("l", b"x")), n) for n in range(1, 60))
        everything = b"".join(_search(b"\x87\x0bobjectClass", n) for n in range(100, 160))
        deaf.send_bytes(many + everything)
        with connect(vzd) as other:
            assert other.search("(uid=kasse)").uids == ["kasse"]


def test_plain_ldap_is_not_spoken(vzd: Any) -> None:
    """TIP1-A_5566: LDAPS only."""
    with socket.create_connection(vzd.address("ldap"), timeout=10) as plain:
        plain.sendall(_search(GOOD))
        received = b""
        try:
            while data := plain.recv(4096):
                received += data
        except ConnectionError:
            pass
    assert not received.startswith(b"\x30")


def test_a_handshake_that_never_comes_harms_nobody(
    vzd: Any, connect: Callable[[Any], Dialogue]
) -> None:
    with socket.create_connection(vzd.address("ldap")), connect(vzd) as other:
        assert other.search("(uid=kasse)").uids == ["kasse"]


def test_the_process_ends_at_once_with_connections_open(
    start_vzd: Callable[..., Any], connect: Callable[[Any], Dialogue]
) -> None:
    vzd = start_vzd([])
    with connect(vzd) as dialogue:
        assert dialogue.search("(cn=*)").result.code == 0
        assert vzd.stop() == 0
        notice = dialogue.read()
        assert notice is not None
        assert messages.read_result(notice).code == ResultCode.UNAVAILABLE


def test_more_connections_than_allowed_are_told_to_come_back(start_vzd: Any, connect: Any) -> None:
    small = start_vzd(max_connections=2)
    with connect(small) as first:
        assert first.search("(telematikID=*)").entries
        with connect(small) as second:
            assert second.search("(telematikID=*)").entries
            with connect(small) as third:
                notice = third.read()
                assert notice is not None
                assert notice.id == 0
                assert messages.read_result(notice).code == ResultCode.BUSY
                assert third.read() is None
        wait_until(lambda: _served(connect, small))
        assert first.search("(telematikID=*)").entries


def _served(connect: Any, role: Any) -> bool:
    with connect(role) as dialogue, suppress(OSError):
        return bool(dialogue.search("(telematikID=*)").entries)
    return False
