"""A client mail that is read into a spool: what it says of itself is what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from clientmodule.faults import MailRefused
from clientmodule.lines import stuff
from clientmodule.sending.reception import SpooledMail

HEAD = b"From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n"
BODY = b"--x\r\n\r\n.Punkt\r\n--x\r\nContent-Disposition: X-KAS;\r\n\tsize=1\r\n\r\n{}\r\n--x--\r\n"


def spooled(directory: Path, mail: bytes, step: int) -> SpooledMail:
    made, text = SpooledMail(directory), stuff(mail)
    made.take([bytearray(text[i : i + step]) for i in range(0, len(text), step)])
    made.finish()
    return made


@pytest.mark.requirement("A_22341", "A_19357-02")
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_header_body_and_parts(tmp_path: Path, step: int) -> None:
    mail = spooled(tmp_path, HEAD + b"\r\n" + BODY, step)
    assert mail.headers.to_bytes() == HEAD
    assert b"".join(mail.body()) == BODY
    assert (mail.size, mail.body_size) == (len(HEAD) + 2 + len(BODY), len(BODY))
    assert mail.dispositions == {None, "x-kas"}
    mail.close()


@pytest.mark.parametrize("mail", [b"", b"x", b"From: a@b", b"\r\n", b"\r\ntext\r\n"])
def test_mails_without_header_or_body(tmp_path: Path, mail: bytes) -> None:
    made = spooled(tmp_path, mail, 1)
    body = b"".join(made.body())
    assert len(body) == made.body_size
    assert body == mail.partition(b"\r\n")[2].ljust(len(body)) if mail[:1] == b"\r" else not body
    made.close()


@pytest.mark.requirement("A_22341")
@pytest.mark.parametrize(
    "mail",
    [
        b"X-Long: " + b"x" * (1 << 20) + b"\r\n\r\n",
        HEAD + b"\r\n" + b"--x\r\n\r\na\r\n" * 3_000,
    ],
)
def test_structure_that_cannot_be_read_is_refused(tmp_path: Path, mail: bytes) -> None:
    made = spooled(tmp_path, mail, 100_000)
    with pytest.raises(MailRefused) as refused:
        _ = made.headers
    assert refused.value.reply.code == 554
    made.close()
