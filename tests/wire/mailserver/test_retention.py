"""dataTimeToLive: mails are deleted when their days are over on the virtual clock."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable

import pytest

from tests.mail_providers import FACHARZT, KV, PRAXIS, RunningProvider, mail, wait_until

DAY = 86_400


@pytest.fixture(scope="module")
def running(start_provider: Callable[..., RunningProvider]) -> RunningProvider:
    """A provider that keeps mails for ten days."""
    return start_provider("kv", KV, [PRAXIS, FACHARZT], account={"data_time_to_live": 10})


@pytest.fixture
def provider(running: RunningProvider) -> RunningProvider:
    assert running.role.ask("POST", "/reset")[0] == 204
    return running


def advance(provider: RunningProvider, days: float) -> None:
    assert provider.role.ask("PUT", "/clock", {"advance_seconds": days * DAY})[0] == 200


def send(provider: RunningProvider, recipient: str, number: int) -> None:
    with provider.smtp(PRAXIS) as client:
        text = mail(PRAXIS, recipient, f"<{number}@cm.test>")
        client.sendmail(PRAXIS, [recipient], text)


def test_each_mail_goes_when_its_own_days_are_over(provider: RunningProvider) -> None:
    send(provider, FACHARZT, 1)
    advance(provider, 6)
    send(provider, FACHARZT, 2)
    send(provider, PRAXIS, 3)
    advance(provider, 3.9)
    with provider.pop3(FACHARZT) as client:
        assert client.stat()[0] == 2
        client.quit()
    advance(provider, 0.2)
    with provider.pop3(FACHARZT) as client:
        assert client.stat()[0] == 1
        assert b"Message-ID: <2@cm.test>" in client.retr(1)[1]
        client.quit()
    wait_until(lambda: len(provider.mailbox(FACHARZT)) == 1)
    assert [e["message_id"] for e in provider.steps("retention.deleted")] == ["<1@cm.test>"]
    advance(provider, 6)
    wait_until(lambda: provider.mailbox(FACHARZT) == [] and provider.mailbox(PRAXIS) == [])


def test_mail_that_expires_in_an_open_session_is_no_crash(provider: RunningProvider) -> None:
    send(provider, FACHARZT, 1)
    with provider.pop3(FACHARZT) as client:
        advance(provider, 11)
        wait_until(lambda: provider.mailbox(FACHARZT) == [])
        client.dele(1)
        client.quit()
    assert "Traceback" not in provider.role.log()


def test_mails_that_are_too_old_go_after_a_restart_too(provider: RunningProvider) -> None:
    send(provider, FACHARZT, 1)
    # The virtual clock starts at the real time again: the mail is to be from long ago.
    advance(provider, -20)
    send(provider, FACHARZT, 2)
    assert len(provider.mailbox(FACHARZT)) == 2
    provider.role.kill()
    provider.role.restart()
    wait_until(lambda: len(provider.mailbox(FACHARZT)) == 1)
    assert provider.mailbox(FACHARZT)[0]["message_id"] == "<1@cm.test>"


def test_owner_is_told_of_deleted_mails_where_the_provider_does_so(
    start_provider: Callable[..., RunningProvider],
) -> None:
    account = {"data_time_to_live": 10}
    provider = start_provider("kv", KV, [PRAXIS], account=account, deletion_notice=True)
    for number in (1, 2):
        send(provider, PRAXIS, number)
    advance(provider, 11)
    wait_until(lambda: [e["message_id"][:11] for e in provider.mailbox(PRAXIS)] == ["<geloescht."])
    (notice,) = provider.mails(PRAXIS)
    message = email.message_from_bytes(notice, policy=email.policy.SMTP)
    assert message["Subject"] == "Löschbenachrichtigung"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert "10 Tagen" in text
    assert all(f"<{number}@cm.test>, eingegangen am " in text for number in (1, 2))
    advance(provider, 11)
    wait_until(lambda: provider.mailbox(PRAXIS) == [])
    assert len(provider.steps("retention.deleted")) == 3
