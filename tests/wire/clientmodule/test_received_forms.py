"""What arrives in many forms: texts, charsets, headers, certificates, ways of fetching."""

from __future__ import annotations

import email
import email.policy
import poplib
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from clientmodule import texts
from tests.foreign_clientmodule import ForeignClientModule, results, text_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World

UMLAUTS = "Grüße aus Jülich\r\n"
ELSEWHERE = "jemand@zweit.kim.telematik-test"


@pytest.fixture
def foreign(kim: World) -> ForeignClientModule:
    return ForeignClientModule(kim)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def written(kim: World, charset: str, cte: str, subtype: str) -> EmailMessage:
    text = UMLAUTS if subtype == "plain" else f"<html><body>{UMLAUTS}</body></html>\r\n"
    mail = kim.mail("praxis", "kasse")
    mail.set_content(text, charset=charset, cte=cte, subtype=subtype)
    return mail


@pytest.mark.requirement("KOM-LE-A_2179-01", "KOM-LE-A_2050-05")
@pytest.mark.parametrize(
    ("charset", "cte", "subtype"),
    [
        ("utf-8", "8bit", "plain"),
        ("utf-8", "base64", "plain"),
        ("iso-8859-1", "quoted-printable", "plain"),
        ("utf-8", "quoted-printable", "html"),
        ("iso-8859-1", "base64", "html"),
    ],
)
def test_notes_in_the_format_of_the_text(kim: World, charset: str, cte: str, subtype: str) -> None:
    kim.send("praxis", "kasse", mail=written(kim, charset, cte, subtype))
    got = read(kim.fetch("kasse"))
    assert (got["X-KIM-DecryptionResult"], got["X-KIM-IntegrityCheckResult"]) == ("00", "01")
    assert got.get_content_charset() == charset
    content = got.get_content()
    assert "Grüße aus Jülich" in content
    for note in (texts.NOTE_LINE, texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED):
        assert content.count(note) == 1
    if subtype == "html":
        assert content.index(texts.NOTE_VERIFIED) < content.index("</body>")
    else:
        notes = [texts.NOTE_LINE, texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED]
        assert content.splitlines()[-3:] == notes


@pytest.mark.requirement("KOM-LE-A_2179-01", "KOM-LE-A_2050-05")
def test_notes_in_both_forms_of_an_alternative(kim: World) -> None:
    mail = kim.mail("praxis", "kasse", text=UMLAUTS)
    mail.add_alternative(f"<p>{UMLAUTS}</p>", subtype="html")
    mail.add_attachment("Anhang äöü", filename="anhang.txt")
    kim.send("praxis", "kasse", mail=mail)
    got = read(kim.fetch("kasse"))
    for kind in ("plain", "html"):
        body = got.get_body((kind,))
        assert body is not None
        assert body.get_content().count(texts.NOTE_DECRYPTED) == 1
    (attachment,) = got.iter_attachments()
    assert attachment.get_content().splitlines() == ["Anhang äöü"]


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_folded_headers_are_the_same(foreign: ForeignClientModule) -> None:
    """Folding, display names and order carry no meaning."""
    many = [f"person{number}@erst.kim.telematik-test" for number in range(12)]
    plain = (f"From: {foreign.sender}", f"To: {foreign.recipient}", f"Reply-To: {', '.join(many)}")
    folded = (
        f"from: =?utf-8?q?Praxis_M=C3=BCller?=\r\n\t<{foreign.sender}>",
        f"TO:\r\n {foreign.recipient}",
        "Reply-To: " + ",\r\n\t".join(reversed(many)),
    )
    entity = foreign.signed(foreign.mail(*plain))
    got = foreign.fetched(foreign.message(entity, mail=foreign.mail(*folded)))
    assert results(got) == ("00", ["01"], [])


@pytest.mark.requirement("KOM-LE-A_2043", "KOM-LE-A_2044")
def test_user_name_in_another_case(kim: World) -> None:
    kim.send("praxis", "kasse")
    kim.stored("kasse")
    user, password = kim.pop3_user("kasse")
    address, _, rest = user.partition("#")
    pop3 = kim.pop3("kasse")
    pop3.user(f"{address.upper()}#{rest}")
    pop3.pass_(password)
    assert b"X-KIM-DecryptionResult: 00" in pop3.retr(1)[1]
    pop3.quit()


@pytest.mark.requirement("A_17464", "A_17472", "KOM-LE-A_2108", "KOM-LE-A_2061")
@pytest.mark.parametrize("kinds", [("RSA", "ECC"), ("ECC", "RSA")])
def test_certificates_of_both_kinds(foreign: ForeignClientModule, kinds: tuple[str, ...]) -> None:
    """Encrypted for RSA and ECC, and signed with the last."""
    kim = foreign.kim
    holders = [(who, kim.certificates(who, "C.ENC")) for who in ("praxis", "kasse")]
    foreign.emails = [(kim.address(w), found[k].certificate) for w, found in holders for k in kinds]
    foreign.certificates = [certificate for _, certificate in foreign.emails]
    foreign.signer = kim.certificates("praxis", "C.SIG")[kinds[-1]]
    got = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    assert results(got) == ("00", ["01"], [])


@pytest.mark.requirement("KOM-LE-A_2043", "KOM-LE-A_2060")
def test_one_of_several_certificates_of_the_user(foreign: ForeignClientModule) -> None:
    """The card of one is here, that of the other is not."""
    absent = foreign.kim.certificates("eilig", "C.ENC")["ECC"].certificate
    foreign.emails.insert(0, (foreign.recipient, absent))
    foreign.certificates.insert(0, absent)
    got = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    assert results(got) == ("00", ["01"], [])


@pytest.mark.requirement("KOM-LE-A_2045", "KOM-LE-A_2059")
def test_the_key_of_another_user_is_not_used(foreign: ForeignClientModule) -> None:
    """The card at hand could decrypt, but it stands there for somebody else."""
    own = foreign.kim.certificates("kasse", "C.ENC")["ECC"].certificate
    absent = foreign.kim.certificates("eilig", "C.ENC")["ECC"].certificate
    foreign.emails = [(ELSEWHERE, own), (foreign.recipient, absent)]
    foreign.certificates = [own, absent]
    got = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    assert results(got) == ("01", [], ["4009"])


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_recipients_in_another_order(foreign: ForeignClientModule) -> None:
    entity = foreign.signed(foreign.mail())
    foreign.emails.reverse()
    assert results(foreign.fetched(foreign.message(entity))) == ("00", ["01"], [])


@pytest.mark.requirement("A_17464", "A_17472")
@pytest.mark.parametrize(("sender", "recipient"), [("praxis", "eilig"), ("eilig", "praxis")])
def test_between_releases(kim: World, sender: str, recipient: str) -> None:
    """1.5.2-8 (eilig) and 1.5.2-9 choose otherwise and understand each other."""
    kim.send(sender, recipient)
    got = read(kim.fetch(recipient))
    assert (got["X-KIM-DecryptionResult"], got["X-KIM-IntegrityCheckResult"]) == ("00", "01")


@pytest.mark.requirement("KOM-LE-A_2006")
def test_a_dot_between_bare_line_feeds_ends_nothing(foreign: ForeignClientModule) -> None:
    """What a sender has signed cannot pass for answers of the server (RFC 1939, 3)."""
    mail = foreign.mail() + b"vorher\n.\n-ERR gelogen\n+OK\r\n"
    got = foreign.fetched(foreign.message(foreign.signed(mail)))
    assert text_of(got).splitlines()[:5] == ["Hallo", "vorher", ".", "-ERR gelogen", "+OK"]
    assert text_of(got).splitlines()[-1] == texts.NOTE_VERIFIED


@pytest.mark.requirement("KOM-LE-A_2029", "KOM-LE-A_2046", "KOM-LE-A_2062")
@pytest.mark.parametrize("missing", ["card", "Konnektor"])
def test_second_decryption(kim: World, missing: str) -> None:
    """An error mail, forwarded to oneself as attachment, is decrypted when it is fetched again."""
    sent = kim.send("praxis", "kasse")
    control, card = kim.konnektor("kasse"), kim.card("kasse")
    if missing == "card":
        kim.ask(control, "POST", f"/cards/{card}/remove")
    else:
        kim.fault(control, "DecryptDocument", kind="drop")
    report = read(kim.fetch("kasse"))
    assert report["X-KIM-Fehlermeldung"] == ("4009" if missing == "card" else "4011")
    if missing == "card":
        kim.ask(control, "POST", f"/cards/{card}/insert")
    else:
        kim.ask(control, "DELETE", "/faults")
    forwarded = kim.mail("kasse", "kasse", text="siehe Anhang")
    forwarded.add_attachment(report)
    kim.send("kasse", "kasse", mail=forwarded)
    again = read(kim.fetch("kasse"))
    assert (again["X-KIM-DecryptionResult"], again["X-KIM-IntegrityCheckResult"]) == ("00", "01")
    assert (again["From"], again["Message-ID"]) == (kim.address("praxis"), sent["Message-ID"])
    assert text_of(again).splitlines()[0] == "Guten Tag"


def fetched_as_thunderbird(kim: World, participant: str) -> tuple[bytes, bytes]:
    """Return what TOP and RETR show, in the order of commands that Thunderbird sends."""
    user, password = kim.pop3_user(participant)
    pop3 = kim.pop3(participant)
    assert {"TOP", "UIDL", "USER", "SASL"} <= set(pop3.capa())
    pop3.user(user)
    pop3.pass_(password)
    count, size = pop3.stat()
    assert (count, pop3.list()[1]) == (1, [f"1 {size}".encode()])
    (uid,) = pop3.uidl()[1]
    with pytest.raises(poplib.error_proto):
        pop3._shortcmd("XTND XLST Message-Id")  # type: ignore[attr-defined]
    top = b"\r\n".join(pop3.top(1, 20)[1])
    pop3.quit()
    pop3 = kim.pop3(participant)  # the rest is loaded later, by the UID
    pop3.user(user)
    pop3.pass_(password)
    assert pop3.uidl()[1] == [uid]
    whole = b"\r\n".join(pop3.retr(1)[1])
    pop3.dele(1)
    pop3.quit()
    return top, whole


@pytest.mark.requirement("KOM-LE-A_2003", "KOM-LE-A_2040", "KOM-LE-A_2041")
@pytest.mark.parametrize("participant", ["kasse", "eilig"])
def test_as_thunderbird_fetches(kim: World, participant: str) -> None:
    """Headers first, then the message; ``eilig`` hides MIME-Version from the first."""
    kim.send("praxis", participant)
    (stored,) = kim.stored(participant)
    top, whole = fetched_as_thunderbird(kim, participant)
    headers = stored.partition(b"\r\n\r\n")[0]
    if participant == "eilig":
        headers = headers.replace(b"MIME-Version: 1.0\r\n", b"")
    assert top.strip() == headers
    assert read(whole)["X-KIM-DecryptionResult"] == "00"
    kim.stored(participant, 0)
