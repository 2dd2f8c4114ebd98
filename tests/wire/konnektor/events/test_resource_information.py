"""GetResourceInformation: card, terminal, Konnektor (TIP1-A_4607); lists of both (4604, 4605)."""

from __future__ import annotations

import pytest

from tests.konnektor_site import HBA, SMCB, SMCB_G20
from tests.wire.konnektor.events.conftest import EventSite


def ask(events: EventSite, inner: str = "", **who: str) -> tuple[int, int | None, str]:
    """Return status, code, and the name of what is answered beside the Status."""
    answer = events.call("GetResourceInformation", inner, **who)
    last = answer.body[-1] if answer.status == 200 else answer.body
    return answer.status, answer.code, str(last.tag).rpartition("}")[2]


def terminal(name: str, slot: int | None = None) -> str:
    """Return CtId and SlotId."""
    chosen = "" if slot is None else f"<CARDCMN:SlotId>{slot}</CARDCMN:SlotId>"
    return f"<CARDCMN:CtId>{name}</CARDCMN:CtId>{chosen}"


def iccsn(number: str) -> str:
    """Return Iccsn."""
    return f"<CARDCMN:Iccsn>{number}</CARDCMN:Iccsn>"


def handle(text: str) -> str:
    """Return CardHandle."""
    return f"<CONN:CardHandle>{text}</CONN:CardHandle>"


def test_a_card_by_handle_iccsn_and_slot(events: EventSite) -> None:
    """All three find it."""
    for named in (handle(events.site.handle(HBA)), iccsn(HBA), terminal("t1", 2)):
        answer = events.call("GetResourceInformation", named)
        assert answer.text("//CARD:Card/CARDCMN:Iccsn") == HBA


def test_a_terminal(events: EventSite) -> None:
    """A terminal says whether it is connected."""
    assert ask(events, terminal("t1")) == (200, None, "CardTerminal")
    events.put("/terminals/t1", {"condition": "disconnected"})
    answer = events.call("GetResourceInformation", terminal("t1"))
    connected = next(answer.body.iter("{*}Connected"))
    assert connected.text == "false"


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (handle("gibt-es-nicht"), 4101),
        (iccsn("80276000000000000099"), 4099),
        (terminal("t9"), 4007),
        (terminal("t9", 1), 4007),
        (terminal("t1", 99), 4097),
        (terminal("t1", 4), 4098),
        ("<CARDCMN:SlotId>1</CARDCMN:SlotId>", 4000),
        (terminal("t1") + "<CARDCMN:SlotId>0</CARDCMN:SlotId>", 4000),
        (handle("x") + iccsn("1"), 4000),
    ],
)
def test_faults(events: EventSite, inner: str, code: int) -> None:
    """Each way to miss has its code."""
    assert ask(events, inner)[:2] == (500, code)


def test_access_depends_on_what_is_asked_for(events: EventSite) -> None:
    """R1 and R2 leave the Workplace alone, a card has the rule of its type."""
    assert ask(events, workplace="w99")[2] == "Connector"
    assert ask(events, terminal("t1"), workplace="w99")[2] == "CardTerminal"
    assert ask(events, iccsn(SMCB), workplace="w99")[1] == 4021
    assert ask(events, iccsn(SMCB_G20))[1] == 4013
    assert ask(events, terminal("t2"), mandant="m2")[1] == 4012
    assert ask(events, mandant="m99")[1] == 4021


def test_the_konnektor_tells_its_tunnels_and_states(events: EventSite) -> None:
    """Connector lists every error condition with its value."""
    events.put("/network", {"vpn_sis": "down"})
    answer = events.call("GetResourceInformation")
    assert answer.text("//CONN:VPNTIStatus/CONN:ConnectionStatus") == "Online"
    assert answer.text("//CONN:VPNSISStatus/CONN:ConnectionStatus") == "Offline"
    values = {
        entry.findtext("{*}ErrorCondition"): (
            entry.findtext("{*}Value"),
            entry.findtext("{*}Severity"),
            entry.findtext("{*}Type"),
        )
        for entry in answer.body.iter("{*}ErrorState")
    }
    assert values["EC_No_VPN_SIS_Connection"] == ("true", "Error", "Operation")
    assert values["EC_CRL_Out_Of_Date"] == ("false", "Fatal", "Security")


def listed(events: EventSite, inner: str = "", attributes: str = "", **who: str) -> list[str]:
    """Return the ICCSNs that GetCards lists."""
    answer = events.call("GetCards", inner, attributes, **who)
    assert answer.status == 200
    return [str(found.text) for found in answer.body.iter("{*}Iccsn")]


def test_get_cards_follows_every_change(events: EventSite) -> None:
    """What is prepared for one caller and moment is not answered to another, or later."""
    assert listed(events) == [SMCB, HBA]
    assert listed(events, mandant="m2") == [HBA, SMCB_G20]
    assert listed(events, "<CARDCMN:CardType>HBAx</CARDCMN:CardType>") == [HBA]
    assert listed(events, terminal("t1", 1)) == [SMCB]
    assert listed(events, terminal("t2"), workplace="w2") == []
    assert events.call("GetCards", terminal("t9")).code == 4007
    before = events.site.handle(SMCB)
    events.post(f"/cards/{SMCB}/remove")
    assert listed(events) == [HBA]
    events.post(f"/cards/{SMCB}/insert")
    answer = events.call("GetCards")
    assert answer.text("//CONN:CardHandle") == events.site.handle(SMCB) != before
    events.put("/terminals/t1", {"condition": "disconnected"})
    assert listed(events) == []


def test_get_card_terminals_within_reach(events: EventSite) -> None:
    """Those of the Workplace, or of any Workplace; a lost connection shows at once."""

    def found(attributes: str = "", **who: str) -> dict[str, str]:
        answer = events.call("GetCardTerminals", "", attributes, **who)
        assert answer.status == 200
        return {
            entry.findtext("{*}CtId"): entry.findtext("{*}Connected")
            for entry in answer.body.iter("{*}CardTerminal")
        }

    assert found() == {"t1": "true"}
    assert found(workplace="w2") == {"t1": "true", "t2": "true"}
    assert found(mandant="m2") == {"t1": "true"}
    events.put("/terminals/t1", {"condition": "disconnected"})
    wide = ' mandant-wide="true"'
    assert found(wide, workplace="w99") == {"t1": "false", "t2": "true"}


def test_a_warning_on_purpose_does_not_stay(events: EventSite) -> None:
    """An answer is its caller's own: what is added to one is in no other."""
    rule = {"id": "w", "operation": "GetCards", "times": 1, "effect": {"kind": "warning"}}
    events.put("/faults", [rule])
    assert events.call("GetCards").text("//CONN:Result") == "Warning"
    assert events.call("GetCards").text("//CONN:Result") == "OK"


def test_the_version_of_a_card_tells_its_generation(events: EventSite) -> None:
    """Client systems read from ObjectSystemVersion, 4.4.0 or more, that a card has ECC."""
    systems = {}
    for mandant, iccsn in (("m1", SMCB), ("m2", SMCB_G20)):
        listed = events.call("GetCards", mandant=mandant)
        card = f"//CARD:Card[CARDCMN:Iccsn = '{iccsn}']/CARD:CardVersion"
        for system in ("COSVersion", "ObjectSystemVersion"):
            parts = [
                listed.text(f"{card}/CARD:{system}/CARD:{part}")
                for part in ("Major", "Minor", "Revision")
            ]
            systems[iccsn, system] = ".".join(parts)
    assert systems == {
        (SMCB, "COSVersion"): "4.4.0",
        (SMCB, "ObjectSystemVersion"): "4.4.0",
        (SMCB_G20, "COSVersion"): "4.3.1",
        (SMCB_G20, "ObjectSystemVersion"): "4.3.2",
    }
