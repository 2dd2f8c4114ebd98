"""Delivery status notifications (KOM-LE-A_2130 to 2132, 2147), here and across providers."""

from __future__ import annotations

from simulators.formats.dsn import DeliveryReport, read_report
from tests.mail_providers import FACHARZT, KASSE, KLINIK, PRAXIS, RunningProvider, mail


def report(provider: RunningProvider, address: str) -> DeliveryReport:
    (stored,) = provider.wait_for_mails(address, 1)
    assert stored.startswith(b"Return-Path: <>\r\n")
    read = read_report(stored)
    assert read is not None
    return read


def send(provider: RunningProvider, recipients: dict[str, str], mail_options: str = "") -> None:
    with provider.smtp(PRAXIS) as client:
        assert client.docmd(f"MAIL FROM:<{PRAXIS}> {mail_options}")[0] == 250
        for address, notify in recipients.items():
            assert client.docmd(f"RCPT TO:<{address}> {notify}")[0] == 250
        assert client.data(mail(headers="X-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\n"))[0] == 250


def test_delivery_is_reported_on_request_only(kv: RunningProvider) -> None:
    send(kv, {FACHARZT: ""})
    send(kv, {FACHARZT: "NOTIFY=FAILURE"})
    send(kv, {FACHARZT: "NOTIFY=NEVER"})
    assert kv.mailbox(PRAXIS) == []
    send(kv, {FACHARZT: "NOTIFY=SUCCESS ORCPT=rfc822;Fach+2BArzt@x"}, "RET=HDRS ENVID=eAU+2B1")
    read = report(kv, PRAXIS)
    assert [(r.address, r.action, r.original_recipient) for r in read.reports] == [
        (FACHARZT, "delivered", "rfc822;Fach+Arzt@x")
    ]
    assert read.in_reply_to == "<1@cm.test>"
    assert read.original_headers is not None
    assert read.original_headers.get("X-KIM-Dienstkennung") == "eAU;Lieferung;V1.2"
    (raw,) = kv.mails(PRAXIS)
    assert b"Original-Envelope-Id: eAU+1\r\n" in raw
    assert b"Hallo" not in raw, "only headers are returned"
    assert [event["message_id"] for event in kv.steps("dsn.sent")] == ["<1@cm.test>"]


def test_one_report_names_every_recipient_of_this_server(kv: RunningProvider) -> None:
    send(kv, {FACHARZT: "NOTIFY=SUCCESS", PRAXIS: "NOTIFY=SUCCESS,FAILURE"})
    kv.wait_for_mails(PRAXIS, 2)
    read = next(read for raw in kv.mails(PRAXIS) if (read := read_report(raw)))
    assert {r.address for r in read.reports} == {FACHARZT, PRAXIS}


def test_report_is_never_reported_about(kv: RunningProvider) -> None:
    with kv.smtp(PRAXIS) as client:
        client.docmd("MAIL FROM:<>")
        client.docmd(f"RCPT TO:<{PRAXIS}> NOTIFY=SUCCESS")
        assert client.data(mail())[0] == 250
    assert len(kv.mailbox(PRAXIS)) == 1


def test_receiving_provider_reports_the_arrival(kv: RunningProvider, arv: RunningProvider) -> None:
    send(kv, {KASSE: "NOTIFY=SUCCESS,FAILURE", FACHARZT: ""}, "RET=HDRS ENVID=7")
    read = report(kv, PRAXIS)
    assert read.reporting_mta == "mail.arv.kim.telematik-test"
    assert [(r.address, r.action) for r in read.reports] == [(KASSE, "delivered")]
    assert read.in_reply_to == "<1@cm.test>"
    assert read.arrival is not None
    (stored,) = arv.mails(KASSE)
    assert stored.count(b"Received: from ") == 2
    (relayed,) = kv.steps("relayed")
    assert (relayed["message_id"], relayed["data"]["domain"]) == ("<1@cm.test>", arv.domain)


def test_refused_recipient_bounces_and_the_others_get_the_mail(
    kv: RunningProvider, arv: RunningProvider
) -> None:
    send(kv, {f"niemand@{arv.domain}": "", KASSE: "", f"nie@{arv.domain}": "NOTIFY=NEVER"})
    read = report(kv, PRAXIS)
    assert [(r.address, r.action, r.status) for r in read.reports] == [
        (f"niemand@{arv.domain}", "failed", "5.1.1")
    ]
    assert read.reports[0].diagnostic is not None
    assert read.reports[0].diagnostic.startswith("smtp; 550 5.1.1")
    assert len(arv.mails(KASSE)) == 1


def test_sender_who_wants_no_failures_hears_of_none(
    kv: RunningProvider, arv: RunningProvider
) -> None:
    send(kv, {f"niemand@{arv.domain}": "NOTIFY=SUCCESS"})
    send(kv, {KLINIK: "NOTIFY=SUCCESS"})
    assert [r.address for r in report(kv, PRAXIS).reports] == [KLINIK]
