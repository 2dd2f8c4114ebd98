"""Messages that another client module made: what this one says of their signature and form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from clientmodule import texts
from simulators.formats import komle
from tests.foreign_clientmodule import ForeignClientModule, results, text_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World

Change = Callable[[bytes], bytes]


@pytest.fixture
def foreign(kim: World) -> ForeignClientModule:
    return ForeignClientModule(kim)


SECURITY_TEXT = f"{texts.INTEGRITY_FAILED} {texts.INTEGRITY_EMBEDDED}"


@pytest.mark.requirement("KOM-LE-A_2042", "KOM-LE-A_2048-01")
def test_well_made(foreign: ForeignClientModule) -> None:
    mail = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    assert results(mail) == ("00", ["01"], [])
    assert text_of(mail).splitlines()[0] == "Hallo"


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_addresses_may_be_written_in_another_case(foreign: ForeignClientModule) -> None:
    """KOM-LE-A_2048-01: addresses are compared without case, in headers and recipient-emails."""
    emails = [address.upper() for address, _ in foreign.emails]
    outer = foreign.mail(f"From: {foreign.sender.upper()}", f"To: <{foreign.recipient.upper()}>")
    entity = foreign.signed(foreign.mail(), emails=emails)
    assert results(foreign.fetched(foreign.message(entity, mail=outer))) == ("00", ["01"], [])


@pytest.mark.requirement("KOM-LE-A_2048-01", "KOM-LE-A_2127")
def test_recipient_emails_differ(foreign: ForeignClientModule) -> None:
    """KOM-LE-A_2048-01: result 09, 4015: re-encrypted so that another user decrypts it."""
    other = [foreign.sender, "jemand@zweit.kim.telematik-test"]
    mail = foreign.fetched(foreign.message(foreign.signed(foreign.mail(), emails=other)))
    assert results(mail) == ("00", ["09"], ["4015"])
    assert text_of(mail) == SECURITY_TEXT


@pytest.mark.requirement("KOM-LE-A_2048-01", "KOM-LE-A_2127")
def test_recipient_emails_not_signed(foreign: ForeignClientModule) -> None:
    mail = foreign.fetched(foreign.message(foreign.signed(foreign.mail(), emails=[])))
    assert results(mail) == ("00", ["09"], ["4015"])


@pytest.mark.requirement("KOM-LE-A_2048-01")
@pytest.mark.parametrize("name", ["From", "Sender", "Reply-To", "To", "Cc"])
def test_each_compared_header(foreign: ForeignClientModule, name: str) -> None:
    """KOM-LE-A_2048-01: result 08."""
    fields = {"From": foreign.sender, "To": foreign.recipient}
    inner = foreign.mail(
        *(f"{n}: {v}" for n, v in {**fields, name: "x@y.kim.telematik-test"}.items())
    )
    mail = foreign.fetched(foreign.message(foreign.signed(inner), mail=foreign.mail()))
    assert results(mail) == ("00", ["08"], ["4014"])
    assert text_of(mail) == SECURITY_TEXT


@pytest.mark.requirement("A_20650-05", "A_23165")
def test_several_failures_stand_side_by_side(foreign: ForeignClientModule) -> None:
    """A_20650-05: each code once."""
    inner = foreign.mail("From: x@y.kim.telematik-test", f"To: {foreign.recipient}")
    entity = foreign.signed(inner, emails=["x@y", "z@y"])
    assert results(foreign.fetched(foreign.message(entity))) == (
        "00",
        ["08", "09"],
        ["4014", "4015"],
    )


@pytest.mark.requirement("KOM-LE-A_2050-05")
def test_certificate_status_cannot_be_checked(foreign: ForeignClientModule) -> None:
    """KOM-LE-A_2050-05: result 07 is as good as 01, with both notes."""
    kim = foreign.kim
    assert kim.endpoints.pki is not None
    kim.fault(kim.endpoints.pki.control, "OCSP", kind="http_status", code=503)
    mail = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    assert results(mail) == ("00", ["07"], [])
    assert text_of(mail).splitlines()[-2:] == [texts.NOTE_DECRYPTED, texts.NOTE_VERIFIED]


@pytest.mark.requirement("A_23165")
def test_signature_of_a_card_nobody_trusts_for_it(foreign: ForeignClientModule) -> None:
    """Any other verdict of the Konnektor is an error mail, never a delivered mail."""
    foreign.signer = foreign.kim.certificates("kasse", "C.SIG")["ECC"]
    serial = foreign.signer.certificate.serial_number
    assert foreign.kim.endpoints.pki is not None
    control = foreign.kim.endpoints.pki.control
    foreign.kim.ask(control, "PUT", f"/certificates/{serial}", {"status": "revoked"})
    mail = foreign.fetched(foreign.message(foreign.signed(foreign.mail())))
    decryption, (integrity,), _ = results(mail)
    assert decryption == "00"
    assert integrity in ("05", "06")
    assert text_of(mail) == SECURITY_TEXT


@pytest.mark.requirement("A_23165")
def test_not_signed(foreign: ForeignClientModule) -> None:
    """Result 03: what was decrypted is no signed-data."""
    mail = foreign.fetched(foreign.message(komle.wrap_client_mail(foreign.mail())))
    assert results(mail)[:2] == ("00", ["03"])
    assert text_of(mail) == SECURITY_TEXT


@pytest.mark.requirement("A_23165")
@pytest.mark.parametrize("damage", ["no CMS", "no message/rfc822"])
def test_signature_of_wrong_format(foreign: ForeignClientModule, damage: str) -> None:
    """Result 04."""
    if damage == "no CMS":
        entity = komle.signed_entity(b"0\x80kein CMS")
    else:
        entity = foreign.signed(b"Content-Type: text/plain\r\n\r\nHallo\r\n", wrap=False)
    mail = foreign.fetched(foreign.message(entity))
    assert results(mail)[:2] == ("00", ["04"])
    assert text_of(mail) == SECURITY_TEXT


def replaced(old: bytes, new: bytes) -> Change:
    def change(message: bytes) -> bytes:
        assert old in message
        return message.replace(old, new)

    return change


def body(change: Change) -> Change:
    def changed(message: bytes) -> bytes:
        headers, _, content = message.partition(b"\r\n\r\n")
        return headers + b"\r\n\r\n" + change(content)

    return changed


@pytest.mark.requirement("KOM-LE-A_2046", "KOM-LE-A_2047-02")
@pytest.mark.parametrize(
    "damage",
    [
        replaced(b"application/pkcs7-mime", b"text/plain"),
        replaced(b"authenticated-enveloped-data", b"enveloped-data"),
        replaced(b"Encoding: base64", b"Encoding: x-eigen"),
        body(lambda content: content[: len(content) // 2]),
        body(lambda content: b"!" + content[5:]),
        body(lambda _: b""),
        body(lambda _: komle.base64_lines(b"0\x82\xff\xff" + bytes(50))),
    ],
    ids=["type", "smime-type", "encoding", "cut", "shifted", "empty", "no asn.1"],
)
def test_wrong_format(foreign: ForeignClientModule, damage: Change) -> None:
    """KOM-LE-A_2047-02, result 02."""
    mail = foreign.fetched(damage(foreign.message(foreign.signed(foreign.mail()))))
    assert results(mail) == ("02", [], ["4010"])
    assert text_of(mail) == texts.WRONG_FORMAT


@pytest.mark.requirement("KOM-LE-A_2043", "KOM-LE-A_2045")
def test_without_an_entry_for_the_user(foreign: ForeignClientModule) -> None:
    """KOM-LE-A_2045: no entry in recipient-emails, no key is tried."""
    message = foreign.message(foreign.signed(foreign.mail()), named=False)
    assert results(foreign.fetched(message)) == ("01", [], ["4009"])


@pytest.mark.requirement("A_21391-02", "A_20650-05")
@pytest.mark.parametrize("version", ["1.1", "2.0", "", "1.0.0"])
def test_version_not_supported(foreign: ForeignClientModule, version: str) -> None:
    """A_21391-02."""
    message = foreign.message(foreign.signed(foreign.mail()))
    mail = foreign.fetched(
        replaced(b"Version: 1.0\r\n", f"Version: {version}\r\n".encode())(message)
    )
    assert results(mail) == (None, [], ["4008"])
    assert mail["Subject"] == texts.SUBJECT_VERSION
    assert text_of(mail) == texts.VERSION_UNSUPPORTED.format(version=version)


def test_rsa(foreign: ForeignClientModule) -> None:
    """KOM-LE-A_2109, A_17464: what was made with RSA alone is opened as well."""
    kim = foreign.kim
    foreign.signer = kim.certificates("praxis", "C.SIG")["RSA"]
    foreign.certificates = [
        kim.certificates(w, "C.ENC")["RSA"].certificate for w in ("praxis", "kasse")
    ]
    foreign.emails = [
        (kim.address(who), certificate)
        for who, certificate in zip(("praxis", "kasse"), foreign.certificates, strict=True)
    ]
    assert results(foreign.fetched(foreign.message(foreign.signed(foreign.mail())))) == (
        "00",
        ["01"],
        [],
    )


@pytest.mark.requirement("A_21390", "KOM-LE-A_2042")
def test_no_komle_message(foreign: ForeignClientModule) -> None:
    """A_21390: passed on unchanged, whatever it says otherwise."""
    kim = foreign.kim
    foreign.send(
        foreign.mail(
            f"From: {foreign.sender}", f"To: {foreign.recipient}", "X-KIM-DecryptionResult: 00"
        )
    )
    (stored,) = kim.stored("kasse")
    assert kim.fetch("kasse") == stored
