"""Every status that the official OpenAPI declares for an operation, each by its real cause.

Only 500 comes by a fault on purpose: it means a mistake of the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.account_manager_site import (
    CODE,
    DOCTOR,
    OWNED,
    PRACTICE,
    AccountSite,
    Answer,
    b64,
)
from tests.mail_providers import KV

NEW = f"neu@{KV}"
NOTE = {
    "startDate": "2021-01-01T00:00:00Z",
    "endDate": "2199-01-01T00:00:00Z",
    "message": "x",
    "active": True,
}
# Method, path below the account, body of a call that succeeds.
OPERATIONS: dict[str, tuple[str, str, Any]] = {
    "getAccount": ("GET", "", None),
    "setAccount": ("PUT", "", {"dataTimeToLive": 20}),
    "deregisterAccount": ("DELETE", "", None),
    "revokeDeregistration": ("PUT", "/revokeDeregistration", None),
    "getOTP": ("GET", "/OTP", None),
    "setTID": ("PUT", "/telematikID", None),
    "createCert": ("POST", "/cert", {"commonName": "cm"}),
    "getOutOfOffice": ("GET", "/outofoffice", None),
    "updateOutOfOffice": ("PUT", "/outofoffice", NOTE),
}
# A provider without authority is another process (test_account_kvdox); what getAccount shows is
# the provider's own, so that it needs no directory: there 502 comes by faults on purpose alone.
ELSEWHERE = {("createCert", 502), ("getAccount", 502)}

Status = tuple[str, int]


def declared(spec: Callable[[str], Path]) -> set[Status]:
    """Return operation and status of every response in the official OpenAPI."""
    api = yaml.safe_load(spec("api-kim/openapi/AccountManager.yaml").read_text("utf-8"))
    return {
        (operation["operationId"], int(status))
        for path in api["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }


def test_every_declared_status_has_its_cause_and_no_other_is_answered(
    site: AccountSite, spec: Callable[[str], Path]
) -> None:
    reached = {("registerAccount", status) for status in registration(site)}
    for name in OPERATIONS:
        site.reset()
        reached |= {(name, status) for status in refusals(site, name)}
    for name, method, path, body, more in special(site):
        reached.add((name, call(site, method, path, body, **more).status))
    assert reached == declared(spec) - ELSEWHERE


def call(site: AccountSite, method: str, path: str, body: Any, **more: Any) -> Answer:
    if path == "/telematikID":
        more.setdefault("otp", b64("x"))
    return site.call(method, path, body, **more)


def inactive(site: AccountSite) -> None:
    path = f"/entries/karte-{PRACTICE[-2:]}"
    entry = json.loads(site.directory.ask("GET", path)[1])
    assert site.directory.ask("PUT", path, {**entry, "active": False})[0] in (200, 204)


def directory_is_down(site: AccountSite) -> None:
    rule = {"id": "1", "operation": "*", "effect": {"kind": "drop"}}
    assert site.directory.ask("PUT", "/faults", [rule])[0] == 200


def internal_error(site: AccountSite, operation: str) -> None:
    site.provider.faults(
        {"operation": f"REST.{operation}", "effect": {"kind": "reply", "code": 500}}
    )


def registration(site: AccountSite) -> list[int]:
    """Return the statuses of registerAccount, one for each cause."""
    site.reset()
    found = [
        site.register(**{"username": NEW, **changes}).status
        for changes in (
            {"dataTimeToLive": 1},
            {"code": "falsch"},
            {"username": OWNED},
            {"password": b64("kurz")},
            {"kimVersion": "9"},
            {},
        )
    ]
    inactive(site)
    found.append(site.register(f"a@{KV}").status)
    directory_is_down(site)
    found.append(site.register(f"a@{KV}").status)
    internal_error(site, "registerAccount")
    return [*found, site.register(f"a@{KV}", code=CODE).status]


def refusals(site: AccountSite, name: str) -> list[int]:
    """Return what all operations on an account have in common, and what *name* answers else."""
    method, path, body = OPERATIONS[name]
    found = [
        call(site, method, path, body, **more).status
        for more in ({"password": None}, {"token": "a.b.c"}, {"address": f"niemand@{KV}"})
    ]
    internal_error(site, name)
    return [*found, call(site, method, path, body).status]


def special(site: AccountSite) -> Any:
    """Yield the calls that end otherwise, with what has to happen before each."""

    def of(name: str, **more: Any) -> tuple[str, str, str, Any, dict[str, Any]]:
        method, path, body = OPERATIONS[name]
        return name, method, path, more.pop("body", body), more

    site.reset()
    for name in ("getAccount", "setAccount", "createCert", "getOutOfOffice", "updateOutOfOffice"):
        yield of(name)
    yield of("setAccount", body={"password": b64("kurz")})
    yield of("setAccount", body={"kimVersion": "9"})
    yield of("revokeDeregistration")
    yield of("getOTP")
    otp = site.call("GET", "/OTP").content["otp"]
    yield of("setTID", card=DOCTOR)
    inactive(site)
    yield of("setAccount", body={"kimVersion": "1.0"})
    yield of("setTID", otp=otp)
    site.reset()
    yield of("deregisterAccount")
    inactive(site)
    yield of("revokeDeregistration")
    directory_is_down(site)
    yield of("revokeDeregistration")
    site.reset()
    otp = site.call("GET", "/OTP").content["otp"]
    directory_is_down(site)
    for name in ("setAccount", "deregisterAccount", "setTID"):
        more = {"otp": otp, "card": DOCTOR} if name == "setTID" else {}
        yield of(name, body={"kimVersion": "1.5+"} if name == "setAccount" else None, **more)
    assert site.directory.ask("DELETE", "/faults")[0] == 204
    yield of("setTID", otp=otp, card=DOCTOR)
    site.reset()
    assert site.call("DELETE").status == 204
    yield of("revokeDeregistration")
    otp = site.call("GET", "/OTP").content["otp"]
    site.advance(days=8)
    yield of("setTID", otp=otp, token=site.token_now(DOCTOR))
