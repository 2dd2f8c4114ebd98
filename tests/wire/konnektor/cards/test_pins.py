"""CardService: every operation on PINs, typed at the terminal digit by digit or by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wire.konnektor.cards.practice import (
    EGK,
    HBA,
    HSM,
    KVK,
    SMCB,
    UNREADABLE,
    Practice,
)

NEW_PIN = "<CARD:SetNewPin>true</CARD:SetNewPin>"
OPERATIONS = ("GetPinStatus", "VerifyPin", "ChangePin", "UnblockPin", "EnablePin", "DisablePin")


def test_a_typed_pin(practice: Practice) -> None:
    answer = practice.typed("VerifyPin", SMCB, "PIN.SMC", "", "123456")
    assert answer.text("//CARDCMN:PinResult") == "OK"
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIED"
    answer = practice.typed("VerifyPin", SMCB, "PIN.SMC", "", "000000")
    assert answer.text("//CARDCMN:PinResult") == "REJECTED"
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIABLE 2"


def test_what_is_asked_where_and_until_when(practice: Practice) -> None:
    practice.set_pin(HBA, "PIN.CH", entry="manual")
    practice.beside(lambda: practice.pin("ChangePin", HBA, "PIN.CH", user="eva"))
    entry = practice.next_entry()
    assert entry.pop("deadline") > "2026"
    assert entry == {
        "id": entry["id"], "terminal": "t1", "card": HBA, "card_type": "HBA", "pin": "PIN.CH",
        "operation": "CHANGE", "asked": "OLD_PIN", "shown": "HBA PIN.CH: alte eingeben",
    }  # fmt: skip
    assert "HBA PIN.CH" in practice.display("t1")
    assert practice.type("123456", "87654321", "87654321") == ["OLD_PIN", "NEW_PIN", "REPEAT"]
    practice.wait()
    assert practice.terminal("t1")["display"] is None


def test_a_changed_pin_is_the_right_one_from_then_on(practice: Practice) -> None:
    practice.typed("ChangePin", HBA, "PIN.CH", "", "123456", "87654321", "87654321")
    old = practice.typed("VerifyPin", HBA, "PIN.CH", "", "123456")
    assert old.text("//CARDCMN:PinResult") == "REJECTED"
    new = practice.typed("VerifyPin", HBA, "PIN.CH", "", "87654321")
    assert new.text("//CARDCMN:PinResult") == "OK"


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        (("123456", "654321", "654322"), 4067),
        (("123456", "12345"), 4068),
        (("123456", "123456789"), 4068),
    ],
)
def test_new_pins_that_the_terminal_refuses(
    practice: Practice, digits: tuple[str, ...], code: int
) -> None:
    assert practice.typed("ChangePin", SMCB, "PIN.SMC", "", *digits).code == code
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIABLE 3"


def test_change_with_the_wrong_old_pin(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", entry="wrong")
    results = [practice.result("ChangePin", SMCB, "PIN.SMC") for _ in range(4)]
    assert results == ["REJECTED 2", "REJECTED 1", "NOWBLOCKED", "WASBLOCKED"]


@pytest.mark.parametrize("state", ["TRANSPORT_PIN", "EMPTY_PIN"])
def test_a_first_pin_is_set_by_change(practice: Practice, state: str) -> None:
    practice.set_pin(SMCB, "PIN.SMC", state=state)
    assert practice.status(SMCB, "PIN.SMC") == state
    assert practice.result("VerifyPin", SMCB, "PIN.SMC") == "TRANSPORT_PIN"
    assert practice.result("ChangePin", SMCB, "PIN.SMC") == "OK"
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIABLE 3"


def test_unblock_keeps_the_pin_or_sets_a_new_one(practice: Practice) -> None:
    practice.set_pin(HBA, "PIN.CH", state="BLOCKED")
    assert practice.status(HBA, "PIN.CH", user="eva") == "BLOCKED 0"
    kept = practice.typed("UnblockPin", HBA, "PIN.CH", "", "12345678")
    assert kept.text("//CARDCMN:PinResult") == "OK"
    assert (
        practice.typed("VerifyPin", HBA, "PIN.CH", "", "123456").text("//CARDCMN:PinResult") == "OK"
    )
    practice.set_pin(HBA, "PIN.CH", state="BLOCKED")
    practice.typed("UnblockPin", HBA, "PIN.CH", NEW_PIN, "12345678", "111111", "111111")
    assert (
        practice.typed("VerifyPin", HBA, "PIN.CH", "", "111111").text("//CARDCMN:PinResult") == "OK"
    )


def test_the_puk_serves_ten_times(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", state="BLOCKED", puk_uses=2, entry="wrong")
    results = [practice.result("UnblockPin", SMCB, "PIN.SMC") for _ in range(3)]
    assert results == ["REJECTED 1", "NOWBLOCKED", "WASBLOCKED"]
    practice.set_pin(HBA, "PIN.CH", state="BLOCKED", puk_uses=1)
    assert practice.result("UnblockPin", HBA, "PIN.CH", user="eva") == "OK"
    practice.set_pin(HBA, "PIN.CH", state="BLOCKED")
    assert practice.result("UnblockPin", HBA, "PIN.CH", user="eva") == "WASBLOCKED"


def test_unblock_of_pin_qes_only_without_new_pin(practice: Practice) -> None:
    practice.set_pin(HBA, "PIN.QES", state="BLOCKED")
    assert practice.pin("UnblockPin", HBA, "PIN.QES", NEW_PIN, user="eva").code == 4072
    assert practice.result("UnblockPin", HBA, "PIN.QES", user="eva") == "OK"


def test_unblock_leaves_an_open_pin_and_the_puk_alone(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", entry="wrong")
    assert practice.result("UnblockPin", SMCB, "PIN.SMC") == "OK"
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIABLE 3"


def test_protection_of_an_egk_is_switched_off_and_on(practice: Practice) -> None:
    assert practice.result("DisablePin", EGK, "MRPIN.NFD") == "OK"
    assert practice.status(EGK, "MRPIN.NFD") == "DISABLED"
    assert practice.status(EGK, "MRPIN.DPE") == "VERIFIABLE 3"
    practice.set_pin(EGK, "MRPIN.NFD", entry="wrong")
    assert practice.result("EnablePin", EGK, "MRPIN.NFD") == "REJECTED 2"
    assert practice.status(EGK, "PIN.CH") == "VERIFIABLE 2"  # one secret
    practice.set_pin(EGK, "MRPIN.NFD", entry="correct")
    assert practice.result("EnablePin", EGK, "MRPIN.NFD") == "OK"
    assert practice.status(EGK, "MRPIN.NFD") == "VERIFIABLE 3"
    assert practice.pin("DisablePin", EGK, "PIN.CH").code == 4072


def test_an_egk_needs_another_card_to_be_opened_with(practice: Practice) -> None:
    assert practice.result("ChangePin", EGK, "PIN.CH") == "OK"
    for iccsn in (SMCB, HBA):
        practice.control("POST", f"/cards/{iccsn}/remove")
    assert practice.pin("ChangePin", EGK, "PIN.CH").code == 4071
    assert practice.pin("DisablePin", EGK, "MRPIN.NFD").code == 4085


@pytest.mark.parametrize(
    ("iccsn", "reference", "refused"),
    [
        (SMCB, "PIN.SMC", {"EnablePin", "DisablePin"}),
        (HBA, "PIN.CH", {"EnablePin", "DisablePin"}),
        (EGK, "MRPIN.NFD", {"VerifyPin"}),
        (UNREADABLE, "PIN.CH", set(OPERATIONS)),
    ],
)
def test_card_types_of_each_operation(
    practice: Practice, iccsn: str, reference: str, refused: set[str]
) -> None:
    for operation in OPERATIONS:
        code = practice.pin(operation, iccsn, reference, user="eva").code
        assert code == (4209 if operation in refused else None), operation


def test_a_kvk_has_no_pins(practice: Practice) -> None:
    assert practice.pin("GetPinStatus", KVK, "PIN.CH", workplace="w2").code == 4209


@pytest.mark.parametrize("operation", OPERATIONS[:4])
def test_a_reference_that_the_card_does_not_have(practice: Practice, operation: str) -> None:
    assert practice.pin(operation, SMCB, "PIN.CH").code == 4072
    assert practice.pin(operation, HBA, "PIN.SMC", user="eva").code == 4072
    assert practice.pin(operation, SMCB, "PIN.SMC" + "X" * 60).code == 4000


@pytest.mark.parametrize("operation", OPERATIONS[:4])
def test_a_locked_card(practice: Practice, operation: str) -> None:
    practice.set_pin(HBA, "PIN.CH", state="BLOCKED" if operation == "UnblockPin" else "VERIFIABLE")
    practice.control("POST", f"/cards/{HBA}/lock")
    assert practice.pin(operation, HBA, "PIN.SMC", user="eva").code == 4093  # before 4072
    assert practice.pin(operation, HBA, "PIN.CH", user="eva", workplace="w9").code == 4021
    practice.control("POST", f"/cards/{HBA}/unlock")
    assert practice.pin(operation, HBA, "PIN.CH", user="eva").code is None


def test_writing_reserves_the_card_for_one_session(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", entry="manual")
    answers = practice.beside(lambda: practice.pin("ChangePin", SMCB, "PIN.SMC"))
    practice.next_entry()
    assert practice.pin("VerifyPin", SMCB, "PIN.SMC", mandant="m2").code == 4093
    assert practice.pin("VerifyPin", SMCB, "PIN.SMC").code == 4060  # its own session
    practice.type("123456", "654321", "654321")
    practice.wait()
    assert answers[0].text("//CARDCMN:PinResult") == "OK"
    assert practice.status(SMCB, "PIN.SMC", mandant="m2") == "VERIFIABLE 3"


def test_a_session_belongs_to_the_mandant(practice: Practice) -> None:
    assert practice.result("VerifyPin", SMCB, "PIN.SMC") == "OK"
    assert practice.status(SMCB, "PIN.SMC", mandant="m2") == "VERIFIABLE 3"
    practice.set_pin(SMCB, "PIN.SMC", entry="wrong")
    for _ in range(3):
        practice.result("VerifyPin", SMCB, "PIN.SMC", mandant="m2")
    assert practice.status(SMCB, "PIN.SMC", mandant="m2") == "BLOCKED 0"
    assert practice.status(SMCB, "PIN.SMC") == "VERIFIED"  # TIP1-A_4560


@pytest.mark.parametrize("operation", ["VerifyPin", "ChangePin", "UnblockPin"])
@pytest.mark.parametrize(("entry", "code"), [("timeout", 4043), ("abort", 4049)])
def test_nobody_types(practice: Practice, operation: str, entry: str, code: int) -> None:
    state = "BLOCKED" if operation == "UnblockPin" else "VERIFIABLE"
    practice.set_pin(HBA, "PIN.CH", state=state, entry=entry)
    assert practice.pin(operation, HBA, "PIN.CH", user="eva").code == code


def test_abort_at_the_pad(practice: Practice) -> None:
    practice.set_pin(HBA, "PIN.CH", entry="manual")
    answers = practice.beside(lambda: practice.pin("VerifyPin", HBA, "PIN.CH", user="eva"))
    path = f"/pin-entries/{practice.next_entry()['id']}"
    for nonsense in ({}, {"digits": "12a4"}, {"digits": "1", "abort": True}, {"digits": "1" * 13}):
        assert practice.role.ask("POST", path, nonsense)[0] == 400
    practice.control("POST", path, {"abort": True})
    practice.wait()
    assert answers[0].code == 4049
    assert practice.role.ask("POST", path, {"abort": True})[0] == 400


def test_no_remote_pin_terminal(practice: Practice) -> None:
    for operation in ("VerifyPin", "ChangePin"):
        assert practice.pin(operation, SMCB, "PIN.SMC", workplace="w2").code == 4092
        assert practice.pin(operation, SMCB, "PIN.SMC", workplace="w3").code == 4053


def test_an_hsm_has_no_pin_pad(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "hsm", "slot": 1})
    assert practice.pin("ChangePin", HSM, "PIN.SMC", workplace="w5").code == 4066
    assert practice.status(HSM, "PIN.SMC", workplace="w5") == "VERIFIABLE 3"


def test_a_remote_pin_is_typed_at_the_workplace(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t2", "slot": 2})
    practice.set_pin(HSM, "PIN.SMC", entry="manual")
    practice.beside(lambda: practice.pin("VerifyPin", HSM, "PIN.SMC"))
    assert practice.next_entry()["terminal"] == "t1"
    practice.type("123456")
    practice.wait()
    assert practice.status(HSM, "PIN.SMC") == "VERIFIED"


def test_terminals_that_cannot_be_typed_at(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t2", "slot": 2})
    practice.control("PUT", "/terminals/t1", {"busy": True})
    assert practice.pin("VerifyPin", HSM, "PIN.SMC").code == 4060
    practice.control("PUT", "/terminals/t1", {"busy": False, "condition": "disconnected"})
    assert practice.pin("VerifyPin", HSM, "PIN.SMC").code == 4040
    practice.control("PUT", "/terminals/t2", {"condition": "silent"})
    for operation in OPERATIONS[:4]:
        assert practice.pin(operation, HSM, "PIN.SMC", workplace="w2").code == 4094


def test_the_terminal_is_lost_while_a_pin_is_typed(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t2", "slot": 2})
    practice.set_pin(HSM, "PIN.SMC", entry="manual")
    answers = practice.beside(lambda: practice.pin("VerifyPin", HSM, "PIN.SMC"))
    practice.next_entry()
    practice.control("PUT", "/terminals/t1", {"condition": "disconnected"})
    practice.wait()
    assert answers[0].code == 4040


def test_a_terminal_falls_silent_while_a_pin_is_typed(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HSM}/insert", {"terminal": "t2", "slot": 2})
    for terminal, code in (("t1", 4040), ("t2", 4094)):  # the pad's, the card's
        practice.set_pin(HSM, "PIN.SMC", entry="manual")
        answers = practice.beside(lambda: practice.pin("VerifyPin", HSM, "PIN.SMC"))
        practice.next_entry()
        practice.control("PUT", f"/terminals/{terminal}", {"condition": "silent"})
        practice.set_pin(HSM, "PIN.SMC", entry="correct")
        practice.wait()
        assert answers[0].code == code
        practice.control("PUT", f"/terminals/{terminal}", {"condition": "connected"})
    assert practice.status(HSM, "PIN.SMC") == "VERIFIABLE 3"


def test_an_hba_serves_one_of_two_who_type_at_once(practice: Practice) -> None:
    practice.control("POST", f"/cards/{HBA}/remove")
    practice.control("POST", f"/cards/{HBA}/insert", {"terminal": "t2", "slot": 2})
    practice.set_pin(HBA, "PIN.CH", entry="manual")
    eva = practice.beside(lambda: practice.pin("VerifyPin", HBA, "PIN.CH", user="eva"))
    practice.next_entry()  # at t1, the Remote-PIN-KT of w1
    ida = practice.beside(
        lambda: practice.pin("VerifyPin", HBA, "PIN.CH", user="ida", workplace="w2")
    )
    practice.display("t2")
    practice.set_pin(HBA, "PIN.CH", entry="correct")
    practice.wait()
    assert (eva[0].text("//CARDCMN:PinResult"), ida[0].code) == ("OK", 4018)
    assert practice.status(HBA, "PIN.CH", user="eva") == "VERIFIED"


def test_no_digits_in_journal_and_log(practice: Practice) -> None:
    secrets = ("918273", "918274", "91827364")
    practice.typed("VerifyPin", SMCB, "PIN.SMC", "", secrets[0])
    practice.typed("ChangePin", SMCB, "PIN.SMC", "", "123456", secrets[1], secrets[1])
    practice.set_pin(SMCB, "PIN.SMC", state="BLOCKED")
    practice.typed("UnblockPin", SMCB, "PIN.SMC", "", secrets[2])
    practice.role.ask("POST", "/pin-entries/1", {"digits": secrets[0] + "x"})
    kept = json.dumps(practice.role.journal()) + practice.role.log()
    assert "PinEntry" in kept
    assert not [secret for secret in (*secrets, "123456", "12345678") if f'"{secret}' in kept]


def test_entries_are_in_the_journal(practice: Practice) -> None:
    practice.set_pin(SMCB, "PIN.SMC", entry="wrong")
    practice.result("VerifyPin", SMCB, "PIN.SMC")
    facts: dict[str, Any] = practice.steps("PinEntry")[0]
    assert facts == {
        "card": SMCB, "pin": "PIN.SMC", "terminal": "t1", "asked": "PIN", "entry": "wrong",
    }  # fmt: skip
