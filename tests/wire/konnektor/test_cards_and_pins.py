"""GetCards, card terminals, PIN states and entries at the simulated terminal."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context


def get_cards(site: Site, inner: str = "", attributes: str = "", **who: str) -> Any:
    return site.call("EVT", "GetCards", context(**who) + inner, attributes)


def iccsns(answer: Any) -> set[str]:
    return {e.text for e in answer.body.iter("{*}Iccsn")}


def pin(site: Site, operation: str, iccsn: str, reference: str, **who: str) -> Any:
    return site.call(
        "CARD",
        operation,
        f"{context(**who)}<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>"
        f"<CARDCMN:PinTyp>{reference}</CARDCMN:PinTyp>",
    )


def set_pin(site: Site, iccsn: str, reference: str, **change: Any) -> None:
    status, body = site.role.ask("PUT", f"/cards/{iccsn}/pins/{reference}", change)
    assert status == 200, body


def test_cards_of_the_mandant_only(site: Site) -> None:
    assert iccsns(get_cards(site)) == {SMCB, HBA}
    assert iccsns(get_cards(site, mandant="m2")) == {SMCB_G20, HBA}


def test_filter_by_type_slot_and_terminal(site: Site) -> None:
    assert iccsns(get_cards(site, "<CARDCMN:CardType>HBAx</CARDCMN:CardType>")) == {HBA}
    assert iccsns(get_cards(site, "<CARDCMN:CardType>SM-B</CARDCMN:CardType>")) == {SMCB}
    assert iccsns(get_cards(site, "<CARDCMN:CardType>EGK</CARDCMN:CardType>")) == set()
    assert iccsns(get_cards(site, "<CARDCMN:SlotId>2</CARDCMN:SlotId>")) == {HBA}
    assert get_cards(site, "<CARDCMN:CtId>t9</CARDCMN:CtId>").code == 4007
    assert get_cards(site, "<CARDCMN:SlotId>0</CARDCMN:SlotId>").code == 4000


def test_mandant_wide_ignores_the_workplace(site: Site) -> None:
    wide = ' mandant-wide="true"'
    assert iccsns(get_cards(site, attributes=wide, workplace="nirgends")) == {SMCB, HBA}


def test_a_handle_lives_for_one_insertion(site: Site) -> None:
    before = site.handle(SMCB)
    site.role.ask("POST", f"/cards/{SMCB}/remove")
    assert iccsns(get_cards(site)) == {HBA}
    site.role.ask("POST", f"/cards/{SMCB}/insert")
    assert site.handle(SMCB) != before


def test_terminals(site: Site) -> None:
    answer = site.call("EVT", "GetCardTerminals", context())
    assert answer.text("//CARDCMN:CtId") == "t1"
    assert answer.text("//CONN:WorkplaceId") == "w1"


def test_a_raised_smcb_is_lowered_by_pulling_it(site: Site) -> None:
    assert pin(site, "GetPinStatus", SMCB, "PIN.SMC").text("//CARD:PinStatus") == "VERIFIED"
    site.role.ask("POST", f"/cards/{SMCB}/remove")
    site.role.ask("POST", f"/cards/{SMCB}/insert")
    answer = pin(site, "GetPinStatus", SMCB, "PIN.SMC")
    assert answer.text("//CARD:PinStatus") == "VERIFIABLE"
    assert answer.text("//CARD:LeftTries") == "3"


def test_three_wrong_entries_block(site: Site) -> None:
    set_pin(site, SMCB, "PIN.SMC", state="VERIFIABLE", entry="wrong")
    results = [
        pin(site, "VerifyPin", SMCB, "PIN.SMC").text("//CARDCMN:PinResult") for _ in range(4)
    ]
    assert results == ["REJECTED", "REJECTED", "NOWBLOCKED", "WASBLOCKED"]
    answer = pin(site, "GetPinStatus", SMCB, "PIN.SMC")
    assert answer.text("//CARD:PinStatus") == "BLOCKED"
    assert answer.text("//CARD:LeftTries") == "0"


def test_hba_needs_a_user_and_serves_one(site: Site) -> None:
    assert pin(site, "VerifyPin", HBA, "PIN.CH").code == 4003
    answer = pin(site, "VerifyPin", HBA, "PIN.CH", user="eva")
    assert answer.text("//CARDCMN:PinResult") == "OK"
    assert pin(site, "GetPinStatus", HBA, "PIN.CH", user="otto").code == 4018


@pytest.mark.parametrize("path", [f"/cards/{SMCB}/remove", "/reset"])
def test_card_pulled_while_the_pin_is_typed(site: Site, path: str) -> None:
    set_pin(site, SMCB, "PIN.SMC", state="VERIFIABLE", entry="manual")
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(pin(site, "VerifyPin", SMCB, "PIN.SMC"))
    )
    waiting.start()
    while not any(event["step"] == "PinPrompt" for event in site.role.journal()):
        assert waiting.is_alive()
    site.role.ask("POST", path)
    waiting.join(10)
    assert answers[0].code == 4008


def test_control_refuses_nonsense(site: Site) -> None:
    assert site.role.ask("POST", "/cards/123/remove")[0] == 400
    assert site.role.ask("PUT", f"/cards/{SMCB}/pins/PIN.CH", {"state": "VERIFIED"})[0] == 400
    assert site.role.ask("PUT", f"/cards/{SMCB}/pins/PIN.SMC", {"state": "OFFEN"})[0] == 400
    cards = json.loads(site.role.ask("GET", "/cards")[1])
    assert {card["iccsn"] for card in cards} == {SMCB, SMCB_G20, HBA}
