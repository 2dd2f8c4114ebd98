"""A tree of certificates for the tests of this area, and the requests it was made of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.pki.cards import Card, read_card
from simulators.pki.issue import issue
from simulators.pki.request import (
    CardRequest,
    ClientRequest,
    KimRequest,
    PkiRequest,
    TlsRequest,
)
from simulators.pki.tree import PkiTree

# The holders of the public test cards, so that ours can be compared with them field by field.
HBA = CardRequest(
    type="HBA",
    iccsn="80276001011699901501",
    telematik_id="1-1-ARZT-AdelheidUlmenwald01",
    profession_oid="1.2.276.0.76.4.30",
    profession_item="Ärztin/Arzt",
    common_name="Arzt Adelheid Ulmenwald",
    given_name="Adelheid",
    surname="Ulmenwald",
    admission_authority="ÄK Berlin",
)
PRACTICE = CardRequest(
    type="SMC-B",
    iccsn="80276001011699901102",
    telematik_id="1-2-ARZTPRAXIS-BerndRosenstrauch01",
    profession_oid="1.2.276.0.76.4.50",
    profession_item="Betriebsstätte Arzt",
    common_name="Arztpraxis Bernd Rosenstrauch",
    given_name="Bernd",
    surname="Rosenstrauch",
    organization="102310801",
)
HOSPITAL = CardRequest(
    type="SMC-B",
    iccsn="80276001011699900861",
    telematik_id="5-2-KH-APO-Waldesrand-01",
    profession_oid="1.2.276.0.76.4.55",
    profession_item="Krankenhausapotheke",
    common_name="Krankenhausapotheke Am Waldesrand",
    street="Am Waldesrand 1",
    postal_code="12345",
    locality="Berlin",
    state="Berlin",
    admission_authority="gematik",
)
OLD = PRACTICE.model_copy(
    update={
        "iccsn": "80276001011699901199",
        "generation": "G2.0",
        "not_after": datetime(2025, 6, 30, tzinfo=UTC),
    }
)
REQUEST = PkiRequest(
    cards=[HBA, PRACTICE, HOSPITAL, OLD],
    tls=[
        TlsRequest(
            name="mail",
            dns_names=["mail.dom1.kim.telematik-test"],
            role_oid="1.2.276.0.76.4.172",
        ),
        TlsRequest(name="konnektor", profile="C.AK.AUT", key="RSA-2048"),
    ],
    clients=[ClientRequest(name="pvs")],
    kim_certificates=[KimRequest(participant="praxis", common_name="praxis.sonnenschein")],
    hosts=["kim.internal", "10.1.2.3"],
)


@pytest.fixture(scope="session")
def tree(pki_cache: Path) -> PkiTree:
    return issue(REQUEST, pki_cache)


@pytest.fixture(scope="session")
def card(tree: PkiTree) -> Callable[[CardRequest], Card]:
    return lambda request: read_card(tree.card(request.iccsn))


@pytest.fixture
def cache_copy(tree: PkiTree, pki_cache: Path, tmp_path: Path) -> Path:
    """Return a cache of the test's own, to be damaged, in which the keys are there already."""
    copy = tmp_path / "cache"
    shutil.copytree(pki_cache, copy)
    return copy
