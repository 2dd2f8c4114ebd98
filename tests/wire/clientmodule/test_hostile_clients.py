"""Client systems that say anything: each line has one answer, and the next command its own."""

from __future__ import annotations

import base64
import poplib
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.clientmodule_world import World

BOUNDED = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TEXTS = st.binary(max_size=60).map(lambda b: b.translate(None, b"\r\n"))
ADDRESSES = st.sampled_from(
    [
        *(b"<a@b.kim.telematik-test>", b"<>", b"<@x:a@b>", b"a@b", b"<a@b", b"<a@b>>", b"<\xff@b>"),
        b"<" + b"a" * 400 + b"@b>",
    ]
)
PARAMETERS = st.sampled_from(
    [b"", b" SIZE=9", b" SIZE=\xb2", b" NOTIFY=NEVER", b" =", b" X=1" * 40]
)
SMTP_LINES = st.one_of(
    TEXTS.map(lambda text: b"NOOP " + text),
    TEXTS.map(lambda text: b"HELO " + text),
    TEXTS.map(lambda text: b"AUTH PLAIN =" + text),
    TEXTS.filter(lambda text: text[:4].upper() not in (b"QUIT", b"DATA", b"AUTH", b"EHLO")),
    st.tuples(
        st.sampled_from([b"MAIL FROM:", b"RCPT TO:", b"mail from: "]), ADDRESSES, PARAMETERS
    ).map(b"".join),
    st.sampled_from([b"RSET", b"DATA x", b"BDAT 3 LAST", b"STARTTLS", b"XOIP 1", b"", b" ", b"."]),
)
POP3_LINES = st.one_of(
    TEXTS.filter(lambda text: text[:4].upper() not in (b"QUIT", b"CAPA", b"AUTH")),
    TEXTS.map(lambda text: b"USER " + text),
    TEXTS.map(lambda text: b"USER a@b.kim.telematik-test#h:1#" + text),
    TEXTS.map(lambda text: b"AUTH PLAIN =" + text),
    st.sampled_from([b"STAT", b"RETR 1", b"TOP 1 1", b"STLS", b"", b"PASS ", b"AUTH", b"AUTH X"]),
)


@pytest.fixture(scope="module")
def kim(running_kim_world: World) -> World:
    """Return the world, reset once for all examples."""
    running_kim_world.reset()
    return running_kim_world


@pytest.fixture(scope="module")
def unknown_client(kim: World) -> Iterator[smtplib.SMTP]:
    with kim.smtp("praxis") as smtp:
        yield smtp


@contextmanager
def logged_in(kim: World) -> Iterator[smtplib.SMTP]:
    """Log in for one example: the MTA closes a session after a few unknown commands."""
    with kim.smtp("praxis") as smtp:
        smtp.login(*kim.user("praxis"))
        yield smtp


def _answers(smtp: smtplib.SMTP, lines: list[bytes]) -> list[int]:
    smtp.send(b"\r\n".join([*lines, b"NOOP", b"EHLO pvs", b""]))
    return [smtp.getreply()[0] for _ in range(len(lines) + 2)]


@pytest.mark.requirement("KOM-LE-A_2008")
@BOUNDED
@given(lines=st.lists(SMTP_LINES, max_size=8))
def test_smtp_before_login(unknown_client: smtplib.SMTP, lines: list[bytes]) -> None:
    *answers, noop, hello = _answers(unknown_client, lines)
    assert (noop, hello) == (250, 250)
    assert set(answers) <= {250, 501, 502, 504, 530}


@pytest.mark.requirement("KOM-LE-A_2018")
@BOUNDED
@given(lines=st.lists(SMTP_LINES, max_size=4))
def test_smtp_after_login(kim: World, lines: list[bytes]) -> None:
    """Whatever the MTA thinks of it: every line has an answer, and nothing goes out of step."""
    with logged_in(kim) as smtp:
        *answers, noop, hello = _answers(smtp, lines)
    assert (noop, hello) == (250, 250)
    assert all(200 <= answer < 600 and answer != 354 for answer in answers)


@pytest.mark.requirement("KOM-LE-A_2030", "A_21518-02")
@BOUNDED
@given(lines=st.lists(POP3_LINES, max_size=8))
def test_pop3_before_login(kim: World, lines: list[bytes]) -> None:
    pop3 = kim.pop3("kasse")
    try:
        pop3.sock.sendall(b"\r\n".join([*lines, b"QUIT", b""]))
        answers = [pop3.file.readline() for _ in range(len(lines) + 1)]  # type: ignore[attr-defined]
        assert answers[-1].startswith(b"+OK")
        assert all(answer.startswith((b"+OK", b"-ERR")) for answer in answers)
        assert pop3.file.readline() == b""  # type: ignore[attr-defined]
    finally:
        pop3.close()


CONTENT = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                *(
                    b"From: praxis@erst.kim.telematik-test\r\n",
                    b"To: x@y\r\n",
                    b"\r\n",
                    b"\n",
                    b"\0",
                ),
                *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"--b--\r\n"),
                *(b"Content-Type: message/rfc822\r\n", b"X-KOM-LE-Version: 1.0\r\n", b"\r\n.\n"),
                *(b"Content-Disposition: x-kas\r\n", b"Content-Transfer-Encoding: base64\r\n"),
                *(
                    b"Content-Type: text/html; charset=punycode\r\n",
                    b": leer\r\n",
                    b" ohne Feld\r\n",
                ),
            ]
        ),
    ),
    max_size=20,
).map(b"".join)


@pytest.mark.requirement("KOM-LE-A_2025", "KOM-LE-A_2018")
@BOUNDED
@given(content=CONTENT)
def test_content_of_mails(kim: World, content: bytes) -> None:
    """A mail to nobody who exists: refused for what it is, or for its recipient; never 4.3.0."""
    stuffed = content.replace(b"\n.", b"\n..")
    with logged_in(kim) as smtp:
        smtp.docmd("MAIL FROM:<praxis@erst.kim.telematik-test>")
        smtp.docmd("RCPT TO:<niemand@zweit.kim.telematik-test>")
        assert smtp.docmd("DATA")[0] == 354
        smtp.send((b"." if stuffed.startswith(b".") else b"") + stuffed + b"\r\n.\r\nNOOP\r\n")
        code, text = smtp.getreply()
        assert code in (451, 553, 554), text
        assert not text.startswith(b"4.3.0"), "an internal error"
        assert smtp.getreply()[0] == 250


def test_the_process_has_no_traceback(kim: World) -> None:
    """After all of the above."""
    logs = "".join(p.read_text() for p in (kim.directory / "logs").glob("clientmodule-*.log"))
    assert "Traceback" not in logs
    user, password = kim.pop3_user("praxis")
    pop3: poplib.POP3 = kim.pop3("praxis")
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    pop3.sock.sendall(f"AUTH PLAIN {secret}\r\n".encode())
    assert pop3.file.readline().startswith(b"+OK")  # type: ignore[attr-defined]
    pop3.quit()
