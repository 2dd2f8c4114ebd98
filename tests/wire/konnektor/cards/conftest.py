"""The practice with three terminals, started once, found by every test as it was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.issue import issue
from simulators.pki.request import ClientRequest, PkiRequest, TlsRequest
from tests.konnektor_site import site_settings
from tests.wire.konnektor.cards.practice import CARDS, Practice, card_request, model


@pytest.fixture(scope="session")
def running_practice(
    start_role: Callable[..., Any], pki_cache: Path, spec: Callable[[str], Path]
) -> Practice:
    """Return the Konnektor that the tests of cards, PINs and terminals share."""
    pki = issue(
        PkiRequest(
            cards=[card_request(kind, iccsn) for iccsn, kind in CARDS.items()],
            tls=[TlsRequest(name="konnektor", profile="C.AK.AUT")],
            clients=[ClientRequest(name="pvs"), ClientRequest(name="other")],
        ),
        pki_cache,
    )
    settings = site_settings(pki, ocsp_url=None, information_model=model(pki), pins={})
    return Practice(start_role("simulators.konnektor", settings), pki, schemas=spec)


@pytest.fixture
def practice(running_practice: Practice) -> Iterator[Practice]:
    """Return the practice as it was at the start."""
    running_practice.control("POST", "/reset")
    yield running_practice
    running_practice.control("POST", "/reset")
    running_practice.wait()
