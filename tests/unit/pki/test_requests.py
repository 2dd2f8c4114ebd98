"""What a request refuses before anything is made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from simulators.pki.request import (
    CardRequest,
    ClientRequest,
    KimRequest,
    PkiRequest,
    TlsRequest,
)
from tests.unit.pki.conftest import HBA, PRACTICE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"iccsn": "../../etc/passwd"}, "iccsn"),
        ({"iccsn": "90276001011699901102"}, "iccsn"),
        ({"telematik_id": "1-2_ARZT"}, "telematik_id"),  # no PrintableString
        ({"telematik_id": "1" * 129}, "telematik_id"),
        ({"profession_oid": "1.2.276.0.76.4.x"}, "profession_oid"),
        ({"profession_oid": "1.2.276.0.76.4.05"}, "profession_oid"),
        ({"common_name": "x" * 55}, "common_name"),  # with TEST-ONLY longer than X.520 allows
        ({"organization": "x" * 55}, "organization"),
        ({"generation": "G3"}, "generation"),
        ({"not_after": datetime(2026, 1, 1)}, "zone"),
        ({"not_before": "2027-01-01T00:00:00Z", "not_after": "2026-01-01T00:00:00Z"}, "before"),
        ({"type": "HBA", "surname": None}, "given_name and surname"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_card_that_cannot_be(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        CardRequest.model_validate({**PRACTICE.model_dump(), **change})


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", ".hidden", "a\x00b", "x" * 65])
def test_a_name_that_is_no_file_name(name: str) -> None:
    for make in (
        lambda: TlsRequest(name=name),
        lambda: ClientRequest(name=name),
        lambda: KimRequest(participant=name, common_name="praxis"),
    ):
        with pytest.raises(ValidationError, match=r"name|participant"):
            make()


@pytest.mark.parametrize(
    "content",
    [
        {"cards": [HBA, HBA]},
        {"tls": [TlsRequest(name="a"), TlsRequest(name="A")]},
        {"clients": [ClientRequest(name="a"), ClientRequest(name="a")]},
        {"kim_certificates": [KimRequest(participant="a", common_name=c) for c in "bc"]},
    ],
)
def test_nothing_is_asked_for_twice(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is there twice"):
        PkiRequest(**content)


@pytest.mark.parametrize("host", ["not a host", "a" * 300, "", "ä.kim.telematik-test", "a/b"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(ValidationError, match="host"):
        PkiRequest(hosts=[host])
    with pytest.raises(ValidationError, match="dns_names"):
        TlsRequest(name="a", dns_names=[host])
