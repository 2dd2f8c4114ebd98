"""CardTerminalService, and terminals that are cut off, silent or in use."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable

import pytest

from tests.konnektor_site import Answer, context
from tests.wire.konnektor.cards.practice import (
    EGK,
    HBA,
    HSM,
    KVK,
    SMCB,
    STRAY,
    UNREADABLE,
    Practice,
)

SOON = "<CTS:TimeOut>1</CTS:TimeOut>"
EGK_WANTED = "<CARDCMN:CardType>EGK</CARDCMN:CardType>"


def slot(terminal: str = "t1", number: object = 5) -> str:
    return (
        f"<CTS:Slot><CARDCMN:CtId>{terminal}</CARDCMN:CtId>"
        f"<CARDCMN:SlotId>{number}</CARDCMN:SlotId></CTS:Slot>"
    )


def request(practice: Practice, where: str, more: str = "", **who: str) -> Answer:
    return practice.call("CTS", "RequestCard", context(**who) + where + more)


def eject(practice: Practice, what: str, more: str = "", **who: str) -> Answer:
    return practice.call("CTS", "EjectCard", context(**who) + what + more)


def handle(practice: Practice, iccsn: str) -> str:
    return f"<CONN:CardHandle>{practice.handle(iccsn)}</CONN:CardHandle>"


def condition(practice: Practice, terminal: str, value: str) -> None:
    practice.control("PUT", f"/terminals/{terminal}", {"condition": value})


def unattended(practice: Practice) -> None:
    practice.control("PUT", "/terminals/t1", {"attended": False})


def cards(practice: Practice, **who: str) -> set[str]:
    answer = practice.call("EVT", "GetCards", context(**who))
    return {element.text for element in answer.body.iter("{*}CardHandle")}


def test_a_card_that_is_there_already(practice: Practice) -> None:
    answer = request(practice, slot(number=3), EGK_WANTED)
    assert answer.text("//CTS:AlreadyInserted") == "true"
    assert answer.text("//CARD:Kvnr") == "X110411675"
    assert not practice.steps("Display")


def test_somebody_puts_in_what_is_asked_for(practice: Practice) -> None:
    practice.control("POST", f"/cards/{EGK}/remove")
    answer = request(practice, slot(), EGK_WANTED)
    assert answer.text("//CTS:AlreadyInserted") == "false"
    assert answer.text("//CARDCMN:Iccsn") == EGK
    assert practice.steps("Display")[0]["message"] == "Bitte EGK in Slot 5 stecken"


def test_a_trainer_puts_in_what_is_asked_for(practice: Practice) -> None:
    unattended(practice)
    message = "<CTS:DisplayMsg>Karte bitte</CTS:DisplayMsg>"
    answers = practice.beside(lambda: request(practice, slot(), message))
    assert practice.display("t1") == "Karte bitte"
    practice.control("POST", f"/cards/{STRAY}/insert", {"terminal": "t2", "slot": 2})
    assert not answers
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t1", "slot": 5})
    practice.wait()
    assert answers[0].text("//CARDCMN:CardType") == "HSM-B"
    assert practice.terminal("t1")["display"] is None


def test_the_wrong_card_is_put_in(practice: Practice) -> None:
    assert request(practice, slot(number=1), EGK_WANTED).code == 4051
    unattended(practice)
    answers = practice.beside(lambda: request(practice, slot(), EGK_WANTED))
    practice.display("t1")
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t1", "slot": 5})
    practice.wait()
    assert answers[0].code == 4051


@pytest.mark.parametrize(
    ("where", "more", "code"),
    [
        (slot(number=0), "", 4000),
        (slot(number="eins"), "", 4000),
        (slot(), "<CTS:DisplayMsg>" + "x" * 49 + "</CTS:DisplayMsg>", 4000),
        (slot(), "<CTS:TimeOut>-1</CTS:TimeOut>", 4000),
        (slot(), "<CARDCMN:CardType>Gesundheitskarte</CARDCMN:CardType>", 4000),
        (slot(), "<CARDCMN:CardType>SMC-KT</CARDCMN:CardType>", 4058),
        (slot("t9"), "", 4007),
        (slot(number=6), "", 4097),
        (slot("t3", 1), "", 4015),
    ],
)
def test_requests_that_are_refused(practice: Practice, where: str, more: str, code: int) -> None:
    assert request(practice, where, more).code == code


def test_nobody_puts_a_card_in(practice: Practice) -> None:
    unattended(practice)
    assert request(practice, slot(), EGK_WANTED + SOON).code == 4202
    assert practice.terminal("t1")["display"] is None


@pytest.mark.parametrize(
    ("value", "code"), [("inactive", 4221), ("disconnected", 4222), ("silent", 4044)]
)
def test_terminals_that_cannot_be_used(practice: Practice, value: str, code: int) -> None:
    condition(practice, "t1", value)
    assert request(practice, slot()).code == code
    assert eject(practice, slot()).code == code


def test_a_display_in_use(practice: Practice) -> None:
    unattended(practice)
    practice.control("PUT", "/terminals/t1", {"busy": True})
    assert request(practice, slot()).code == 4039
    assert eject(practice, handle(practice, EGK)).code == 4039
    practice.control("PUT", "/terminals/t1", {"busy": False})
    practice.set_pin(SMCB, "PIN.SMC", entry="manual")
    practice.beside(lambda: practice.pin("VerifyPin", SMCB, "PIN.SMC"))
    practice.next_entry()
    assert request(practice, slot()).code == 4039
    practice.type("123456")


def test_the_terminal_is_lost_while_a_card_is_waited_for(practice: Practice) -> None:
    unattended(practice)
    answers = practice.beside(lambda: request(practice, slot()))
    practice.display("t1")
    condition(practice, "t1", "disconnected")
    practice.wait()
    assert answers[0].code == 4222


def test_an_ejected_card_is_taken(practice: Practice) -> None:
    ejected = handle(practice, EGK)
    assert eject(practice, ejected).code is None
    assert practice.terminal("t1")["slots"][2] is None
    assert eject(practice, ejected).code == 4101
    assert eject(practice, slot(number=3)).code is None  # an empty slot is fine
    assert eject(practice, slot(number=2)).code is None
    assert practice.terminal("t1")["slots"] == [SMCB, None, None, UNREADABLE, None]
    assert eject(practice, slot(number=6)).code == 4097


def test_a_trainer_takes_the_card(practice: Practice) -> None:
    unattended(practice)
    answers = practice.beside(lambda: eject(practice, handle(practice, EGK)))
    assert practice.display("t1") == "Bitte Karte aus Slot 3 entnehmen"
    practice.control("POST", f"/cards/{EGK}/remove")
    practice.wait()
    assert answers[0].code is None


def test_a_card_that_is_not_taken_is_inactive(practice: Practice) -> None:
    unattended(practice)
    before = practice.handle(EGK)
    assert eject(practice, handle(practice, EGK), SOON).code == 4203
    assert before not in cards(practice)
    assert practice.terminal("t1")["slots"][2] == EGK
    for silence in ("silent", "connected", "connected"):  # no new connection, no new look at it
        condition(practice, "t1", silence)
    assert len(cards(practice)) == 4
    practice.control("POST", f"/cards/{EGK}/remove")
    practice.control("POST", f"/cards/{EGK}/insert")
    assert practice.handle(EGK) in cards(practice) - {before}


@pytest.mark.parametrize(("value", "code"), [("disconnected", 4222), ("silent", 4044)])
def test_the_terminal_is_lost_while_it_is_waited_for(
    practice: Practice, value: str, code: int
) -> None:
    unattended(practice)
    for ask in (lambda: request(practice, slot()), lambda: eject(practice, handle(practice, EGK))):
        answers = practice.beside(ask)
        practice.display("t1")
        condition(practice, "t1", value)
        practice.wait()
        assert answers[0].code == code
        condition(practice, "t1", "connected")


def test_a_card_that_is_inactive_is_put_in_anew(practice: Practice) -> None:
    unattended(practice)
    assert eject(practice, handle(practice, EGK), SOON).code == 4203
    assert request(practice, slot(number=3), EGK_WANTED + SOON).code == 4202
    practice.control("PUT", "/terminals/t1", {"attended": True})
    answer = request(practice, slot(number=3), EGK_WANTED)
    assert answer.text("//CARDCMN:Iccsn") == EGK
    assert answer.text("//CTS:AlreadyInserted") == "false"


def test_nobody_puts_in_an_smb_of_somebody_else(practice: Practice) -> None:
    wanted = "<CARDCMN:CardType>SM-B</CARDCMN:CardType>"
    answer = request(practice, slot(), wanted)
    assert answer.text("//CARDCMN:Iccsn") == HSM  # and not the stray one
    assert request(practice, slot("t2", 2), wanted + SOON).code == 4202


def test_a_locked_card_is_not_ejected(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HBA}/lock")
    assert practice.role.ask("POST", f"/cards/{HBA}/lock")[0] == 400
    assert eject(practice, handle(practice, HBA)).code == 4093
    assert eject(practice, slot(number=2)).code == 4093


def test_ejecting_and_requesting_lowers_the_state(practice: Practice) -> None:
    """A_21528: so another UserId gets at an HBA whose user has gone."""
    assert practice.result("VerifyPin", HBA, "PIN.CH", user="eva") == "OK"
    assert practice.pin("GetPinStatus", HBA, "PIN.CH", user="otto").code == 4018
    assert eject(practice, handle(practice, HBA)).code is None
    answer = request(practice, slot(number=2), "<CARDCMN:CardType>HBAx</CARDCMN:CardType>")
    assert answer.text("//CARDCMN:Iccsn") == HBA
    assert practice.status(HBA, "PIN.CH", user="otto") == "VERIFIABLE 3"


def test_cards_of_a_terminal_that_comes_and_goes(practice: Practice) -> None:
    before = cards(practice)
    condition(practice, "t1", "disconnected")
    listed = practice.call("EVT", "GetCardTerminals", context())
    connected = [element.text for element in listed.body.iter("{*}Connected")]
    assert sorted(connected) == ["false", "true"]
    assert len(cards(practice)) == 1  # the KVK in t2
    condition(practice, "t1", "connected")
    after = cards(practice)
    assert len(after) == len(before)
    assert len(after & before) == 1


def test_what_cards_show_of_themselves(practice: Practice) -> None:
    answer = practice.call("EVT", "GetCards", context())
    shown = {
        card.findtext("{*}CardType"): {child.tag.rpartition("}")[2] for child in card}
        for card in answer.body.iter("{*}Card")
    }
    always = {"CardHandle", "CardType", "CtId", "SlotId", "InsertTime"}
    named = always | {"Iccsn", "CardVersion", "CardHolderName", "CertificateExpirationDate"}
    assert shown == {
        "SMC-B": named,
        "HBA": named,
        "EGK": named | {"Kvnr"},
        "KVK": always | {"CardHolderName"},
        "UNKNOWN": always,
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/cards/{HSM}/insert", {"terminal": "t1", "slot": 1}),
        (f"/cards/{HSM}/insert", {"terminal": "t1", "slot": 6}),
        (f"/cards/{HSM}/insert", {"terminal": "t9", "slot": 1}),
        (f"/cards/{HSM}/insert", {"slot": 1}),
        (f"/cards/{EGK}/insert", {"terminal": "t1", "slot": 5}),
        (f"/cards/{HSM}/lock", None),
        ("/cards/1/insert", None),
        ("/pin-entries/7", {"digits": "1"}),
    ],
)
def test_what_cannot_be_done(practice: Practice, path: str, body: object) -> None:
    assert practice.role.ask("POST", path, body)[0] == 400


def test_any_card_goes_into_any_free_slot(practice: Practice) -> None:
    practice.control("POST", f"/cards/{KVK}/remove")
    moved = practice.control("POST", f"/cards/{KVK}/insert", {"terminal": "t1", "slot": 5})
    assert (moved["terminal"], moved["slot"]) == ("t1", 5)
    placed = practice.control("POST", f"/cards/{HSM}/insert")
    assert (placed["terminal"], placed["slot"]) == ("t2", 1)  # the first free one
    assert practice.role.ask("PUT", "/terminals/t9", {})[0] == 400
    assert practice.role.ask("PUT", "/terminals/t1", {"condition": "kaputt"})[0] == 400


def test_a_reset_ends_what_is_waited_for(practice: Practice) -> None:
    before = handle(practice, EGK)
    practice.control("POST", f"/cards/{EGK}/remove")
    practice.control("POST", f"/cards/{EGK}/insert")
    unattended(practice)
    answers = practice.beside(lambda: request(practice, slot()))
    practice.display("t1")
    practice.control("POST", "/reset")
    practice.wait()
    assert answers[0].code == 4044
    assert handle(practice, EGK) == before
    assert practice.terminal("t1") == {
        "id": "t1", "name": "Empfang", "condition": "connected", "attended": True, "busy": False,
        "display": None, "slots": [SMCB, HBA, EGK, UNREADABLE, None],
    }  # fmt: skip


def is_cut_off(call: Callable[[], Answer]) -> bool:
    """Whether the connection of *call* ends without an answer."""
    try:
        call()
    except (ConnectionError, http.client.HTTPException, ssl.SSLError):
        return True
    return False


def test_a_reboot_ends_what_is_under_way(practice: Practice) -> None:
    """TIP1-A_4507: who waits at a terminal gets no answer, and its display is free again."""
    unattended(practice)
    practice.set_pin(SMCB, "PIN.SMC", entry="manual")
    for call in (
        lambda: request(practice, slot()),
        lambda: practice.pin("VerifyPin", SMCB, "PIN.SMC"),
    ):
        ended = practice.beside(lambda call=call: is_cut_off(call))  # type: ignore[misc]
        practice.display("t1")
        practice.control("POST", "/reboot")
        practice.wait()
        assert ended == [True]
        assert not practice.terminal("t1")["busy"]
