"""The KOM-LE S/MIME profile, rule by rule; the ids are those of gemSMIME_KOMLE."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import komle
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, split_message

MAIL = (
    b"Received: from pvs\r\n"
    b"DATE: Mon, 23 Nov 2026 12:00:00 +0100\r\n"
    b'From: "Praxis M\xfcller"\r\n\t<praxis@x.kim.telematik-test>\r\n'
    b"Sender: praxis@x.kim.telematik-test\r\n"
    b"Reply-To: praxis@x.kim.telematik-test\r\n"
    b"To: kasse@y.kim.telematik-test,\r\n klinik@y.kim.telematik-test\r\n"
    b"Cc: facharzt@x.kim.telematik-test\r\n"
    b"Bcc: archiv@x.kim.telematik-test\r\n"
    b"Subject: TEAU0_geheim\r\n"
    b"Message-ID: <1@pvs>\r\n"
    b"In-Reply-To: <0@pvs>\r\n"
    b"X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n"
    b"x-kim-sendersystem: PVS;1.0\r\n"
    b"X-Mailer: PVS\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"Befund\r\n"
)


def outer(mail: bytes = MAIL, **extra: str) -> tuple[Headers, bytes]:
    return split_message(
        komle.outer_message(mail, bytes(range(256)) * 8, version=komle.VERSION_PLAIN, extra=extra)
    )


@pytest.mark.requirement("KOM-LE-A_2098-03", "KOM-LE-A_2101-01")
@pytest.mark.parametrize(
    "name", [*komle.COPIED_HEADERS, "X-KIM-Dienstkennung", "X-KIM-Sendersystem"]
)
def test_2098_03_and_2101_01_outer_fields_are_the_inner_ones_byte_for_byte(name: str) -> None:
    inner, _ = split_message(MAIL)
    assert outer()[0].raw(name) == inner.raw(name) != []


@pytest.mark.parametrize("name", ["In-Reply-To", "X-Mailer", "Received"])
def test_2098_03_nothing_else_goes_outside(name: str) -> None:
    assert outer()[0].get(name) is None


@pytest.mark.requirement("KOM-LE-A_2102")
def test_2102_the_subject_gives_nothing_away() -> None:
    assert outer()[0].get_all("Subject") == ["KOM-LE-Nachricht"]
    assert b"geheim" not in komle.outer_message(MAIL, b"", version="1.0", extra={})


@pytest.mark.requirement("KOM-LE-A_2099", "KOM-LE-A_2100-02")
@pytest.mark.parametrize("version", [komle.VERSION_PLAIN, komle.VERSION_KAS])
def test_2099_and_2100_02_the_version_is_written_and_found(version: str) -> None:
    message = komle.outer_message(MAIL, b"x", version=version, extra={})
    headers, _ = split_message(message)
    assert komle.is_komle(headers)
    assert komle.version(headers) == version


@pytest.mark.requirement("A_21390")
def test_a_21390_a_mail_without_version_is_no_komle_message() -> None:
    headers, _ = split_message(MAIL)
    assert not komle.is_komle(headers)
    assert komle.version(headers) is None


def test_the_modules_own_fields_take_the_place_of_inner_ones() -> None:
    headers, _ = outer(**{"X-KIM-Dienstkennung": "KIM-Mail;Default;V1.0", "Expires": "later"})
    assert headers.get_all("X-KIM-Dienstkennung") == ["KIM-Mail;Default;V1.0"]
    assert headers.get("Expires") == "later"


@pytest.mark.requirement("KOM-LE-A_2104", "KOM-LE-A_2193")
def test_2104_the_outer_body_is_base64_of_an_authenticated_enveloped_data() -> None:
    headers, body = outer()
    assert headers.get("MIME-Version") == "1.0"
    content_type = headers.get("Content-Type")
    assert content_type is not None
    assert re.fullmatch(
        r"application/pkcs7-mime;\s+smime-type=authenticated-enveloped-data; name=smime\.p7m",
        content_type,
    )
    assert headers.get("Content-Transfer-Encoding") == "base64"
    assert headers.get("Content-Disposition") == "attachment; filename=smime.p7m"
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert base64.b64decode(body) == bytes(range(256)) * 8


@given(st.binary(max_size=3000))
def test_the_cms_comes_out_as_it_went_in(cms: bytes) -> None:
    message = komle.outer_message(MAIL, cms, version="1.0", extra={})
    assert komle.encrypted_cms(message) == cms
    assert komle.signed_cms(komle.signed_entity(cms)) == cms


@pytest.mark.requirement("KOM-LE-A_2097")
@given(st.binary(max_size=500))
def test_2097_the_client_mail_comes_out_as_it_went_in(mail: bytes) -> None:
    wrapped = komle.wrap_client_mail(mail)
    assert wrapped.startswith(b"Content-Type: message/rfc822\r\n\r\n")
    assert wrapped.endswith(b"\r\n")
    assert komle.client_mail(wrapped) in {mail, mail + b"\r\n"}


def test_the_stages_of_the_official_sample(spec: Callable[[str], Path]) -> None:
    """The entity inside the sample's envelope is broken: lone CR and LF of the DER became CRLF."""

    def stage(name: str) -> bytes:
        return spec(f"api-kim/SMIME-Profil/inputEmail.txt.{name}").read_bytes()

    wrapped, signed = stage("01.rfc822wrap"), stage("02.signedcms")
    assert komle.wrap_client_mail(komle.client_mail(wrapped)) == wrapped
    mangled = re.sub(rb"\r\n|\r|\n", b"\r\n", signed)
    assert komle.signed_entity(mangled) == stage("03.signedwrap")
    assert komle.signed_cms(stage("03.signedwrap")) == mangled
    assert komle.encrypted_cms(stage("05.encryptedwrap")) == stage("04.encryptedcms")
    sample, _ = split_message(stage("05.encryptedwrap"))
    mail = komle.client_mail(wrapped)
    assert komle.differing_headers(sample, split_message(mail)[0]) == ()
    ours, _ = split_message(
        komle.outer_message(mail, stage("04.encryptedcms"), version="1.0", extra={})
    )
    assert {name.lower() for name in ours.names()} == {name.lower() for name in sample.names()}
    for name in ("From", "To", "Message-ID", "X-KIM-Dienstkennung", "Subject", "X-KOM-LE-Version"):
        assert ours.get(name) == sample.get(name)


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_2048_01_addresses_are_compared_as_sets() -> None:
    inner, _ = split_message(MAIL)
    same = Headers.parse(
        b"From: PRAXIS@x.kim.telematik-test\r\n"
        b"Sender: Dr. X <praxis@x.kim.telematik-test>\r\n"
        b"Reply-To: <praxis@x.kim.telematik-test>\r\n"
        b"To: klinik@y.kim.telematik-test, (Krankenkasse) kasse@y.kim.telematik-test\r\n"
        b"Cc: facharzt@x.kim.telematik-test\r\n"
    )
    assert komle.differing_headers(same, inner) == ()


@pytest.mark.requirement("KOM-LE-A_2048-01")
@pytest.mark.parametrize("name", komle.COMPARED_HEADERS)
@pytest.mark.parametrize("change", ["replaced", "removed", "added"])
def test_2048_01_every_altered_field_is_named(name: str, change: str) -> None:
    inner, _ = split_message(MAIL)
    altered, _ = outer()
    if change == "replaced":
        altered.replace(name, "mallory@x.kim.telematik-test")
    elif change == "removed":
        altered.remove(name)
    else:
        altered.append(name, "mallory@x.kim.telematik-test")
    assert komle.differing_headers(altered, inner) == (name,)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Content-Type: text/plain\r\n\r\nx",
        b"Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n\r\nx",
        b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAAA",
        b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: x-own\r\n\r\nx",
    ],
)
def test_another_entity_is_refused(message: bytes) -> None:
    for read in (komle.encrypted_cms, komle.signed_cms, komle.client_mail):
        with pytest.raises(FormatError):
            read(message)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (komle.encrypted_cms, komle.signed_cms, komle.client_mail):
        for prefix in (b"", b"Content-Type: application/pkcs7-mime;"):
            try:
                read(prefix + data)
            except FormatError:
                continue
