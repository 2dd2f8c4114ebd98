"""The days on which RSA ends: the day before and the day after, for keys and certificates."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from simulators.konnektor.cards.keys import CardKeys
from simulators.konnektor.faults import KonnektorFault
from simulators.makes.make import Make
from simulators.pki.rsa_end import RsaEnds, RsaEndsOrWord
from simulators.process.clock import Clock

TI: RsaEnds = TypeAdapter(RsaEndsOrWord).validate_python("ti")


class Inserted:
    """Stands for a card of which only its type and the kinds of its keys matter."""

    handle = "h"

    def __init__(self, *kinds: str, smcb: bool) -> None:
        self.kinds, self.is_smb = kinds, smcb

    def certificate_object(self, reference: str, crypt: str) -> str | None:
        return f"{reference} {crypt}" if crypt in self.kinds else None


def authenticates(day: str, *kinds: str, smcb: bool = True, ends: Any = TI, **make: Any) -> Any:
    """Return the Crypt of ExternalAuthenticate on *day*, or the code of the fault."""
    clock = Clock()
    clock.set(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    keys, card = CardKeys("PTV5", Make(**make), clock, ends), Inserted(*kinds, smcb=smcb)
    try:
        return keys.for_authenticating(card, ecdsa=False)[0]  # type: ignore[arg-type]
    except KonnektorFault as fault:
        return fault.trace.code


def test_an_smcb_in_its_step() -> None:
    assert authenticates("2026-06-30", "RSA", "ECC") == "RSA"
    assert authenticates("2026-07-01", "RSA", "ECC") == 4058
    assert authenticates("2026-07-01", "RSA") == 4058
    assert authenticates("2026-07-01", "RSA", ends=None) == "RSA"
    assert authenticates("2026-07-01", "RSA", rsa_refused=4111) == 4111
    assert authenticates("2026-07-01", "RSA", after_rsa="sign") == "RSA"


def test_only_the_certificates_of_a_step() -> None:
    later = RsaEnds.model_validate(
        {"smcb": [{"day": "2026-07-01", "references": ["C.SIG"]}, {"day": "2026-10-01"}]}
    )
    assert authenticates("2026-09-30", "RSA", ends=later) == "RSA"
    assert authenticates("2026-10-01", "RSA", ends=later) == 4058


def test_other_certificates_of_the_hba_go_on() -> None:
    assert authenticates("2030-01-01", "RSA", "ECC", smcb=False) == "RSA"


@pytest.mark.parametrize(
    ("has_ecc", "before", "after"),
    [(True, "2025-12-31", "2026-01-01"), (False, "2026-06-30", "2026-07-01")],
)
def test_the_qes_by_generation(has_ecc: bool, before: str, after: str) -> None:
    def over(day: str) -> bool:
        today = date.fromisoformat(day)
        return TI.is_over("C.QES", smcb=False, has_ecc=has_ecc, today=today)

    assert [over(before), over(after)] == [False, True]


@pytest.mark.parametrize(
    ("profile", "has_ecc", "issued", "revoked"),
    [
        ("C.HP.QES", True, datetime(2025, 6, 1, tzinfo=UTC), "2026-01-01"),
        ("C.HP.QES", True, None, "2026-01-01"),
        ("C.HP.QES", True, datetime(2026, 1, 1, tzinfo=UTC), None),
        ("C.HP.QES", False, datetime(2025, 6, 1, tzinfo=UTC), "2026-07-01"),
        ("C.HP.AUT", True, datetime(2025, 6, 1, tzinfo=UTC), None),
        ("C.HCI.ENC", True, datetime(2025, 6, 1, tzinfo=UTC), "2026-07-01"),
        ("C.FD.TLS-S", False, datetime(2025, 6, 1, tzinfo=UTC), None),
    ],
)
def test_revoked_certificates(
    profile: str, has_ecc: bool, issued: datetime | None, revoked: str | None
) -> None:
    found = TI.revoked_at(profile, has_ecc=has_ecc, issued=issued)
    assert (None if found is None else found.date().isoformat()) == revoked


def test_a_world_may_leave_the_smcb_unrevoked() -> None:
    ends = RsaEnds(smcb_revoked=False)
    assert ends.revoked_at("C.HCI.ENC", has_ecc=True, issued=None) is None


def test_contradictory_days() -> None:
    with pytest.raises(ValidationError, match="qes_g20 liegt vor qes"):
        RsaEnds(qes=date(2026, 7, 2), qes_g20=date(2026, 7, 1))
