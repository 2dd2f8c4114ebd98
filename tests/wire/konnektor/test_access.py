"""Call contexts at the wire; every rule with its code stands in the unit tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.konnektor_site import SMCB, SMCB_G20, Site, context


def get_cards(site: Site, **who: str) -> Any:
    return site.call("EVT", "GetCards", context(**who))


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"mandant": "m9"}, 4021),
        ({"clientsystem": "cs9"}, 4204),
        ({"workplace": "w9"}, 4021),
        ({"mandant": ""}, 4021),
        ({"mandant": "m2", "workplace": "w2"}, 4011),
    ],
)
def test_contexts(site: Site, who: dict[str, str], code: int) -> None:
    assert get_cards(site, **who).code == code


def test_another_clientsystem_than_the_certificate_says(site: Site) -> None:
    assert get_cards(site, clientsystem="cs2").code == 4204


def test_card_of_another_mandant(site: Site) -> None:
    answer = site.call(
        "CARD",
        "GetPinStatus",
        f"{context()}<CONN:CardHandle>{site.handle(SMCB_G20)}</CONN:CardHandle>"
        "<CARDCMN:PinTyp>PIN.SMC</CARDCMN:PinTyp>",
    )
    assert answer.code == 4013


def test_unknown_handle(site: Site) -> None:
    answer = site.call(
        "CARD",
        "GetPinStatus",
        f"{context()}<CONN:CardHandle>SMC-B-0</CONN:CardHandle>"
        "<CARDCMN:PinTyp>PIN.SMC</CARDCMN:PinTyp>",
    )
    assert answer.code == 4008


def test_missing_context_id_is_no_syntax_error(site: Site) -> None:
    answer = site.call(
        "EVT", "GetCards", "<CCTX:Context><CONN:MandantId>m1</CONN:MandantId></CCTX:Context>"
    )
    assert answer.code == 4021


def test_a_make_that_names_the_unknown_id(start_site: Any) -> None:
    talkative = start_site(make={"unknown_context": "specific"}, authentication="tls", client=None)
    assert get_cards(talkative, mandant="m9").code == 4004
    assert get_cards(talkative, clientsystem="cs9").code == 4005
    assert get_cards(talkative, workplace="w9").code == 4006


def test_every_call_is_in_the_journal(site: Site) -> None:
    site.role.ask("POST", "/reset")
    site.call(
        "CARD",
        "GetPinStatus",
        f"{context()}<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>"
        "<CARDCMN:PinTyp>PIN.SMC</CARDCMN:PinTyp>",
    )
    get_cards(site, mandant="m9")
    status, refused = site.role.journal()
    assert (status["step"], status["peer"]) == ("GetPinStatus", "client")
    assert status["data"]["card"] == SMCB
    assert status["data"]["mandant"] == "m1"
    assert status["data"]["result"] == "OK"
    assert refused["data"]["code"] == "4021"
