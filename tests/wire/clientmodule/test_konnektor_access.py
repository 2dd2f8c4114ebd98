"""How the client module reaches its Konnektor, and which of several SM-Bs it takes there."""

from __future__ import annotations

import email
import smtplib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clientmodule_world import World


@pytest.mark.requirement("KOM-LE-A_2071")
@pytest.mark.parametrize(
    ("site", "scheme", "certificate"),
    [("praxis", "https", True), ("eilig", "https", False), ("kasse", "http", False)],
)
def test_authentication(kim: World, site: str, scheme: str, certificate: bool) -> None:
    """KOM-LE-A_2070 to 2072: client certificate, server certificate only (tls), none at all."""
    access = kim.endpoints.sites[site].konnektor
    assert access.service_directory.partition(":")[0] == scheme
    assert (access.client_certificate is not None) == certificate
    assert access.basic_auth is None
    kim.send(site, site)
    assert email.message_from_bytes(kim.fetch(site))["X-KIM-IntegrityCheckResult"] == "01"


def signing_card(kim: World) -> str:
    events = kim.journal(kim.konnektor("praxis"))
    (card,) = [event["data"]["card"] for event in events if event["step"] == "SignDocument"]
    return str(card)


@pytest.mark.requirement("KOM-LE-A_2020", "KOM-LE-A_2052")
@pytest.mark.parametrize("sender", ["erste", "zweite"])
def test_the_sender_s_own_sm_b_signs(kim: World, sender: str) -> None:
    """KOM-LE-A_2020, 2052: of several SM-Bs of a Mandant the one that the address belongs to."""
    kim.send(sender, "praxis")
    assert signing_card(kim) == kim.endpoints.participants[sender].card
    assert email.message_from_bytes(kim.fetch("praxis"))["X-KIM-IntegrityCheckResult"] == "01"


@pytest.mark.requirement("KOM-LE-A_2020", "KOM-LE-A_2057")
def test_another_sm_b_of_the_mandant_does_not_sign(kim: World) -> None:
    """KOM-LE-A_2020, 2057: with the sender's card pulled, no other institution signs for it."""
    kim.send("erste", "praxis")
    card = kim.endpoints.participants["erste"].card
    kim.ask(kim.konnektor("praxis"), "POST", f"/cards/{card}/remove")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        kim.send("erste", "praxis")
    assert refused.value.smtp_code == 451
    assert signing_card(kim) == card
    kim.stored("praxis", 1)


@pytest.mark.requirement("KOM-LE-A_2043", "KOM-LE-A_2059", "KOM-LE-A_2060", "KOM-LE-A_2044")
@pytest.mark.parametrize("recipient", ["erste", "zweite"])
def test_the_fetching_user_s_own_sm_b_decrypts(kim: World, recipient: str) -> None:
    """KOM-LE-A_2059, 2060: only the key of the user's entry in recipient-emails is used."""
    kim.send("praxis", "erste", "zweite")
    mail = email.message_from_bytes(kim.fetch(recipient))
    assert mail["X-KIM-DecryptionResult"] == "00"
    events = kim.journal(kim.konnektor("praxis"))
    (card,) = [event["data"]["card"] for event in events if event["step"] == "DecryptDocument"]
    assert card == kim.endpoints.participants[recipient].card


@pytest.mark.requirement("KOM-LE-A_2045", "KOM-LE-A_2062")
def test_another_sm_b_of_the_mandant_cannot_read(kim: World) -> None:
    """KOM-LE-A_2045: the other recipient's card lies in the terminal, but is not used."""
    kim.send("praxis", "erste", "zweite")
    card = kim.endpoints.participants["erste"].card
    kim.ask(kim.konnektor("praxis"), "POST", f"/cards/{card}/remove")
    mail = email.message_from_bytes(kim.fetch("erste"))
    assert (mail["X-KIM-DecryptionResult"], mail["X-KIM-Fehlermeldung"]) == ("01", "4009")
