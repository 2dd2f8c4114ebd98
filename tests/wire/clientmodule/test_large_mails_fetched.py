"""Large mails from a KAS: restored, or an error mail for each way in which that fails (3.2.2)."""

from __future__ import annotations

import email
import email.policy
import poplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from clientmodule import texts
from simulators.formats.headers import split_message
from simulators.formats.kas_part import SIZE_HEADER, KasPart, small_mail
from tests.clientmodule_changes import enable_large_mails
from tests.foreign_clientmodule import ForeignClientModule, results, sealed, text_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World

HUGE = 15 * 1024 * 1024 + 1
SCAN = bytes(range(256)) * 2_000


@pytest.fixture
def foreign(kim: World) -> ForeignClientModule:
    return ForeignClientModule(kim)


@pytest.fixture
def mail(foreign: ForeignClientModule) -> bytes:
    """Return a client mail with text and attachment."""
    message = EmailMessage()
    message["From"], message["To"] = foreign.sender, foreign.recipient
    message["Subject"] = "Röntgenbild"
    message["Message-ID"] = "<1@x>"
    message.set_content("Anbei die Aufnahme.\r\n.\r\n.Punkt")
    message.add_attachment(SCAN, maintype="image", subtype="jpeg", filename="bild.jpg")
    return message.as_bytes(policy=email.policy.SMTP)


def downloads(kim: World) -> int:
    """Return how often mail data of the sender's provider were downloaded."""
    return sum(
        entry["downloads"] for entry in kim.ask(kim.provider("praxis"), "GET", "/attachments")
    )


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def embedded(message: EmailMessage) -> EmailMessage:
    original = message.get_payload(1)
    assert isinstance(original, EmailMessage)
    assert original.get_content_type() == "message/rfc822"
    inner = original.get_payload(0)
    assert isinstance(inner, EmailMessage)
    return inner


@pytest.mark.requirement(
    *("A_19367", "A_19368", "A_19369-02", "A_19370-04", "A_19374-03", "A_21236", "A_20628"),
    *("KOM-LE-A_2179-01", "KOM-LE-A_2050-05"),
)
def test_restored(foreign: ForeignClientModule, mail: bytes) -> None:
    """From the KAS of the other provider, with both notes; without a password (OpenAPI)."""
    got = foreign.fetched(foreign.large(mail, foreign.uploaded(mail)))
    assert results(got) == ("00", ["01"], [])
    assert got["Subject"] == "Röntgenbild"
    assert got["Return-Path"] == f"<{foreign.sender}>"
    assert got["Received"] is not None
    text, scan = got.iter_parts()
    lines = text.get_content().splitlines()
    assert lines[:3] == ["Anbei die Aufnahme.", ".", ".Punkt"]
    assert lines[-3:] == [texts.NOTE_LINE, texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED]
    assert scan.get_content() == SCAN
    assert downloads(foreign.kim) == 1


@pytest.mark.requirement("A_23512")
@pytest.mark.parametrize("told", ["header", "structure"])
def test_large_mails_are_not_enabled(foreign: ForeignClientModule, mail: bytes, told: str) -> None:
    """4018: nothing is downloaded, and the report holds the message as it came."""
    kim, part = foreign.kim, foreign.uploaded(mail)
    if told == "header":
        message = foreign.large(mail, part, **{SIZE_HEADER: str(HUGE)})
    else:
        message = foreign.large(mail, replace(part, size=HUGE), **{SIZE_HEADER: "viel"})
    foreign.send(message)
    (stored,) = kim.stored("kasse")
    got = read(kim.fetch("kasse"))
    assert results(got) == (None, [], ["4018"])
    assert got["Subject"] == texts.SUBJECT_NOT_ENABLED
    assert text_of(got) == texts.NOT_ENABLED.format(address=foreign.recipient)
    assert (got["From"], got["To"]) == (foreign.sender, foreign.recipient)
    assert embedded(got).as_bytes(policy=email.policy.SMTP).strip() == stored.strip()
    assert downloads(kim) == 0


@pytest.mark.requirement("A_23512", "KOM-LE-A_2029")
def test_forwarded_to_oneself_after_enabling(foreign: ForeignClientModule, mail: bytes) -> None:
    """The directory is asked again when what is known has no ``+`` (FAQ)."""
    kim = foreign.kim
    message = foreign.large(mail, foreign.uploaded(mail), **{SIZE_HEADER: str(HUGE)})
    report = foreign.fetched(message)
    assert results(report)[2] == ["4018"]
    enable_large_mails(kim, foreign.recipient)
    forwarded = kim.mail("kasse", "kasse", text="Bitte noch einmal")
    forwarded.add_attachment(report)
    kim.send("kasse", "kasse", mail=forwarded)
    got = read(kim.fetch("kasse"))
    assert results(got) == ("00", ["01"], [])
    assert got["From"] == foreign.sender


def assert_not_downloaded(got: EmailMessage, foreign: ForeignClientModule) -> None:
    assert results(got) == (None, [], ["4006"])
    assert got["Subject"] == texts.SUBJECT_NOT_DOWNLOADED
    assert text_of(got) == texts.NOT_DOWNLOADED.format(address=foreign.recipient)
    assert embedded(got)["X-KOM-LE-Version"] == "1.5"


@pytest.mark.requirement("A_19370-04")
@pytest.mark.parametrize(
    "effect",
    [
        {"kind": "reply", "code": 500},
        {"kind": "drop"},
        {"kind": "truncate"},
        {"kind": "reply", "code": 403},
    ],
    ids=lambda effect: "-".join(map(str, effect.values())),
)
def test_download_fails(foreign: ForeignClientModule, mail: bytes, effect: dict[str, int]) -> None:
    kim = foreign.kim
    message = foreign.large(mail, foreign.uploaded(mail))
    kim.fault(kim.provider("praxis"), "REST.readMailData", **effect)
    assert_not_downloaded(foreign.fetched(message), foreign)


@pytest.mark.requirement("A_19370-04")
def test_download_again_by_forwarding(foreign: ForeignClientModule, mail: bytes) -> None:
    """What A_19370-04 offers: forwarded to oneself, the download is tried again."""
    kim = foreign.kim
    kim.fault(kim.provider("praxis"), "REST.readMailData", kind="reply", code=500)
    report = foreign.fetched(foreign.large(mail, foreign.uploaded(mail)))
    kim.ask(kim.provider("praxis"), "DELETE", "/faults")
    forwarded = kim.mail("kasse", "kasse")
    forwarded.add_attachment(report)
    kim.send("kasse", "kasse", mail=forwarded)
    got = read(kim.fetch("kasse"))
    assert got["X-KIM-DecryptionResult"] == "00"


@pytest.mark.requirement("A_22412-01")
def test_too_many_downloads(foreign: ForeignClientModule, mail: bytes) -> None:
    kim = foreign.kim
    message = foreign.large(mail, foreign.uploaded(mail))
    kim.fault(kim.provider("praxis"), "REST.readMailData", kind="reply", code=429)
    got = foreign.fetched(message)
    assert results(got) == (None, [], ["4013"])
    assert got["Subject"] == texts.SUBJECT_NOT_DOWNLOADED
    assert text_of(got) == texts.TOO_MANY_DOWNLOADS
    assert embedded(got)["X-KOM-LE-Version"] == "1.5"


def test_links_to_other_hosts_are_not_followed(foreign: ForeignClientModule, mail: bytes) -> None:
    """A sender does not choose what the client module connects to inside of the practice."""
    part = foreign.uploaded(mail)
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        port = inside.getsockname()[1]
        link = f"https://127.0.0.1:{port}/attachments/v2.4/attachment/1"
        assert_not_downloaded(
            foreign.fetched(foreign.large(mail, replace(part, link=link))), foreign
        )
        with pytest.raises(BlockingIOError):
            inside.accept()


@pytest.mark.requirement("A_19371-04")
@pytest.mark.parametrize("wrong", ["key", "data", "cut"])
def test_mail_data_cannot_be_decrypted(
    foreign: ForeignClientModule, mail: bytes, wrong: str
) -> None:
    made = sealed(mail)
    content, part = made.content, made.part
    match wrong:
        case "key":
            part = replace(part, k=bytes(32))
        case "data":
            content = content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]
        case _:
            content = content[:20]
    got = foreign.fetched(foreign.large(mail, replace(part, link=foreign.upload(content))))
    assert results(got) == ("00", ["01"], ["4007"])
    assert got["Subject"] == "Röntgenbild"
    assert got.get_content_type() == "text/plain"
    assert text_of(got) == texts.DATA_NOT_DECRYPTED


@pytest.mark.requirement("A_19372-03")
def test_hash_differs(foreign: ForeignClientModule, mail: bytes) -> None:
    got = foreign.fetched(foreign.large(mail, replace(foreign.uploaded(mail), hash=bytes(32))))
    assert results(got) == ("00", ["01"], ["4012"])
    assert text_of(got) == texts.DATA_DIFFER


def test_mail_data_of_another_originator(foreign: ForeignClientModule, mail: bytes) -> None:
    """KOM-LE-A_2048-01: what is shown as From is what was signed."""
    other = mail.replace(foreign.sender.encode(), b"fremd@zweit.kim.telematik-test", 1)
    got = foreign.fetched(foreign.large(mail, foreign.uploaded(other)))
    assert results(got) == ("00", ["08"], ["4014"])
    assert text_of(got) == texts.INTEGRITY_FAILED
    assert got["From"] == foreign.sender


def doubled(part: KasPart) -> bytes:
    inner = b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: x-kas\r\n\r\n"
    body = inner + part.to_json()
    return b"\r\n".join([b"--b", body, b"--b", body, b"--b--", b""])


@pytest.mark.requirement("A_19369-02")
@pytest.mark.parametrize("wrong", ["two", "no json", "name twice"])
def test_no_unambiguous_structure(foreign: ForeignClientModule, mail: bytes, wrong: str) -> None:
    part = foreign.uploaded(mail)
    headers, _ = split_message(mail)
    change: dict[str, Callable[[bytes], bytes]] = {
        "no json": lambda small: small.replace(b'"link"', b"link"),
        "name twice": lambda small: small.replace(b"{", b'{"link":"https://x.example/",'),
    }
    if wrong == "two":
        headers.replace("Content-Type", "multipart/mixed; boundary=b")
        small = headers.to_bytes() + b"\r\n" + doubled(part)
    else:
        small = change[wrong](small_mail(headers, part))
    message = foreign.message(foreign.signed(small), mail=mail, version="1.5")
    got = foreign.fetched(message)
    assert results(got) == ("00", ["01"], ["X19369"])
    assert text_of(got) == texts.AMBIGUOUS
    assert downloads(foreign.kim) == 0


def test_version_1_5_without_structure(foreign: ForeignClientModule) -> None:
    """What lies on no KAS is a mail like any other."""
    got = foreign.fetched(foreign.message(foreign.signed(foreign.mail()), version="1.5"))
    assert results(got) == ("00", ["01"], [])
    assert text_of(got).splitlines()[0] == "Hallo"


@pytest.mark.requirement("KOM-LE-A_2040", "KOM-LE-A_2041")
def test_sizes_and_top_are_of_the_stored_message(foreign: ForeignClientModule, mail: bytes) -> None:
    """As Thunderbird fetches: UIDL, LIST, TOP, then RETR."""
    kim = foreign.kim
    foreign.send(foreign.large(mail, foreign.uploaded(mail)))
    (stored,) = kim.stored("kasse")
    pop3 = kim.pop3("kasse")
    user, password = kim.pop3_user("kasse")
    pop3.user(user)
    pop3.pass_(password)
    assert pop3.stat() == (1, len(stored))
    assert pop3.list()[1] == [f"1 {len(stored)}".encode()]
    uid = pop3.uidl()[1]
    top = b"\r\n".join(pop3.top(1, 20)[1])
    assert top.strip() == stored.partition(b"\r\n\r\n")[0]
    lines = pop3.retr(1)[1]
    assert b"X-KIM-DecryptionResult: 00" in lines
    assert pop3.uidl()[1] == uid
    pop3.quit()


@pytest.mark.requirement("A_19374-03", "A_19369-02", "A_23512")
def test_sent_and_fetched(kim: World) -> None:
    """From one client module to another and to itself, above the limit of one of them."""
    sent = kim.mail("radiologie", "radiologie", "zweite", text="Anbei die Aufnahme")
    sent.add_attachment(SCAN, maintype="image", subtype="jpeg", filename="bild.jpg")
    kim.send("radiologie", "radiologie", "zweite", mail=sent)
    for participant in ("radiologie", "zweite"):
        got = read(kim.fetch(participant))
        assert results(got) == ("00", ["01"], [])
        assert (got["Message-ID"], got["Subject"]) == (sent["Message-ID"], "Befund")
        text, scan = got.iter_parts()
        assert text.get_content().splitlines()[0] == "Anbei die Aufnahme"
        assert text.get_content().splitlines()[-1] == texts.NOTE_VERIFIED
        assert scan.get_content() == SCAN


@pytest.mark.requirement("A_19368", "A_22348", "A_19370-04")
def test_certificate_of_the_kas_is_revoked(foreign: ForeignClientModule, mail: bytes) -> None:
    kim = foreign.kim
    foreign.send(foreign.large(mail, foreign.uploaded(mail)))
    kim.stored("kasse")
    place = urlsplit(kim.endpoints.providers["erst.kim.telematik-test"].kas or "")
    served = ssl.get_server_certificate((place.hostname or "", place.port or 0))
    serial = x509.load_pem_x509_certificate(served.encode()).serial_number
    assert kim.endpoints.pki is not None
    kim.ask(kim.endpoints.pki.control, "PUT", f"/certificates/{serial}", {"status": "revoked"})
    assert_not_downloaded(read(kim.fetch("kasse")), foreign)
    assert downloads(kim) == 0


@pytest.mark.requirement("A_23512")
def test_directory_does_not_answer(foreign: ForeignClientModule, mail: bytes) -> None:
    """Whether large mails are enabled is not known: the mail stays, and is fetched later."""
    kim = foreign.kim
    foreign.send(foreign.large(mail, foreign.uploaded(mail), **{SIZE_HEADER: str(HUGE)}))
    kim.stored("kasse")
    assert kim.endpoints.vzd is not None
    kim.fault(kim.endpoints.vzd.control, "*", kind="result", code=51)
    with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
        kim.fetch("kasse")
    kim.ask(kim.endpoints.vzd.control, "DELETE", "/faults")
    assert results(read(kim.fetch("kasse")))[2] == ["4018"]


@pytest.mark.requirement("KOM-LE-A_2039")
def test_client_that_is_gone_during_the_download(kim: World) -> None:
    """The download ends, too; the mail stays."""
    sent = kim.mail("radiologie", "radiologie")
    sent.add_attachment(SCAN, maintype="image", subtype="jpeg", filename="bild.jpg")
    kim.send("radiologie", "radiologie", mail=sent)
    kim.stored("radiologie")
    kim.fault(kim.provider("radiologie"), "REST.readMailData", kind="delay", seconds=0.3)
    pop3 = kim.pop3("radiologie")
    user, password = kim.pop3_user("radiologie")
    pop3.user(user)
    pop3.pass_(password)
    pop3.sock.sendall(b"RETR 1\r\n")
    pop3.close()
    deadline = time.monotonic() + 20
    ended: list[dict[str, Any]] = []
    while not ended:
        assert time.monotonic() < deadline
        ended = [e for e in kim.journal(kim.module("radiologie")) if e["step"] == "readMailData"]
    assert ended[0]["data"]["failed"] == "GeneratorExit"
    kim.ask(kim.provider("radiologie"), "DELETE", "/faults")
    while True:  # until the provider has noticed and unlocks the mailbox
        with suppress(poplib.error_proto):
            assert results(read(kim.fetch("radiologie"))) == ("00", ["01"], [])
            return
        assert time.monotonic() < deadline


@pytest.mark.requirement("A_19370-04", "KOM-LE-A_2184")
@pytest.mark.parametrize("what", ["silent", "larger than announced"])
def test_limits_of_a_download(kim: World, mail: bytes, what: str) -> None:
    """CM_KAS_TIMEOUT, and the limit for mails that count as small by what they announce."""
    foreign = ForeignClientModule(kim, "radiologie")
    own = mail.replace(kim.address("kasse").encode(), foreign.recipient.encode())
    part = foreign.uploaded(own)
    if what == "silent":
        kim.fault(kim.provider("praxis"), "REST.readMailData", kind="delay", seconds=3)
    else:
        part = replace(part, size=100)
    assert_not_downloaded(foreign.fetched(foreign.large(own, part)), foreign)
