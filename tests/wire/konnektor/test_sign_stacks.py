"""SignDocument for stacks: order, limits, parts by PIN.QES, what ends a stack."""

from __future__ import annotations

import base64
import json

import pytest
from fpdf import FPDF

from tests.konnektor_site import CMS, HBA, SMCB, Site, context, document
from tests.signature_calls import (
    EVA,
    Calling,
    administer,
    contents,
    numbered,
    pending,
    set_pin,
    stack,
    steps,
    stop,
    texts,
    wait_for_prompt,
)

PADES = "<dss:SignatureType>http://uri.etsi.org/02778/3</dss:SignatureType>"


@pytest.mark.parametrize("version", ["SIG", "SIG74"])
def test_250_documents_are_signed_in_order(site: Site, version: str) -> None:
    assert contents(stack(site, SMCB, texts(250), version=version)) == numbered(250)


def test_more_than_250_documents(site: Site) -> None:
    assert stack(site, SMCB, texts(251)).code == 4000


def test_request_ids_are_unique(site: Site) -> None:
    assert stack(site, SMCB, texts(2), ids=["1", "1"]).code == 4000


def test_job_number_and_tv_mode_are_checked(site: Site) -> None:
    assert stack(site, SMCB, texts(1), numbered=False).code == 4000
    assert stack(site, SMCB, texts(1), tv_mode="MAYBE").code == 4000
    for mode in ("NONE", "UNCONFIRMED", "CONFIRMED", ""):  # empty: the default of the schema
        assert stack(site, SMCB, texts(1), tv_mode=mode).status == 200


def test_a_refused_call_leaves_its_job_number_unused(site: Site) -> None:
    assert stack(site, SMCB, texts(1), context("m9"), job="AAA-001").code == 4021
    assert stack(site, SMCB, texts(1), job="AAA-001").status == 200
    assert stack(site, SMCB, texts(1), job="AAA-001").code == 4252


def test_one_pin_serves_a_whole_stack(site: Site) -> None:
    assert contents(stack(site, HBA, texts(3))) == numbered(3)
    assert len(steps(site, "PinEntry")) == 1


def test_the_pin_is_typed_again_where_the_card_asks(site: Site) -> None:
    administer(site, signatures_per_pin=2)
    assert contents(stack(site, HBA, texts(5))) == numbered(5)
    assert len(steps(site, "PinEntry")) == 3


def test_trouble_with_a_later_pin_returns_what_is_finished(site: Site) -> None:
    administer(site, signatures_per_pin=2)
    set_pin(site, state="VERIFIED")
    for entry in ("wrong", "abort", "timeout"):
        set_pin(site, state="VERIFIED", entry=entry)
        assert contents(stack(site, HBA, texts(5))) == numbered(2), entry


def test_trouble_with_the_first_pin_is_a_fault(site: Site) -> None:
    administer(site, signatures_per_pin=2)
    set_pin(site, entry="abort")
    assert stack(site, HBA, texts(5)).code == 4049


def test_a_card_pulled_at_a_later_pin_discards_all(site: Site) -> None:
    administer(site, signatures_per_pin=2)
    set_pin(site, state="VERIFIED", entry="manual")
    calling = Calling(lambda: stack(site, HBA, texts(5)))
    wait_for_prompt(site, calling)
    site.role.ask("POST", f"/cards/{HBA}/remove")
    assert calling.answer().code == 4008


def test_a_pin_serves_no_second_run(site: Site) -> None:
    set_pin(site, state="VERIFIED", entry="manual")
    assert stack(site, HBA, texts(1)).status == 200
    calling = Calling(lambda: stack(site, HBA, texts(1)))
    wait_for_prompt(site, calling)
    assert stack(site, HBA, texts(1)).code == 4060
    set_pin(site, entry="correct")
    assert calling.answer().status == 200


@pytest.mark.parametrize("version", ["SIG", "SIG74"])
def test_stop_while_the_first_pin_is_awaited(site: Site, version: str) -> None:
    set_pin(site, entry="manual")
    calling = Calling(lambda: stack(site, HBA, texts(2), job="STP-001", version=version))
    wait_for_prompt(site, calling)
    assert "STP-001" in pending(site)[0]["shown"]
    assert stop(site, "STP-001", prefix=version).text("//CONN:Result") == "OK"
    assert calling.answer().code == 4049
    assert pending(site) == []
    assert steps(site, "PinEntry")[-1]["data"]["entry"] == "stopped"
    set_pin(site, entry="correct")
    assert stack(site, HBA, texts(1)).status == 200


def test_stop_while_a_later_pin_is_awaited(site: Site) -> None:
    administer(site, signatures_per_pin=2)
    set_pin(site, state="VERIFIED", entry="manual")
    calling = Calling(lambda: stack(site, HBA, texts(5), job="STP-002"))
    wait_for_prompt(site, calling)
    assert stop(site, "STP-002").status == 200
    assert contents(calling.answer()) == numbered(2)


def test_stop_between_documents(site: Site) -> None:
    for number in range(9):  # the stack may be quicker than the call that stops it, or slower
        job = f"MID-{number:03d}"
        calling = Calling(lambda job=job: stack(site, SMCB, texts(250), job=job))  # type: ignore[misc]
        while calling.thread.is_alive() and stop(site, job).code == 4243:
            pass
        answer = calling.answer()
        if answer.code == 4049:  # before the first document was finished
            continue
        signed = contents(answer)
        assert signed == numbered(len(signed))
        if len(signed) < 250:
            return
    pytest.fail("no stack could be stopped")


def test_stop_of_an_unknown_job(site: Site) -> None:
    assert stop(site, "NIX-001").code == 4243
    assert stack(site, SMCB, texts(1), job="FIN-001").status == 200
    assert stop(site, "FIN-001").code == 4243
    assert stop(site, "nix-001").code == 4000


def test_stop_needs_access(site: Site) -> None:
    set_pin(site, entry="manual")
    calling = Calling(lambda: stack(site, HBA, texts(1), job="STP-003"))
    wait_for_prompt(site, calling)
    assert stop(site, "STP-003", context("m9")).code == 4000
    assert stop(site, "STP-003", context(workplace="w9")).code == 4000
    set_pin(site, entry="correct")
    assert calling.answer().status == 200


def test_job_numbers_need_no_access_and_are_unique(site: Site) -> None:
    given = {
        site.call("SIG", "GetJobNumber", context("m9")).text("//SIG:JobNumber") for _ in range(10)
    }
    assert len(given) == 10
    assert site.call("SIG", "GetJobNumber", "").code == 4000


def test_the_application_can_be_switched_off(site: Site) -> None:
    administer(site, qes=False)
    assert stack(site, HBA, texts(1)).code == 4125
    assert stack(site, SMCB, texts(1)).status == 200
    site.role.ask("POST", "/reset")
    assert stack(site, HBA, texts(1)).status == 200


@pytest.mark.parametrize("iccsn", [SMCB, HBA])
def test_a_defective_card_signs_wrongly(site: Site, iccsn: str) -> None:
    assert site.role.ask("PUT", f"/cards/{iccsn}/defect")[0] == 200
    assert stack(site, iccsn, texts(2)).code == 4120
    assert site.role.ask("DELETE", f"/cards/{iccsn}/defect")[0] == 200
    assert stack(site, iccsn, texts(2)).status == 200
    assert site.role.ask("PUT", "/cards/123/defect")[0] == 400


def test_a_defective_card_is_noticed_in_a_pdf(site: Site) -> None:
    letter = FPDF(enforce_compliance="PDF/A-2B")
    letter.add_page()
    site.role.ask("PUT", f"/cards/{SMCB}/defect")
    made = document(bytes(letter.output()), "application/pdf-a", "x")
    assert site.sign(SMCB, made).code == 4120


def test_user_id_is_ignored_without_qes(site: Site) -> None:
    assert stack(site, SMCB, texts(1), context(user="niemand")).status == 200


def test_a_reserved_card(site: Site) -> None:
    assert site.role.ask("POST", f"/cards/{HBA}/lock")[0] == 200
    assert stack(site, HBA, texts(1)).code == 4093


def test_one_broken_document_discards_all(site: Site) -> None:
    assert stack(site, SMCB, texts(2), options=PADES).code == 4110


def test_what_is_ignored_is_a_warning_of_its_document(site: Site) -> None:
    ignored = CMS + (
        "<dss:SignaturePlacement WhichDocument='x' CreateEnvelopedSignature='true'/>"
        "<SIG:IncludeEContent>true</SIG:IncludeEContent>"
    )
    answer = stack(site, SMCB, texts(2), options=ignored)
    assert contents(answer) == numbered(2)
    assert [found.text for found in answer.body.iter("{*}Code")] == ["4197", "4197"]


def test_control_refuses_nonsense(site: Site) -> None:
    for settings in ({"comfort_max": 251}, {"comfort_hours": 0}, {"comfort_sessions": 1}, {"x": 1}):
        assert site.role.ask("PUT", "/signatures", settings)[0] == 400
    assert site.role.ask("PUT", "/signatures", ["qes"])[0] == 400
    shown = json.loads(site.role.ask("GET", "/signatures")[1])
    assert (shown["settings"]["comfort_max"], shown["settings"]["comfort_hours"]) == (100, 6)


@pytest.mark.parametrize(
    ("options", "code"),
    [("<dss:SignatureType>urn:x</dss:SignatureType>", 4111), (PADES, 4110)],
)
def test_an_unfit_document_comes_after_access_and_card(site: Site, options: str, code: int) -> None:
    unfit = document(b"x" * 10, "application/octet-stream", "x")
    assert site.sign(SMCB, unfit, options, context=context("m9")).code == 4021
    administer(site, qes=False)
    assert site.sign(HBA, unfit, options, context=EVA).code == 4125
    assert site.sign(SMCB, unfit, options).code == code


def test_xml_beyond_its_bounds_comes_after_the_access_check(site: Site) -> None:
    nested = base64.b64encode(b"<a>" * 31 + b"</a>" * 31).decode()
    deep = f'<SIG:Document ShortText="x"><CONN:Base64XML>{nested}</CONN:Base64XML></SIG:Document>'
    assert site.sign(SMCB, deep, context=context("m9")).code == 4021
    assert site.sign(SMCB, deep).code == 4280
