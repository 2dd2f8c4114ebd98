"""The practice that foreign SOAP clients meet: SMC-B, HBA and a patient's card in one terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, ClientRequest, PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from tests.konnektor_site import site_settings

from .konnektor_calls import EGK, HBA, SMCB

DOCTOR = {"profession_oid": "1.2.276.0.76.4.30", "profession_item": "Ärztin/Arzt"}
PRACTICE = {"profession_oid": "1.2.276.0.76.4.50", "profession_item": "Betriebsstätte Arzt"}
INSURED = {"profession_oid": "1.2.276.0.76.4.49", "profession_item": "Versicherte/-r"}


def practice_pki(cache: Path) -> PkiTree:
    """Return cards and certificates of the practice."""
    eva = {"given_name": "Eva", "surname": "Müller"}
    return issue(
        PkiRequest(
            cards=[
                CardRequest(
                    type="SMC-B", iccsn=SMCB, telematik_id="1-20123456701",
                    common_name="Praxis 1", **PRACTICE, **eva,
                ),
                CardRequest(
                    type="HBA", iccsn=HBA, telematik_id="1-20123456703",
                    common_name="Dr. Eva Müller", **DOCTOR, **eva,
                ),
                CardRequest(
                    type="EGK", iccsn=EGK, kvnr="X110411675", organization="Testkasse",
                    common_name="Otto Patient", given_name="Otto", surname="Patient", **INSURED,
                ),
            ],
            tls=[TlsRequest(name="konnektor", profile="C.AK.AUT")],
            clients=[ClientRequest(name="pvs"), ClientRequest(name="other")],
        ),
        cache,
    )  # fmt: skip


def start_practice(
    start_role: Callable[..., Any], pki: PkiTree, authentication: str = "certificate"
) -> Any:
    """Start OCSP responder and Konnektor; return the Konnektor's process."""
    responder = start_role("simulators.pki", {"pki": str(pki.directory), "listeners": {"ocsp": {}}})
    host, port = responder.address("ocsp")
    model = {
        "mandanten": [
            {
                "id": "m1",
                "clientsystems": ["cs1"],
                "workplaces": ["w1"],
                "terminals": ["t1"],
                "cards": [SMCB],
                "access": [{"clientsystem": "cs1", "workplaces": ["w1"]}],
            }
        ],
        "clientsystems": [
            {
                "id": "cs1",
                "certificates": [pki.client("pvs").fingerprint],
                "basic": ["pvs", "geheim"],
            }
        ],
        "workplaces": [{"id": "w1", "local_terminals": ["t1"]}],
        "terminals": [
            {
                "id": "t1",
                "name": "Empfang",
                "cards": [
                    {"slot": slot, "card": str(pki.card(iccsn))}
                    for slot, iccsn in enumerate((SMCB, HBA, EGK), 1)
                ],
            }
        ],
    }
    settings = site_settings(
        pki,
        ocsp_url=f"http://{host}:{port}/ocsp",
        authentication=authentication,
        information_model=model,
        pins={SMCB: {"PIN.SMC": {"state": "VERIFIED"}}},
        signatures={"comfort_signature": True},
    )
    return start_role("simulators.konnektor", settings)
