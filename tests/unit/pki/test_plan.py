"""From a request to certificates: dates, issuers, subjects, host names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.pki.plan import Item, plan, usual_start
from simulators.pki.request import CardRequest, PkiRequest, TlsRequest
from tests.unit.pki.conftest import HBA, HOSPITAL, PRACTICE

START = datetime(2025, 1, 1, tzinfo=UTC)


def dates(**wanted: datetime) -> tuple[datetime, datetime]:
    request = PkiRequest(tls=[TlsRequest(name="a", **wanted)])
    content = plan(request, START)[0].content
    return content.not_before, content.not_after


def test_usually_five_years_from_a_rounded_start() -> None:
    assert dates() == (START, datetime(2029, 12, 31, 23, 59, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        (datetime(2020, 6, 30, tzinfo=UTC), datetime(2015, 6, 30, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), datetime(2019, 2, 28, tzinfo=UTC)),
    ],
)
def test_an_end_alone_is_the_end_of_five_years(end: datetime, begin: datetime) -> None:
    assert dates(not_after=end) == (begin, end)


def test_a_begin_alone_starts_five_years() -> None:
    begin = datetime(2028, 2, 29, tzinfo=UTC)
    assert dates(not_before=begin) == (begin, datetime(2033, 2, 27, 23, 59, 59, tzinfo=UTC))


def test_both_dates_are_taken_as_they_are() -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert dates(not_before=begin, not_after=end) == (begin, end)


@settings(deadline=None)
@given(now=st.datetimes(datetime(2026, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))
def test_the_usual_start_leaves_room_on_both_sides(now: datetime) -> None:
    start = usual_start(now)
    assert now - timedelta(days=2 * 366) < start <= now - timedelta(days=365)
    assert usual_start(now.replace(month=1, day=1)) == start


def of(card: CardRequest) -> list[Item]:
    return [item for item in plan(PkiRequest(cards=[card]), START) if item.card_object]


def test_each_object_has_the_authority_of_its_kind() -> None:
    assert [(i.file_name, i.issuer) for i in of(HBA)] == [
        ("C.AUT.RSA", "HBA-CA1"),
        ("C.AUT.ECC", "HBA-CA2"),
        ("C.ENC.RSA", "HBA-CA1"),
        ("C.ENC.ECC", "HBA-CA2"),
        ("C.QES.RSA", "HBA-qCA1"),
        ("C.QES.ECC", "HBA-qCA2"),
    ]
    assert {i.issuer for i in of(PRACTICE)} == {"SMCB-CA1", "SMCB-CA2"}


def test_an_insurers_subject_has_its_name_and_its_number() -> None:
    insurer = CardRequest(
        type="SMC-B",
        iccsn="80276003441200075085",
        telematik_id="8-01-0000000090",
        profession_oid="1.2.276.0.76.4.59",
        profession_item="Kostenträger",
        common_name="Krankenkasse",
        organization="Krankenkasse",
        locality="Hamburg",
    )
    assert [(a.rfc4514_attribute_name, a.value) for a in of(insurer)[0].content.subject] == [
        ("C", "DE"),
        ("L", "Hamburg"),
        ("O", "Krankenkasse NOT-VALID"),
        ("2.5.4.5", "12.80276003441200075085"),
        ("CN", "Krankenkasse TEST-ONLY"),
    ]


def test_the_chambers_policy_is_the_doctors_only() -> None:
    def policies(card: CardRequest) -> set[str]:
        profile = of(card)[0].content.profile
        extension = profile.policy_extension(card.profession_oid)
        assert extension is not None
        return {policy.policy_identifier.dotted_string for policy in extension}

    chamber = "1.3.6.1.4.1.42675.1.1"
    therapist = HBA.model_copy(update={"profession_oid": "1.2.276.0.76.4.45"})
    assert policies(HBA) - policies(therapist) == {chamber}
    assert chamber not in policies(HOSPITAL)


def test_every_server_has_the_local_names_once() -> None:
    request = PkiRequest(
        tls=[TlsRequest(name="a", dns_names=["mail.x.kim.telematik-test", "localhost"])],
        hosts=["::1", "mail.x.kim.telematik-test", "10.0.0.1"],
    )
    assert plan(request, START)[0].content.hosts == (
        "mail.x.kim.telematik-test",
        "localhost",
        "::1",
        "10.0.0.1",
        "127.0.0.1",
    )
