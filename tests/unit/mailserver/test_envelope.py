from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.mailserver.envelope import (
    Envelope,
    Recipient,
    Refused,
    dump,
    load,
    mail_command,
    rcpt_command,
    read_mail,
    read_rcpt,
)

ADDRESS = "B-12.x_y@kv.dox.kim.telematik-test"
DSN = {"DSN": "", "SIZE": "", "8BITMIME": ""}


def test_mail_with_every_parameter() -> None:
    read = read_mail(f"from: <{ADDRESS}> size=10 Body=8bitmime RET=hdrs ENVID=a+2Bb AUTH=<>")
    assert read == Envelope(ADDRESS, "HDRS", "a+2Bb", 10, eight_bit=True)


def test_empty_sender() -> None:
    assert read_mail("FROM:<>").sender == ""


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (None, 501),
        ("<>", 501),
        ("FROM:", 501),
        ("FROM:<a@b", 501),
        ("FROM:<a@b>x", 501),
        ("FROM:<a@b> SIZE=-1", 501),
        ("FROM:<a@b> SIZE=²", 501),
        ("FROM:<a@b> ENVID=", 501),
        (f"FROM:<a@b> ENVID={'x' * 101}", 501),
        ("FROM:<a@b> ENVID=+00", 501),
        ("FROM:<a@b> X=1", 555),
        ("FROM:<a>", 553),
        ("FROM:<a@b..c>", 553),
        ("FROM:<.a@b>", 553),
        ("FROM:<a@-b>", 553),
        ('FROM:<"a"@b>', 553),
        (f"FROM:<a@{'b.' * 100}c>", 553),
    ],
)
def test_refused_sender(argument: str | None, code: int) -> None:
    with pytest.raises(Refused) as refused:
        read_mail(argument)
    assert refused.value.reply.code == code


def test_recipient_wants_to_hear_of_failures_unless_it_says_otherwise() -> None:
    assert read_rcpt(f"TO:<{ADDRESS}>").notify == {"FAILURE"}
    assert read_rcpt(f"TO:<{ADDRESS}> NOTIFY=success,delay").notify == {"SUCCESS", "DELAY"}
    with pytest.raises(Refused):
        read_rcpt("TO:<>")


def test_commands_carry_what_the_other_server_understands() -> None:
    envelope = Envelope(ADDRESS, "HDRS", "a+2Bb", eight_bit=True)
    recipient = Recipient("x+y@z", frozenset({"SUCCESS", "FAILURE"}))
    assert mail_command(envelope, {}, 5) == f"MAIL FROM:<{ADDRESS}>"
    expected = f"MAIL FROM:<{ADDRESS}> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=a+2Bb"
    assert mail_command(envelope, DSN, 5) == expected
    assert rcpt_command(recipient, {}) == "RCPT TO:<x+y@z>"
    expected = "RCPT TO:<x+y@z> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;x+2By@z"
    assert rcpt_command(recipient, DSN) == expected


@given(
    st.sets(st.sampled_from(["SUCCESS", "FAILURE", "DELAY"]), min_size=1),
    st.sampled_from([None, "FULL", "HDRS"]),
)
def test_what_is_sent_on_is_what_was_read(notify: set[str], returned: str | None) -> None:
    envelope = Envelope(ADDRESS, returned, "+2B1", eight_bit=True)
    recipient = Recipient(ADDRESS, frozenset(notify), "rfc822;A+3Db@c")
    sent = mail_command(envelope, DSN, 7).removeprefix("MAIL ")
    assert read_mail(sent) == Envelope(ADDRESS, returned, "+2B1", 7, eight_bit=True)
    assert read_rcpt(rcpt_command(recipient, DSN).removeprefix("RCPT ")) == recipient
    kept = load(dump(envelope, [recipient]))
    assert kept.recipients == [recipient]
    assert (kept.sender, kept.returned, kept.envelope_id) == (ADDRESS, returned, "+2B1")


@given(st.sampled_from(["FROM:<", "TO:<", "FROM:<a@b> ", "TO:<a@b> ", ""]), st.text(max_size=200))
def test_any_argument_is_read_or_refused(start: str, argument: str) -> None:
    for read in (read_mail, read_rcpt):
        with contextlib.suppress(Refused):
            read(start + argument)
