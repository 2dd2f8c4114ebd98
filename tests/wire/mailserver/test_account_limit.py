"""getLimits as the OpenAPI AccountLimit 1.1 describes it."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.formats.dsn import read_report
from tests.mail_providers import FACHARZT, KV, PASSWORD, PRAXIS, RunningProvider, mail

PATH = "/AccountLimit/v1.1/limit"


def ask(
    provider: RunningProvider, authorization: str | None, method: str = "GET", path: str = PATH
) -> tuple[int, str, Any]:
    host, port = provider.role.address("rest")
    connection = http.client.HTTPSConnection(
        host, port, context=provider.client_module(), timeout=20
    )
    headers = {} if authorization is None else {"Authorization": authorization}
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    kind = response.headers["Content-Type"]
    connection.close()
    return response.status, kind, json.loads(body) if "json" in kind else body


def basic(user: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_limits_of_an_account_without_quota(kv: RunningProvider) -> None:
    status, kind, limits = ask(kv, basic(PRAXIS))
    assert (status, kind) == (200, "application/json; charset=utf-8")
    assert limits == {
        "dataTimeToLive": 90,
        "maxMailSize": 734_003_200,
        "quota": -1,
        "remainQuota": -1,
    }


def test_quota_shrinks_and_a_full_mailbox_is_refused(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS], account={"quota": 2000, "data_time_to_live": 365})
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [PRAXIS], mail(recipient=PRAXIS))
        size = provider.mailbox(PRAXIS)[0]["size"]
        _, _, limits = ask(provider, basic(PRAXIS))
        assert limits["quota"] == 2000
        assert limits["remainQuota"] == 2000 - size
        assert limits["dataTimeToLive"] == 365
        client.docmd(f"MAIL FROM:<{PRAXIS}> SIZE=5000")
        code, text = client.rcpt(PRAXIS)
        assert (code, text[:5]) == (552, b"5.2.2")


def test_mail_that_turns_out_too_large_for_a_quota_is_refused_or_bounces(
    start_provider: Callable[..., RunningProvider],
) -> None:
    provider = start_provider("kv", KV, [PRAXIS, FACHARZT], account={"quota": 6000})
    text = mail(body=b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 50)
    with provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [FACHARZT], text)
        client.mail(PRAXIS)  # no size is announced
        assert client.rcpt(FACHARZT)[0] == 250
        code, reason = client.data(text)
        assert (code, reason[:5]) == (552, b"5.2.2")
        client.mail(PRAXIS)
        for recipient in (FACHARZT, PRAXIS):
            assert client.rcpt(recipient)[0] == 250
        assert client.data(text)[0] == 250
    assert len(provider.mailbox(FACHARZT)) == 1
    (read,) = (found for raw in provider.wait_for_mails(PRAXIS, 2) if (found := read_report(raw)))
    assert [(r.address, r.action, r.status) for r in read.reports] == [
        (FACHARZT, "failed", "5.2.2")
    ]


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, 401),
        (basic(PRAXIS, "falsch"), 401),
        ("Basic !!!", 401),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), 401),
        ("Basic " + base64.b64encode(b"nur-name").decode(), 401),
        ("Bearer abc", 401),
        (basic(f"niemand@{KV}"), 404),
    ],
)
def test_refusals_have_the_form_of_the_openapi(
    kv: RunningProvider, authorization: str | None, expected: int
) -> None:
    status, kind, body = ask(kv, authorization)
    assert (status, kind) == (expected, "application/json; charset=utf-8")
    assert body.keys() == {"message", "traceId"}
    assert body["traceId"] in [event["data"]["trace_id"] for event in kv.steps("rest.refused")]


def test_internal_error_on_purpose(kv: RunningProvider) -> None:
    kv.faults({"operation": "REST.getLimits", "effect": {"kind": "reply", "code": 500}})
    status, kind, body = ask(kv, basic(FACHARZT))
    assert (status, kind) == (500, "application/json; charset=utf-8")
    assert body.keys() == {"message", "traceId"}


def test_nothing_else_is_there(kv: RunningProvider) -> None:
    assert ask(kv, basic(PRAXIS), "PUT")[0] == 405
    assert ask(kv, basic(PRAXIS), path="/")[0] == 404


def test_answers_are_what_the_official_openapi_declares(
    kv: RunningProvider, spec: Callable[[str], Path]
) -> None:
    api = yaml.safe_load(spec("api-kim/openapi/AccountLimit.yaml").read_text(encoding="utf-8"))
    assert api["servers"][0]["url"].rstrip("/") + "/limit" == PATH
    declared = api["components"]["schemas"]["AccountLimit"]["properties"]
    limits = ask(kv, basic(PRAXIS))[2]
    assert limits.keys() == declared.keys()
    for name, value in limits.items():
        assert declared[name]["minimum"] <= value <= declared[name].get("maximum", value)
