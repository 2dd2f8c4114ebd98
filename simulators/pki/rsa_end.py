"""The days on which RSA-2048 ends: from when it is refused, and which certificates are revoked."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simulators.process.settings import Settings

from .request import Reference

RSA = "RSA"
SmcbReference = Literal["C.AUT", "C.ENC", "C.SIG"]
_REFERENCES: dict[str, Reference] = {
    "C.HCI.AUT": "C.AUT",
    "C.HCI.ENC": "C.ENC",
    "C.HCI.OSIG": "C.SIG",
}
_QES_PROFILE = "C.HP.QES"


class Step(Settings):
    """A step in which RSA of the SMC-B is switched off: the day, and for which certificates."""

    day: date
    references: list[SmcbReference] = Field(default=["C.AUT", "C.ENC", "C.SIG"], min_length=1)


class RsaEnds(Settings):
    """When RSA ends, by the virtual clock.

    What is not given are the days of the TI (gematik's wiki "RSA2ECC", dates of 14.11.2025); the
    word ``ti`` stands for all of them. ``qes``: no QES with RSA from this day on; the RSA QES
    certificates of cards that have ECC too (G2.1) and were issued before ``issued_before`` are
    revoked, the cards go on. ``qes_g20``: until this day HBA of G2.0 are tolerated. ``smcb``: the
    steps in which RSA of the SMC-B is switched off. The sources name the first day only
    ("in Stufen"), so that ``ti`` takes it for all certificates; whether they are revoked then,
    too (``smcb_revoked``), is unconfirmed.

    Days begin at midnight UTC.
    """

    qes: date = date(2026, 1, 1)
    qes_g20: date = date(2026, 7, 1)
    issued_before: date = date(2026, 1, 1)
    smcb: list[Step] = Field(default=[Step(day=date(2026, 7, 1))], max_length=20)
    smcb_revoked: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> RsaEnds:
        if self.qes_g20 < self.qes:
            raise ValueError("qes_g20 liegt vor qes: G2.0 wird länger geduldet, nicht kürzer")
        return self

    def is_over(self, reference: Reference, *, smcb: bool, has_ecc: bool, today: date) -> bool:
        """Whether RSA with *reference* of a card is refused *today*.

        ``smcb``: the card is an SMC-B, whose certificates end in steps; ``has_ecc``: it is G2.1.
        """
        day = self._end(reference, has_ecc=has_ecc) if smcb or reference == "C.QES" else None
        return day is not None and today >= day

    def revoked_at(
        self, profile: str, *, has_ecc: bool, issued: datetime | None
    ) -> datetime | None:
        """Return when the RSA certificate with *profile* is revoked, None if it never is.

        *issued* is its notBefore, None where that is not known: then it counts as old.
        """
        old = issued is None or issued.date() < self.issued_before
        if profile == _QES_PROFILE:
            day = self._end("C.QES", has_ecc=has_ecc) if old or not has_ecc else None
        elif profile in _REFERENCES and self.smcb_revoked:
            day = self._end(_REFERENCES[profile], has_ecc=has_ecc)
        else:
            day = None
        return None if day is None else datetime.combine(day, time(), UTC)

    def _end(self, reference: Reference, *, has_ecc: bool) -> date | None:
        if reference == "C.QES":
            return self.qes if has_ecc else self.qes_g20
        return min((step.day for step in self.smcb if reference in step.references), default=None)


def _of_word(content: Any) -> Any:
    if isinstance(content, str) and content != "ti":
        raise ValueError("erwartet wird ti oder eine Zuordnung mit qes, qes_g20, smcb …")
    return {} if content == "ti" else content


RsaEndsOrWord = Annotated[
    RsaEnds, BeforeValidator(_of_word, json_schema_input_type=RsaEnds | Literal["ti"])
]
"""``RsaEnds``, or the word ``ti`` for the days of the TI."""
