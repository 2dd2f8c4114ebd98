"""HBA-Vorläuferkarten (HBA-qSig, ZOD_2.0): RSA, single signatures, no comfort signature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, ClientRequest, PkiRequest, TlsRequest
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context, site_settings
from tests.signature_calls import administer, contents, numbered, stack, texts

QSIG, ZOD = HBA, SMCB_G20  # in the slots where the practice has these cards


def person(kind: str, iccsn: str) -> CardRequest:
    return CardRequest(
        type=kind,
        iccsn=iccsn,
        telematik_id=f"1-{iccsn}",
        profession_oid="1.2.276.0.76.4.30",
        profession_item="Ärztin/Arzt",
        common_name="Dr. Eva Müller",
        given_name="Eva",
        surname="Müller",
    )


@pytest.fixture(scope="module")
def old(start_role: Callable[..., Any], pki_cache: Path, spec: Callable[[str], Path]) -> Site:
    """Return a Konnektor with an HBA-qSig and a ZOD card in its terminal."""
    institution = CardRequest(
        type="SMC-B",
        iccsn=SMCB,
        telematik_id="1-1",
        profession_oid="1.2.276.0.76.4.50",
        profession_item="Betriebsstätte Arzt",
        common_name="Praxis",
    )
    request = PkiRequest(
        cards=[institution, person("HBA-qSig", QSIG), person("ZOD_2.0", ZOD)],
        tls=[TlsRequest(name="konnektor", profile="C.AK.AUT")],
        clients=[ClientRequest(name="pvs"), ClientRequest(name="other")],
    )
    pki = issue(request, pki_cache)
    settings = site_settings(pki, ocsp_url=None, pins={})
    return Site(start_role("simulators.konnektor", settings), pki, schemas=spec)


@pytest.mark.parametrize("iccsn", [QSIG, ZOD])
def test_single_signatures_only(old: Site, iccsn: str) -> None:
    who = context(user="eva")
    assert contents(stack(old, iccsn, texts(1), who)) == numbered(1)
    assert stack(old, iccsn, texts(2), who).code == 4118


@pytest.mark.parametrize("iccsn", [QSIG, ZOD])
def test_no_comfort_signature(old: Site, iccsn: str) -> None:
    administer(old, comfort_signature=True)
    who = context(user=str(UUID(int=len(iccsn) + int(iccsn[-3:]), version=4)))
    inner = f"<CONN:CardHandle>{old.handle(iccsn)}</CONN:CardHandle>{who}"
    assert old.call("SIG", "ActivateComfortSignature", inner).code == 4274
