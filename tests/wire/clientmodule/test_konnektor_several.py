"""Several Konnektoren and several sites in one client module."""

from __future__ import annotations

import email
import smtplib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.clientmodule_process import Module, access_to, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

SECOND = "Konn_2"


@pytest.fixture(scope="module")
def both(
    running_kim_world: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> Module:
    """A client module with the Konnektor of praxis and, as Konn_2, that of eilig."""
    kim = running_kim_world
    settings = settings_of(kim, "clientmodule-praxis")
    settings["konnektors"][SECOND] = access_to(kim, "eilig")
    settings["accounts"] |= settings_of(kim, "clientmodule-eilig")["accounts"]
    return Module(kim, start_role("clientmodule", settings))


def signed(kim: World, site: str) -> int:
    events = kim.journal(kim.konnektor(site))
    return sum(event["step"] == "SignDocument" for event in events)


@pytest.mark.requirement("A_21457", "KOM-LE-A_2094")
def test_each_mail_goes_through_the_konnektor_that_its_user_name_names(
    kim: World, both: Module
) -> None:
    """Both sessions at once; each Konnektor signs for its own site alone."""
    (user, password), (other, others_password) = kim.user("praxis"), kim.user("eilig")
    with both.smtp() as first, both.smtp() as second:
        first.login(user, password)
        second.login(f"{other}#{SECOND}", others_password)
        first.send_message(kim.mail("praxis", "kasse"))
        second.send_message(kim.mail("eilig", "kasse"))
    assert (signed(kim, "praxis"), signed(kim, "eilig")) == (1, 1)
    kim.stored("kasse", 2)


@pytest.mark.requirement("A_21517")
def test_each_mail_is_opened_by_the_konnektor_that_its_user_name_names(
    kim: World, both: Module
) -> None:
    """``*`` keeps the place of the UserId (A_21518-02)."""
    kim.send("kasse", "eilig")
    kim.stored("eilig")
    user, password = kim.pop3_user("eilig")
    assert user.count("#") == 4
    pop3 = both.pop3(f"{user}#*#{SECOND}", password)
    _, lines, _ = pop3.retr(1)
    pop3.quit()
    mail = email.message_from_bytes(b"\r\n".join(lines))
    assert mail["X-KIM-DecryptionResult"] == "00"
    opened = [e["step"] for e in kim.journal(kim.konnektor("eilig"))]
    assert "DecryptDocument" in opened
    assert "DecryptDocument" not in [e["step"] for e in kim.journal(kim.konnektor("praxis"))]


@pytest.mark.requirement("A_21457", "KOM-LE-A_2015-01")
def test_the_context_is_that_of_the_named_konnektor(kim: World, both: Module) -> None:
    """501 for a Mandant that the Konnektor does not know, and for a KonnektorId without one."""
    user, password = kim.user("eilig")
    for wrong in (user, f"{user}#Konn_3"):
        with both.smtp() as smtp:
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                smtp.login(wrong, password)
            assert refused.value.smtp_code == 501


@pytest.mark.requirement("A_21457")
def test_one_konnektor_lost_is_none_of_the_other_s_business(kim: World, both: Module) -> None:
    kim.fault(kim.konnektor("praxis"), "*", kind="drop")
    with both.smtp() as first, both.smtp() as second:
        first.login(*kim.user("praxis"))
        user, password = kim.user("eilig")
        second.login(f"{user}#{SECOND}", password)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            first.send_message(kim.mail("praxis", "kasse"))
        assert refused.value.smtp_code == 451
        second.send_message(kim.mail("eilig", "kasse"))
    kim.stored("kasse", 1)


@pytest.mark.requirement("KOM-LE-A_2094", "KOM-LE-A_2052")
def test_several_sites_at_one_konnektor(kim: World) -> None:
    """Sites share Konnektor and client module; each mail is signed by its own site's card."""
    senders = ("praxis", "person", "erste", "zweite")
    sessions = []
    for sender in senders:
        smtp = kim.smtp(sender)
        smtp.login(*kim.user(sender))
        sessions.append(smtp)
    for sender, smtp in zip(senders, sessions, strict=True):
        smtp.send_message(kim.mail(sender, "kasse"))
        smtp.quit()
    events = kim.journal(kim.konnektor("praxis"))
    cards = [event["data"]["card"] for event in events if event["step"] == "SignDocument"]
    assert len(set(cards)) == len(senders)
    kim.stored("kasse", len(senders))
