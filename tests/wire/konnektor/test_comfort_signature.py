"""Comfort signature: its session, its limits, its end (TAB_KON_872, 879, 886 to 888)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.konnektor_site import HBA, SMCB, Answer, Site, context
from tests.signature_calls import (
    Calling,
    administer,
    contents,
    numbered,
    pending,
    set_pin,
    stack,
    steps,
    texts,
    wait_for_prompt,
)

EVA, OTTO, IDA = (str(UUID(int=number, version=4)) for number in (1, 2, 3))


@pytest.fixture
def comfortable(site: Site) -> Site:
    """Return the site with the comfort signature switched on."""
    administer(site, comfort_signature=True)
    return site


def handle_and(site: Site, iccsn: str, who: str) -> str:
    return f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{who}"


def activate(site: Site, user: str | None = EVA, iccsn: str = HBA, **more: str) -> Answer:
    who = context(user=user, **more)
    return site.call("SIG", "ActivateComfortSignature", handle_and(site, iccsn, who))


def deactivate(site: Site, *handles: str) -> Answer:
    inner = "".join(f"<CONN:CardHandle>{handle}</CONN:CardHandle>" for handle in handles)
    return site.call("SIG", "DeactivateComfortSignature", inner)


def mode(site: Site, user: str | None = EVA, iccsn: str = HBA) -> Answer:
    return site.call("SIG", "GetSignatureMode", handle_and(site, iccsn, context(user=user)))


def remaining(site: Site, user: str = EVA) -> int | None:
    """Return how many signatures are left, None where the session is in no comfort mode."""
    answer = mode(site, user)
    found = answer.body.find(".//{*}CountRemaining")
    return None if found is None else int(found.text)


def sign(site: Site, count: int = 1, user: str = EVA, **more: Any) -> Answer:
    return stack(site, HBA, texts(count), context(user=user, **more))


def later(site: Site, **time: float) -> None:
    now = datetime.now(UTC) + timedelta(**time)
    assert site.role.ask("PUT", "/clock", {"now": now.isoformat()})[0] == 200


def test_signs_without_asking_for_the_pin_again(comfortable: Site) -> None:
    answer = activate(comfortable)
    assert answer.text("//SIG:SignatureMode") == "COMFORT"
    assert contents(sign(comfortable)) == numbered(1)
    assert contents(sign(comfortable, 4)) == numbered(4)
    assert len(steps(comfortable, "PinEntry")) == 1
    assert remaining(comfortable) == 95
    shown = mode(comfortable)
    assert shown.text("//SIG:SessionInfo/SIG:SignatureMode") == "COMFORT"
    assert shown.text("//SIG:SessionInfo/SIG:TimeRemaining").startswith("PT5H59M")
    listed = json.loads(comfortable.role.ask("GET", "/signatures")[1])["comfort_sessions"]
    assert [(entry["user"], entry["remaining"]) for entry in listed] == [(EVA, 95)]


def test_signature_mode_without_a_comfort_session(site: Site) -> None:
    answer = mode(site)
    assert answer.text("//SIG:ComfortSignatureStatus") == "DISABLED"
    assert answer.text("//SIG:ComfortSignatureMax") == "100"
    assert answer.text("//SIG:ComfortSignatureTimer") == "PT6H"
    assert remaining(site) is None
    administer(site, comfort_signature=True, comfort_max=250, comfort_hours=24)
    answer = mode(site)
    assert answer.text("//SIG:ComfortSignatureStatus") == "ENABLED"
    assert answer.text("//SIG:ComfortSignatureMax") == "250"
    assert answer.text("//SIG:ComfortSignatureTimer") == "PT24H"


def test_the_workplace_may_change(comfortable: Site) -> None:
    assert activate(comfortable).status == 200
    assert contents(sign(comfortable, workplace="w2")) == numbered(1)
    assert remaining(comfortable) == 99


@pytest.mark.parametrize("user", ["eva", EVA.replace("-", ""), EVA[:-1], f"{EVA}0", None])
def test_a_user_id_that_is_no_uuid(comfortable: Site, user: str | None) -> None:
    assert activate(comfortable, user).code == 4272


def test_a_user_id_serves_one_activation(comfortable: Site) -> None:
    assert activate(comfortable).status == 200
    assert activate(comfortable).code == 4270
    assert activate(comfortable, EVA.upper()).code == 4270
    assert activate(comfortable, OTTO).status == 200


def test_a_user_id_is_unused_after_a_refused_access(comfortable: Site) -> None:
    assert activate(comfortable, workplace="w9").code == 4021
    assert activate(comfortable).status == 200


def test_switched_off_by_default(site: Site) -> None:
    assert activate(site).code == 4263
    assert deactivate(site, site.handle(HBA)).code == 4263


def test_needs_authenticated_clients(start_site: Any) -> None:
    plain = start_site(authentication="tls", client=None)
    assert plain.role.ask("PUT", "/signatures", {"comfort_signature": True})[0] == 400
    assert plain.role.ask("PUT", "/signatures", {"comfort_max": 5})[0] == 200


def test_only_an_hba(comfortable: Site) -> None:
    assert activate(comfortable, iccsn=SMCB).code == 4274
    assert mode(comfortable, iccsn=SMCB).code == 4269
    assert deactivate(comfortable, comfortable.handle(SMCB)).code == 4268


def test_as_many_sessions_as_are_set(comfortable: Site) -> None:
    administer(comfortable, comfort_sessions=2)
    assert [activate(comfortable, user).code for user in (EVA, OTTO, IDA)] == [None, None, 4278]
    assert contents(sign(comfortable, user=EVA)) == numbered(1)
    assert contents(sign(comfortable, 2, user=OTTO)) == numbered(2)
    assert (remaining(comfortable, EVA), remaining(comfortable, OTTO)) == (99, 98)


@pytest.mark.parametrize(("entry", "code"), [("wrong", 4276), ("timeout", 4043), ("abort", 4049)])
def test_trouble_with_the_pin(comfortable: Site, entry: str, code: int) -> None:
    set_pin(comfortable, entry=entry)
    assert activate(comfortable).code == code
    assert remaining(comfortable) is None


def test_a_pin_that_is_blocked_or_becomes_so(comfortable: Site) -> None:
    set_pin(comfortable, entry="wrong", tries=1)
    assert activate(comfortable, EVA).code == 4275
    assert activate(comfortable, OTTO).code == 4275


def test_a_transport_pin_hinders(comfortable: Site) -> None:
    set_pin(comfortable, state="TRANSPORT_PIN")
    answer = activate(comfortable)
    assert answer.code == 4267
    assert comfortable.handle(HBA) in answer.text("//GERROR:ErrorText")


def test_a_busy_terminal(comfortable: Site) -> None:
    set_pin(comfortable, entry="manual")
    calling = Calling(lambda: activate(comfortable, EVA))
    wait_for_prompt(comfortable, calling)
    assert activate(comfortable, OTTO).code == 4060
    set_pin(comfortable, entry="correct")
    assert calling.answer().status == 200


def test_pin_ch_of_another_user_bars_until_the_card_is_pulled(comfortable: Site) -> None:
    who = f"{context(user='eva')}<CONN:CardHandle>{comfortable.handle(HBA)}</CONN:CardHandle>"
    verify = f"{who}<CARDCMN:PinTyp>PIN.CH</CARDCMN:PinTyp>"
    assert comfortable.call("CARD", "VerifyPin", verify).text("//CARDCMN:PinResult") == "OK"
    assert activate(comfortable).code == 4018
    comfortable.role.ask("POST", f"/cards/{HBA}/remove")
    comfortable.role.ask("POST", f"/cards/{HBA}/insert")
    assert activate(comfortable).status == 200  # the UserId was not used up by 4018


def test_ends_by_its_counter(comfortable: Site) -> None:
    administer(comfortable, comfort_max=3)
    activate(comfortable)
    assert contents(sign(comfortable, 3)) == numbered(3)
    assert remaining(comfortable) is None
    assert sign(comfortable).code == 4271
    assert contents(sign(comfortable)) == numbered(1)  # with PIN.QES again
    assert len(steps(comfortable, "PinEntry")) == 2


def test_a_stack_beyond_the_counter_is_discarded(comfortable: Site) -> None:
    administer(comfortable, comfort_max=3)
    activate(comfortable)
    assert sign(comfortable, 4).code == 4271
    assert remaining(comfortable) is None


def test_sessions_share_the_limit_of_the_card(comfortable: Site) -> None:
    administer(comfortable, comfort_max=4, signatures_per_pin=5)
    activate(comfortable, EVA)
    activate(comfortable, OTTO)
    assert sign(comfortable, 3, user=EVA).status == 200
    assert sign(comfortable, 2, user=OTTO).status == 200
    assert sign(comfortable, user=EVA).code == 4271
    assert sign(comfortable, user=OTTO).code == 4271
    assert (remaining(comfortable, EVA), remaining(comfortable, OTTO)) == (None, None)
    assert activate(comfortable, IDA).status == 200
    assert sign(comfortable, 4, user=IDA).status == 200


def test_ends_by_its_timer(comfortable: Site) -> None:
    activate(comfortable)
    later(comfortable, hours=5, minutes=59)
    assert mode(comfortable).text("//SIG:TimeRemaining").startswith("PT0H0M")
    assert sign(comfortable).status == 200
    later(comfortable, hours=6, seconds=1)
    assert [event["data"]["reason"] for event in steps(comfortable, "ComfortSignatureEnded")] == [
        "timer"
    ]
    assert remaining(comfortable) is None
    assert sign(comfortable).code == 4271


def test_timers_do_not_depend_on_each_other(comfortable: Site) -> None:
    activate(comfortable, EVA)
    later(comfortable, hours=4)
    activate(comfortable, OTTO)
    later(comfortable, hours=7)
    assert (remaining(comfortable, EVA), remaining(comfortable, OTTO)) == (None, 100)


def test_ends_by_deactivation_in_all_sessions(comfortable: Site) -> None:
    activate(comfortable, EVA)
    activate(comfortable, OTTO)
    assert deactivate(comfortable, comfortable.handle(HBA)).text("//CONN:Result") == "OK"
    assert (remaining(comfortable, EVA), remaining(comfortable, OTTO)) == (None, None)
    set_pin(comfortable, entry="abort")
    assert sign(comfortable, user=EVA).code == 4049  # PIN.QES is asked for


def test_deactivation_warns_of_what_is_not_there(comfortable: Site) -> None:
    handle = comfortable.handle(HBA)
    answer = deactivate(comfortable, handle)
    assert (answer.text("//CONN:Result"), answer.code) == ("Warning", 4266)
    activate(comfortable)
    answer = deactivate(comfortable, "HBA-none", handle)
    assert (answer.text("//CONN:Result"), answer.code) == ("Warning", 4265)
    assert "HBA-none" in answer.text("//GERROR:ErrorText")
    assert remaining(comfortable) is None


def test_ends_when_the_card_is_pulled(comfortable: Site) -> None:
    activate(comfortable)
    comfortable.role.ask("POST", f"/cards/{HBA}/remove")
    comfortable.role.ask("POST", f"/cards/{HBA}/insert")
    assert remaining(comfortable) is None
    set_pin(comfortable, entry="abort")
    assert sign(comfortable).code == 4049


def test_ends_when_pin_qes_is_lowered(comfortable: Site) -> None:
    activate(comfortable)
    set_pin(comfortable, state="VERIFIABLE", entry="abort")
    assert remaining(comfortable) is None
    assert sign(comfortable).code == 4049


def test_ends_when_the_function_is_switched_off(comfortable: Site) -> None:
    activate(comfortable)
    administer(comfortable, comfort_signature=False)
    assert sign(comfortable).code == 4263
    assert contents(sign(comfortable)) == numbered(1)
    assert len(steps(comfortable, "PinEntry")) == 2


def test_a_normal_signature_beside_a_comfort_session(comfortable: Site) -> None:
    activate(comfortable, EVA)
    assert contents(sign(comfortable, user="otto")) == numbered(1)
    assert remaining(comfortable, EVA) == 100
    assert len(steps(comfortable, "PinEntry")) == 2


def test_version_7_4_knows_none_of_it(comfortable: Site) -> None:
    inner = handle_and(comfortable, HBA, context(user=EVA))
    for operation in ("ActivateComfortSignature", "GetSignatureMode"):
        assert comfortable.call("SIG74", operation, inner).code == 4000
    handle = f"<CONN:CardHandle>{comfortable.handle(HBA)}</CONN:CardHandle>"
    assert comfortable.call("SIG74", "DeactivateComfortSignature", handle).code == 4000


def test_version_7_4_signs_in_a_comfort_session(comfortable: Site) -> None:
    activate(comfortable)
    answer = stack(comfortable, HBA, texts(2), context(user=EVA), version="SIG74")
    assert contents(answer) == numbered(2)
    assert remaining(comfortable) == 98
    assert pending(comfortable) == []


def test_a_reboot_ends_sessions_and_keeps_the_settings(comfortable: Site) -> None:
    activate(comfortable)
    assert comfortable.role.ask("POST", "/reboot")[0] == 200
    assert remaining(comfortable) is None
    assert mode(comfortable).text("//SIG:ComfortSignatureStatus") == "ENABLED"
    assert activate(comfortable, OTTO).status == 200
