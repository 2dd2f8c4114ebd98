"""What the client module says to the MTA."""

from __future__ import annotations

import pytest

from clientmodule.mta import MailEnvelope, mail_command

ENVELOPE = MailEnvelope("a@x", ("RET=HDRS", "ENVID=1"))


@pytest.mark.parametrize(
    ("message", "capabilities", "command"),
    [
        (b"abc", (), "MAIL FROM:<a@x>"),
        (b"abc", ("SIZE", "8BITMIME"), "MAIL FROM:<a@x> SIZE=3"),
        (b"a\xe4", ("SIZE", "8BITMIME"), "MAIL FROM:<a@x> SIZE=2 BODY=8BITMIME"),
        (b"a\xe4", ("DSN",), "MAIL FROM:<a@x> RET=HDRS ENVID=1"),
    ],
)
def test_mail_from(message: bytes, capabilities: tuple[str, ...], command: str) -> None:
    """KOM-LE-A_2018, RFC 1870, 3461, 6152: only what the MTA can is asked for."""
    assert mail_command(ENVELOPE, message, capabilities) == command
