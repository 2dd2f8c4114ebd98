"""Porting of an address to another card, with a one-time password on the virtual clock."""

from __future__ import annotations

from typing import Any

from tests.account_manager_site import (
    DOCTOR,
    FORMER,
    OWNED,
    PRACTICE,
    TELEMATIK_IDS,
    AccountSite,
    b64,
)
from tests.mail_providers import KV

ENTRY = TELEMATIK_IDS[PRACTICE]


def otp(site: AccountSite, **changes: Any) -> str:
    answer = site.call("GET", "/OTP", **changes)
    assert answer.status == 200
    return str(answer.content["otp"])


def test_address_is_ported_to_the_card_that_has_the_password(site: AccountSite) -> None:
    password = otp(site)
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=password).status == 204
    assert site.entry(TELEMATIK_IDS[DOCTOR])["mail"] == [OWNED]
    assert "mail" not in site.entry(ENTRY)
    assert site.call("GET").status == 401
    assert site.call("GET", card=DOCTOR).status == 200
    again = site.call("PUT", "/telematikID", otp=password)
    assert again.status == 403, "a password holds once"
    site.provider.role.kill()
    site.provider.role.restart()
    assert site.call("GET", card=DOCTOR).status == 200


def test_only_the_latest_password_of_a_week_holds(site: AccountSite) -> None:
    old, new = otp(site), otp(site)
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=old).status == 403
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=b64("geraten")).status == 403
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp="kein base64").status == 400
    assert site.call("PUT", "/telematikID", card=DOCTOR, password="falsch", otp=new).status == 401
    assert site.call("PUT", "/telematikID", card=FORMER, otp=new).status == 423
    site.advance(seconds=7 * 86_400 + 1)
    token = site.token_now(DOCTOR)
    assert site.call("PUT", "/telematikID", token=token, otp=new).status == 408
    assert site.accounts()[OWNED]["telematik_id"] == ENTRY
    nobody = site.call("PUT", "/telematikID", address=f"x@{KV}", token=token, otp=new)
    assert nobody.status == 404


def test_directory_that_fails_between_the_entries_leaves_the_address_where_it_was(
    site: AccountSite,
) -> None:
    fault = {
        "id": "1",
        "operation": "*modify_Directory_FA-Attributes",
        "match": {"telematik_id": ENTRY},
        "effect": {"kind": "status", "code": 500},
    }
    assert site.directory.ask("PUT", "/faults", [fault])[0] == 200
    assert site.call("PUT", "/telematikID", card=DOCTOR, otp=otp(site)).status == 502
    assert site.entry(ENTRY)["mail"] == [OWNED]
    assert "mail" not in site.entry(TELEMATIK_IDS[DOCTOR])
    assert site.accounts()[OWNED]["telematik_id"] == ENTRY
