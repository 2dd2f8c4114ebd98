"""The nine rules of the access check with real cards of every type (TIP1-A_4524-03)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.konnektor_site import Answer, context
from tests.wire.konnektor.cards.practice import EGK, HBA, KVK, SMCB, STRAY, UNREADABLE, Practice


def read_certificate(practice: Practice, iccsn: str, **who: str) -> Answer:
    return practice.call(
        "CERT",
        "ReadCardCertificate",
        f"<CONN:CardHandle>{practice.handle(iccsn)}</CONN:CardHandle>{context(**who)}"
        "<CERT:CertRefList><CERT:CertRef>C.AUT</CERT:CertRef></CERT:CertRefList>",
    )


def decrypt(practice: Practice, iccsn: str) -> Answer:
    return practice.call(
        "CRYPT",
        "DecryptDocument",
        f"{context()}<CRYPT:PrivateKeyOnCard>"
        f"<CONN:CardHandle>{practice.handle(iccsn)}</CONN:CardHandle>"
        "<CRYPT:KeyReference>C.ENC</CRYPT:KeyReference></CRYPT:PrivateKeyOnCard>"
        "<CONN:Document><dss:Base64Data>eA==</dss:Base64Data></CONN:Document>",
    )


def move(practice: Practice, iccsn: str, terminal: str, slot: int) -> None:
    practice.role.ask("POST", f"/cards/{iccsn}/remove")
    practice.control("POST", f"/cards/{iccsn}/insert", {"terminal": terminal, "slot": slot})


def test_an_egk_must_be_at_the_workplace_itself(practice: Practice) -> None:
    """R6: remote is not enough."""
    move(practice, EGK, "t2", 2)
    assert practice.pin("GetPinStatus", EGK, "PIN.CH").code == 4016
    assert practice.pin("GetPinStatus", EGK, "PIN.CH", workplace="w2").code is None


def test_an_egk_serves_one_workplace(practice: Practice) -> None:
    """R6: until it is pulled."""
    assert practice.status(EGK, "PIN.CH") == "VERIFIABLE 3"
    assert practice.pin("GetPinStatus", EGK, "PIN.CH", workplace="w4").code == 4017
    move(practice, EGK, "t1", 3)
    assert practice.status(EGK, "PIN.CH", workplace="w4") == "VERIFIABLE 3"


def test_rule_of_a_kvk(practice: Practice) -> None:
    """R6, then 4209; at another Workplace 4016."""
    assert practice.pin("GetPinStatus", KVK, "PIN.CH", workplace="w2").code == 4209
    assert practice.pin("GetPinStatus", KVK, "PIN.CH").code == 4016


def test_rule_of_an_unreadable_card(practice: Practice) -> None:
    """R4: its terminal may be remote."""
    assert practice.pin("GetPinStatus", UNREADABLE, "PIN.CH", workplace="w2").code == 4209
    move(practice, UNREADABLE, "t2", 2)
    assert practice.pin("GetPinStatus", UNREADABLE, "PIN.CH", workplace="w4").code == 4015


def test_rule_of_an_smb(practice: Practice) -> None:
    """R7: managed, and by this Mandant."""
    move(practice, STRAY, "t1", 5)
    assert practice.pin("GetPinStatus", STRAY, "PIN.SMC").code == 4009
    assert practice.pin("GetPinStatus", SMCB, "PIN.SMC", mandant="m2").code is None
    assert practice.pin("GetPinStatus", SMCB, "PIN.SMC", workplace="w2").code is None


def test_rule_of_an_hba(practice: Practice) -> None:
    """R9 with a session, R8 without one."""
    assert practice.pin("GetPinStatus", HBA, "PIN.CH").code == 4003
    assert read_certificate(practice, HBA).code is None
    move(practice, HBA, "t2", 2)
    assert practice.pin("GetPinStatus", HBA, "PIN.CH", user="eva", workplace="w4").code == 4015
    assert read_certificate(practice, HBA, workplace="w4").code == 4015


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"mandant": "", "user": "eva"}, 4021),
        ({"workplace": "w9", "user": "eva"}, 4021),
        ({"workplace": "w9"}, 4003),
        ({"clientsystem": "cs9", "user": "eva"}, 4204),
    ],
)
def test_order(practice: Practice, who: dict[str, Any], code: int) -> None:
    practice.control("POST", f"/cards/{HBA}/lock")
    assert practice.pin("GetPinStatus", HBA, "PIN.QES", **who).code == code


def test_cards_that_an_operation_refuses_whoever_asks(practice: Practice) -> None:
    assert read_certificate(practice, EGK).code == 4090
    for iccsn in (EGK, UNREADABLE):
        assert decrypt(practice, iccsn).code == 4058
