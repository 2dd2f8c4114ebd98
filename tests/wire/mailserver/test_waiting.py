"""The control port answers who waits: when the mail is stored, or at the deadline."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.mail_providers import FACHARZT, KLINIK, PRAXIS, RunningProvider, mail, wait_until

EAU = "eAU;Lieferung;V1.0"
MAX_WAITING = 64


@contextlib.contextmanager
def waiting(provider: RunningProvider, path: str, **query: object) -> Iterator[Any]:
    """Ask and go on; yield the connection whose answer comes later."""
    connection = http.client.HTTPConnection(urlsplit(provider.role.control).netloc, timeout=20)
    try:
        connection.request("GET", f"{path}?{urlencode(query)}")
        yield connection
    finally:
        connection.close()


def following(address: str) -> str:
    return f"/mailboxes/{quote(address)}/next"


def ask(provider: RunningProvider, path: str, **query: object) -> tuple[int, Any]:
    status, body = provider.role.ask("GET", f"{path}?{urlencode(query)}")
    return status, json.loads(body) if body.startswith(b"{") else body.decode()


def send(provider: RunningProvider, number: int, headers: str = "", to: str = FACHARZT) -> None:
    content = mail(recipient=to, message_id=f"<{number}@cm.test>", headers=headers)
    with provider.smtp(PRAXIS) as client:
        assert client.sendmail(PRAXIS, [to], content) == {}


def answer(connection: http.client.HTTPConnection) -> tuple[int, Any]:
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_the_answer_comes_with_the_mail_and_passes_over_others(kv: RunningProvider) -> None:
    with waiting(kv, following(FACHARZT), dienstkennung=EAU, within=20) as connection:
        send(kv, 1, "X-KIM-Dienstkennung: Arztbrief;VHitG-Versand;V1.2\r\n")
        send(kv, 2, f"X-KIM-Dienstkennung: {EAU}\r\n")
        status, found = answer(connection)
    assert status == 200
    assert (found["message_id"], found["dienstkennung"]) == ("<2@cm.test>", EAU)
    assert found["uid"] == kv.mailbox(FACHARZT)[1]["uid"]
    assert found["subject"] == "KOM-LE-Nachricht"


def test_what_is_there_already_is_found_and_after_goes_on(kv: RunningProvider) -> None:
    for number in range(3):
        send(kv, number, f"X-KIM-Dienstkennung: {EAU}\r\n")
    seen = []
    uid = {}
    while (found := ask(kv, following(FACHARZT), within=0, **uid))[0] == 200:
        seen.append(found[1]["message_id"])
        uid = {"after": found[1]["uid"]}
    assert seen == ["<0@cm.test>", "<1@cm.test>", "<2@cm.test>"]
    # numbers go on when the mailbox is emptied
    assert kv.role.ask("DELETE", f"/mailboxes/{FACHARZT}")[0] == 204
    with waiting(kv, following(FACHARZT), within=20, **uid) as connection:
        send(kv, 3)
        assert answer(connection)[1]["message_id"] == "<3@cm.test>"


def test_a_mail_of_another_provider_and_its_report_wake_too(
    kv: RunningProvider, arv: RunningProvider
) -> None:
    content = mail(recipient=KLINIK, message_id="<7@cm.test>")
    with (
        waiting(arv, following(KLINIK), message_id="<7@cm.test>", within=20) as at_the_hospital,
        waiting(kv, following(PRAXIS), within=20) as at_the_practice,
        kv.smtp(PRAXIS) as client,
    ):
        client.sendmail(PRAXIS, [KLINIK], content, ["RET=HDRS"], ["NOTIFY=SUCCESS"])
        assert answer(at_the_hospital)[0] == 200
        status, report = answer(at_the_practice)
    assert status == 200
    assert report["dienstkennung"] is None
    _, again = ask(kv, following(PRAXIS), subject=report["subject"], within=0)
    assert again == report


def test_at_the_deadline_the_answer_says_what_came_instead(kv: RunningProvider) -> None:
    send(kv, 1, "X-KIM-Dienstkennung: Arztbrief;VHitG-Versand;V1.2\r\n")
    status, said = ask(kv, following(FACHARZT), dienstkennung=EAU, within=0.05)
    assert status == 408
    assert said["error"] == "nothing that was asked for came within 0.05 s"
    assert [mail["message_id"] for mail in said["passed"]] == ["<1@cm.test>"]


def test_the_virtual_clock_does_not_move_the_deadline(kv: RunningProvider) -> None:
    with waiting(kv, following(FACHARZT), within=20) as connection:
        kv.role.ask("PUT", "/clock", {"advance_seconds": 86_400})
        send(kv, 1)
        assert answer(connection)[0] == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"dienstkenung": EAU}, "dienstkenung: not known here"),
        ({"within": "601"}, "within: expected 0 to 600 seconds"),
        ({"within": "nan"}, "within: expected"),
        ({"within": "-1"}, "within: expected"),
        ({"after": "0"}, "after: expected the uid of a mail"),
        ({"after": "f" * 16 + "-0"}, "after: expected the uid of a mail"),
        ({"subject": "x" * 1001}, "subject: expected once, with at most 1000"),
    ],
)
def test_a_question_that_nobody_understands_is_refused(
    kv: RunningProvider, query: dict[str, str], said: str
) -> None:
    status, body = ask(kv, following(FACHARZT), **query)
    assert status == 400
    assert body["error"].startswith(said)


def test_nobody_waits_at_a_mailbox_that_is_not_there(kv: RunningProvider) -> None:
    assert ask(kv, following(f"niemand@{kv.domain}"))[0] == 404


def test_a_hundredth_waiter_is_sent_away_and_who_disconnects_leaves_a_place(
    kv: RunningProvider,
) -> None:
    with contextlib.ExitStack() as leaving:
        for _ in range(MAX_WAITING):
            leaving.enter_context(waiting(kv, following(FACHARZT), within=600))
        wait_until(lambda: ask(kv, following(FACHARZT), within=0)[0] == 503)
        assert ask(kv, "/journal/next", step="no such step", within=0)[0] == 503
        assert kv.role.ask("GET", "/ready")[0] == 200
    wait_until(lambda: ask(kv, following(FACHARZT), within=0)[0] == 408)
    send(kv, 1)
    assert ask(kv, following(FACHARZT), within=0)[0] == 200


def test_a_step_of_the_journal_is_waited_for(kv: RunningProvider) -> None:
    last = max((event["seq"] for event in kv.role.journal()), default=0)
    with waiting(
        *(kv, "/journal/next"), step="stor*", message_id="<9@cm.test>", since=last, within=20
    ) as connection:
        send(kv, 8)
        send(kv, 9)
        status, event = answer(connection)
    assert status == 200
    assert (event["step"], event["message_id"]) == ("stored", "<9@cm.test>")
    status, said = ask(kv, "/journal/next", step="stored", since=event["seq"], within=0)
    assert (status, said["error"]) == (408, "nothing that was asked for came within 0 s")
    assert ask(kv, "/journal/next", stepp="stored")[0] == 400
    assert ask(kv, "/journal/next", since="soon")[0] == 400


def test_a_reset_whose_client_goes_is_carried_out(kv: RunningProvider) -> None:
    send(kv, 1)
    connection = http.client.HTTPConnection(urlsplit(kv.role.control).netloc, timeout=20)
    connection.request("POST", "/reset")
    connection.close()
    wait_until(lambda: kv.mailbox(FACHARZT) == [])
