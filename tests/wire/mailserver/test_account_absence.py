"""Notes of absence: how they are set, who is answered, on the provider's virtual clock."""

from __future__ import annotations

import ssl
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from simulators.process.tls import client_context
from tests.account_manager_site import (
    OWNED,
    AccountSite,
)
from tests.mail_providers import FACHARZT, mail

NOTE = {
    "startDate": "2021-07-20T17:32:28Z",
    "endDate": "2199-07-28T17:32:28+02:00",
    "message": "Praxis geschlossen.\r\nVertretung: Dr. Müller",
    "active": True,
}


def send(site: AccountSite, recipient: str = OWNED, **changes: Any) -> None:
    with site.provider.smtp(FACHARZT) as client:
        client.sendmail(FACHARZT, [recipient], mail(FACHARZT, recipient, **changes))


def answers(site: AccountSite, address: str = FACHARZT) -> list[Message]:
    return [message_from_bytes(raw) for raw in site.provider.mails(address)]


@pytest.mark.requirement("KOM-LE-A_2224")
def test_note_is_read_as_it_was_set_and_survives(site: AccountSite) -> None:
    assert site.call("GET", "/outofoffice").content == {"active": False}
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", "/outofoffice").content == {**NOTE, "endDate": "2199-07-28T15:32:28Z"}
    assert site.call("PUT", "/outofoffice", {"active": False}).status == 204
    kept = site.call("GET", "/outofoffice").content
    assert kept["active"] is False
    assert kept["message"] == NOTE["message"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"active": False},
        {k: v for k, v in NOTE.items() if k != "message"},
        {**NOTE, "endDate": NOTE["startDate"]},
        {**NOTE, "startDate": "20.07.2021"},
        {**NOTE, "startDate": "2021-07-20T17:32:28"},
        {**NOTE, "message": "x" * 2049},
        {**NOTE, "message": "\x00"},
        {**NOTE, "active": "ja"},
    ],
)
def test_first_note_needs_all_values(site: AccountSite, body: Any) -> None:
    assert site.call("PUT", "/outofoffice", body).status == 400
    assert site.call("GET", "/outofoffice").content == {"active": False}


def test_activating_needs_all_values_each_time(site: AccountSite) -> None:
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    assert site.call("PUT", "/outofoffice", {"active": True}).status == 400
    without = {k: v for k, v in NOTE.items() if k != "active"}
    assert site.call("PUT", "/outofoffice", without).status == 204
    assert site.call("GET", "/outofoffice").content["active"] is False  # FAQ: missing is false


@pytest.mark.requirement("KOM-LE-A_2223", "KOM-LE-A_2277", "KOM-LE-A_2278")
def test_absence_is_told_once_to_a_sender_in_plain_text(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    send(site, message_id="<frage@cm.test>")
    send(site, message_id="<noch-eine@cm.test>")
    (answer,) = answers(site)
    assert answer["Return-Path"] == "<>"
    assert (answer["From"], answer["To"]) == (f"<{OWNED}>", f"<{FACHARZT}>")
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["In-Reply-To"] == answer["References"] == "<frage@cm.test>"
    assert answer.get_content_type() == "text/plain"  # KOM-LE-A_2277: not signed, not encrypted
    text = answer.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().split() == NOTE["message"].split()  # type: ignore[attr-defined]
    assert len(site.provider.mails(OWNED)) == 2
    site.provider.role.kill()
    site.provider.role.restart()
    send(site)
    assert len(answers(site)) == 1, "who was told is remembered"
    site.call("PUT", "/outofoffice", NOTE)
    send(site)
    assert len(answers(site)) == 2, "a new note is told anew"


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-generated\r\n",
        "Auto-Submitted: auto-replied; x=y\r\n",
        "Precedence: bulk\r\n",
        "List-Id: <liste.kv>\r\n",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n',
    ],
)
def test_automatic_mail_is_not_answered(site: AccountSite, headers: str) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    send(site, headers=headers)
    assert answers(site) == []
    assert len(site.provider.mails(OWNED)) == 1


@pytest.mark.parametrize("message_id", ["<a@b> Bcc: x@y", "<ä@b>", "a@b", f"<{'a' * 300}@b>"])
def test_answer_names_no_message_id_that_is_none(site: AccountSite, message_id: str) -> None:
    assert site.call("PUT", "/outofoffice", NOTE).status == 204
    with site.provider.smtp(FACHARZT) as client:
        head = f"From: {FACHARZT}\r\nTo: {OWNED}\r\nMessage-ID: {message_id}\r\n\r\n"
        client.sendmail(FACHARZT, [OWNED], head.encode(), ["BODY=8BITMIME"])
    (answer,) = answers(site)
    assert (answer["In-Reply-To"], answer["References"]) == (None, None)


def test_mail_without_sender_and_mail_to_oneself_are_not_answered(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", NOTE)
    with site.provider.smtp(OWNED) as client:
        client.sendmail(OWNED, [OWNED], mail(OWNED, OWNED))
    with site.provider.smtp(context=provider_context(site)) as other:
        other.sendmail("", [OWNED], mail("x@arv.kim.telematik-test", OWNED))
    assert len(site.provider.mails(OWNED)) == 2


def provider_context(site: AccountSite) -> ssl.SSLContext:
    return client_context(site.tree.ca, site.tree.tls("kv"))


def test_absence_begins_and_ends_on_the_virtual_clock(site: AccountSite) -> None:
    note = {**NOTE, "startDate": "2150-01-01T00:00:00Z", "endDate": "2150-01-02T00:00:00Z"}
    site.call("PUT", "/outofoffice", note)
    for moment, expected in (
        ("2149-12-31T23:59:00+00:00", 0),
        ("2150-01-01T12:00:00+00:00", 1),
        ("2150-01-02T00:01:00+00:00", 0),
    ):
        site.provider.role.ask("DELETE", f"/mailboxes/{FACHARZT}")
        assert site.provider.role.ask("PUT", "/clock", {"now": moment})[0] == 200
        send(site)
        assert len(answers(site)) == expected, moment


def test_inactive_note_is_silent(site: AccountSite) -> None:
    site.call("PUT", "/outofoffice", {**NOTE, "active": False})
    send(site)
    assert answers(site) == []
