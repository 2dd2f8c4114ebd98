"""The operations of AttachmentService.yaml 2.4, each status code by its cause."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.process.tls import client_context
from tests.kas_client import (
    BOUNDARY,
    KIND,
    PATH,
    KasClient,
    Part,
    attachment,
    basic,
    fields,
    form,
    in_days,
    text,
)
from tests.mail_providers import FACHARZT, KLINIK, KV, PRAXIS, RunningProvider, mail, wait_until

END = f"\r\n--{BOUNDARY}--\r\n".encode()
DATA = os.urandom(300_000)


@pytest.fixture(scope="module")
def kas_provider(start_provider: Callable[..., RunningProvider]) -> RunningProvider:
    return start_provider("kv", KV, [PRAXIS, FACHARZT], kas={"max_downloads": 3})


@pytest.fixture
def kas(kas_provider: RunningProvider) -> KasClient:
    assert kas_provider.role.ask("POST", "/reset")[0] == 204
    return KasClient(kas_provider)


def test_upload_and_download_by_every_recipient(kas: KasClient) -> None:
    answer = kas.upload(DATA, *fields([FACHARZT, KLINIK], message_id="bde3@example"))
    host, port = kas.provider.role.address("rest")
    pattern = rf"https://{re.escape(host)}:{port}/attachments/v2\.4/attachment/[0-9a-f-]{{36}}"
    assert re.fullmatch(pattern, answer.json["sharedLink"])
    for recipient in (FACHARZT, KLINIK.upper()):
        got = kas.read(answer.link, recipient)
        assert (got.status, got.body) == (200, DATA)
        assert got.headers["Content-Type"] == "application/octet-stream"
        assert got.headers["Content-Length"] == str(len(DATA))
    (stored,) = kas.stored()
    assert stored["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (stored["owner"], stored["size"], stored["downloads"]) == (PRAXIS, len(DATA), 2)
    assert stored["message_id"] == "<bde3@example>"
    (step,) = kas.provider.steps("rest.addMailData")
    assert step["message_id"] == "<bde3@example>"
    assert step["data"]["bytes"] == len(DATA)


def test_each_upload_has_a_link_of_its_own(kas: KasClient) -> None:
    links = {kas.upload(b"same").link for _ in range(3)}
    assert len(links) == 3
    assert kas.files() == sorted(links)


@pytest.mark.parametrize("data", [b"", b"\r\n--=_f1a2b", b"\r\n--\r\n\r", b"--=_f1a2b3--\r\n"])
def test_data_that_is_empty_or_nearly_a_boundary(kas: KasClient, data: bytes) -> None:
    got = kas.read(kas.upload(data).link)
    assert (got.status, got.body) == (200, data)


def test_mail_data_may_come_first(kas: KasClient) -> None:
    link = kas.post(form([attachment(DATA), *fields()])).link
    assert kas.read(link).body == DATA


def test_head_tells_the_size_and_counts_no_download(kas: KasClient) -> None:
    link = kas.upload(DATA).link
    for _ in range(5):
        head = kas.read(link, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(DATA))
    assert kas.read(link).status == 200


@pytest.mark.parametrize("recipient", [KLINIK, PRAXIS, None, "nobody"])
def test_head_is_404_for_who_may_not_read(kas: KasClient, recipient: str | None) -> None:
    head = kas.read(kas.upload(DATA).link, recipient, "HEAD")
    assert (head.status, head.body) == (404, b"")


@pytest.mark.parametrize(
    ("recipient", "status", "message"),
    [
        (KLINIK, 403, "Recipient not included in the KIM email recipient list."),
        (PRAXIS, 403, "Recipient not included in the KIM email recipient list."),
        (None, 400, "recipient: exactly one KIM address is required"),
        ("no address", 400, "recipient: exactly one KIM address is required"),
        (f"{FACHARZT}, {KLINIK}", 400, "recipient: exactly one KIM address is required"),
    ],
)
def test_download_is_for_recipients_only(
    kas: KasClient, recipient: str | None, status: int, message: str
) -> None:
    got = kas.read(kas.upload(DATA).link, recipient)
    assert (got.status, got.json["message"]) == (status, message)
    (refused,) = kas.provider.steps("rest.refused")
    assert refused["data"]["trace_id"] == got.json["traceId"]


@pytest.mark.parametrize(
    "link", ["b2deea19-c37f-4ef0-a95f-d4e8b5817824", "x", "..%2f..%2fmail.sqlite3", "%00", "%F0"]
)
def test_links_that_do_not_exist(kas: KasClient, link: str) -> None:
    kas.upload(DATA)
    for method in ("GET", "HEAD"):
        assert kas.read(link, method=method).status == 404
    assert kas.delete(link).status == 404
    assert kas.delete(link, user=None).status == 401


def test_over_long_id_is_bad_input(kas: KasClient) -> None:
    assert kas.read("x" * 256).status == 400
    assert kas.delete("x" * 256).status == 400
    assert kas.read("x" * 256, method="HEAD").status == 404


def test_too_many_downloads_until_some_time_has_passed(kas: KasClient) -> None:
    link = kas.upload(DATA, *fields([FACHARZT, KLINIK])).link
    assert [kas.read(link).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert kas.read(link).json["message"] == "Downloaded mail data file too many times."
    assert kas.read(link, KLINIK).status == 200, "another recipient has a count of their own"
    assert kas.provider.role.ask("PUT", "/clock", {"advance_seconds": 301})[0] == 200
    assert kas.read(link).status == 200


def test_delete_by_the_sender_alone(kas: KasClient) -> None:
    link = kas.upload(DATA).link
    assert kas.delete(link, user=None).status == 401
    assert kas.delete(link, password="wrong").status == 401
    assert kas.delete(link, user=FACHARZT).status == 401
    assert kas.files() == [link]
    done = kas.delete(link)
    assert (done.status, done.body) == (200, b"")
    assert kas.read(link).status == 404
    assert kas.delete(link).status == 404
    assert kas.files() == []


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": ""}, basic(PRAXIS, "wrong"), basic(KLINIK), {"Authorization": "Basic %"}],
)
def test_upload_needs_the_mail_account(kas: KasClient, headers: dict[str, str]) -> None:
    answer = kas.post(form([*fields(), attachment(DATA)]), **headers)
    assert (answer.status, answer.json["message"]) == (401, "Authentification failed")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert kas.files() == []


def test_nothing_goes_without_client_certificate(kas: KasClient) -> None:
    link = kas.upload(DATA).link
    kas.tls = client_context(kas.provider.tree.ca)
    try:
        for status in (kas.upload(DATA).status, kas.read(link).status, kas.delete(link).status):
            assert status == 401
    except ssl.SSLError:  # refused by TLS already
        pass
    assert kas.files() == [link]


def without(name: str) -> list[Part]:
    return [part for part in [*fields(), attachment(DATA)] if not part[0].startswith(name)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (without("messageID"), "messageID: the part is missing"),
        (without("recipients"), "recipients: the part is missing"),
        (without("expires"), "expires: the part is missing"),
        (without("attachment"), "attachment: the part is missing"),
        ([*fields(expires="morgen"), attachment(DATA)], "expires: expected a date-time"),
        ([*fields(expires=in_days(-1)), attachment(DATA)], "expires: lies in the past"),
        ([*fields(message_id=" "), attachment(DATA)], "messageID: empty or not printable"),
        ([*fields([f"{FACHARZT}, {KLINIK}"]), attachment(DATA)], "recipients: exactly one address"),
        ([*fields([f"a{n}@b" for n in range(501)]), attachment(DATA)], "recipients: more than 500"),
        ([*fields(), *fields(), attachment(DATA)], "messageID: more than one part"),
        ([attachment(DATA), *fields(), attachment(DATA)], "attachment: more than one part"),
        ([*fields(), text("x", "y" * 5000), attachment(DATA)], "a field is longer than 4096 bytes"),
        ([*fields(), attachment(DATA, "")], "attachment: the part needs a Content-Length"),
        ([*fields(), attachment(DATA, "5")], "Segment Content-Length exceeded"),
        ([*fields(), attachment(DATA, "300001")], "Segment size does not match"),
        ([*fields(), attachment(DATA, "-1")], "Invalid segment Content-Length"),
        ([*fields(), attachment(DATA, "9" * 40)], ""),
    ],
)
def test_forms_that_break_a_rule(kas: KasClient, parts: list[Part], message: str) -> None:
    answer = kas.post(form(parts))
    assert answer.status == (400 if message else 413)
    assert message in answer.json["message"]
    assert kas.files() == []
    assert kas.stored() == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/octet-stream"}, DATA),
        ({"Content-Type": "multipart/form-data"}, DATA),
        ({"Content-Type": 'multipart/form-data; boundary="ä"'}, DATA),
        ({}, b""),
        ({}, form([*fields(), attachment(DATA)])[:-20]),
        ({}, form([*fields(), attachment(DATA)]).replace(b"\r\n", b"\n")),
        ({}, b"\0" * 100_000),
    ],
)
def test_bodies_that_are_no_form(kas: KasClient, headers: dict[str, str], body: bytes) -> None:
    answer = kas.post(body, **headers)
    assert answer.status == 400
    assert "message" in answer.json
    assert kas.files() == []


def test_chunked_body_without_length(kas: KasClient) -> None:
    connection = kas.connect()
    headers = {**basic(PRAXIS), "Content-Type": KIND}
    body = form([*fields(), attachment(DATA)])
    connection.request("POST", PATH, iter([body]), headers)
    response = connection.getresponse()
    assert response.status == 400
    assert b"Content-Length is required" in response.read()
    connection.close()


@pytest.mark.parametrize("where", ["request", "part"])
def test_larger_than_the_account_may_is_refused_before_it_is_sent(
    kas: KasClient, where: str
) -> None:
    start = form([*fields(), attachment(b"", str(734_003_201))]).removesuffix(END)
    length = 800_000_000 if where == "request" else len(start) + 734_003_201
    connection = kas.connect()
    connection.putrequest("POST", PATH)
    for name, value in {
        **basic(PRAXIS),
        "Content-Type": KIND,
        "Content-Length": str(length),
    }.items():
        connection.putheader(name, value)
    connection.endheaders(start)
    response = connection.getresponse()
    assert response.status == 413
    assert b"Payload Too Large" in response.read()
    connection.close()
    assert kas.files() == []


@pytest.fixture(scope="module")
def limited_provider(start_provider: Callable[..., RunningProvider]) -> RunningProvider:
    settings = {
        "capacity": 1_200_000,
        "require_part_length": False,
        "sender_may_download": True,
        "base_url": "https://kas.test:8443/attachments/v2.4/",
    }
    account = {"quota": 1_000_000}
    return start_provider("kv", KV, [PRAXIS, FACHARZT], account=account, kas=settings)


@pytest.fixture
def limited(limited_provider: RunningProvider) -> KasClient:
    assert limited_provider.role.ask("POST", "/reset")[0] == 204
    return KasClient(limited_provider)


def test_quota_holds_for_mails_and_uploads_together(limited: KasClient) -> None:
    with limited.provider.smtp(PRAXIS) as client:
        client.sendmail(PRAXIS, [PRAXIS], mail(recipient=PRAXIS, body=(b"x" * 70 + b"\r\n") * 1000))
    used = limited.provider.mailbox(PRAXIS)[0]["size"]
    link = limited.upload(bytes(500_000)).link
    limits = limited.ask("GET", "/AccountLimit/v1.1/limit", basic(PRAXIS)).json
    assert limits["remainQuota"] == 500_000 - used
    refused = limited.upload(bytes(500_001 - used))
    assert (refused.status, refused.json["message"]) == (507, "Not enough memory available.")
    assert limited.upload(bytes(500_001), user=FACHARZT).status == 201, "has a quota of their own"
    assert limited.upload(bytes(200_000), user=FACHARZT).status == 507, "beyond the whole capacity"
    assert limited.delete(link).status == 200
    assert limited.upload(bytes(500_001 - used)).status == 201


def test_uploads_at_the_same_time_share_the_quota(limited: KasClient) -> None:
    body = form([*fields(), attachment(bytes(600_000))])
    connection = limited.connect()
    head = {**basic(PRAXIS), "Content-Type": KIND, "Content-Length": str(len(body))}
    connection.request("POST", PATH, body[:100_000], head)
    wait_until(lambda: limited.files() != [])
    assert limited.upload(bytes(600_000)).status == 507
    connection.send(body[100_000:])
    assert connection.getresponse().status == 201
    connection.close()


def test_settings_of_links(limited: KasClient) -> None:
    answer = limited.post(form([*fields(), attachment(bytes(5000), "")]))
    assert answer.json["sharedLink"].startswith("https://kas.test:8443/attachments/v2.4/attachment")
    assert limited.read(answer.link, PRAXIS).status == 200, "the sender may read"
    assert limited.read(answer.link, KLINIK).status == 403


def test_data_that_was_altered_on_the_disk_is_never_complete(kas: KasClient) -> None:
    link, small = kas.upload(os.urandom(3 << 20)).link, kas.upload(b"small").link
    folder = Path(kas.provider.role.settings["data_dir"]) / "kas"
    with (folder / link).open("r+b") as file:
        file.write(b"altered")
    (folder / small).write_bytes(b"smaLl")
    connection = kas.connect()
    connection.request(
        "GET", f"/attachments/v2.4/attachment/{link}", headers={"recipient": FACHARZT}
    )
    response = connection.getresponse()
    with pytest.raises((OSError, http.client.IncompleteRead)):
        response.read()
    connection.close()
    assert kas.read(small).status == 500
    (folder / small).unlink()
    assert kas.read(small).status == 500
    assert "the data is not what was uploaded" in kas.provider.role.log()
