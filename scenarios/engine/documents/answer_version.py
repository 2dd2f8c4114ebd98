"""In which versions an insurer answers: by what the practice sent, and when (TA-eAU P5-08)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

TRANSITION = (date(2025, 10, 1), date(2026, 3, 31))
"""First and last day on which both versions are about, by the mail's Date."""

_PROFILE = re.compile(rb"KBV_PR_EAU_(?:Storno_)?Bundle\|([0-9]{1,2}\.[0-9]{1,2})[0-9.]{0,6}[\"']")
_SERVICE = re.compile(r"eau;(?:lieferung|storno-arzt);(v1\.[12])", re.IGNORECASE)


@dataclass(frozen=True)
class AnswerVersion:
    """Version in the answer's meta.profile, and that of its Dienstkennung."""

    fhir: str
    service: str

    def __str__(self) -> str:
        return f"{self.fhir} {self.service}"


NEW = AnswerVersion("1.2", "V1.2")
"""Package 1.2.1, whose profiles name no patch."""
OLD = AnswerVersion("1.1.0", "V1.1")


def fhir_version(content: bytes | None) -> str | None:
    """Return the version of the Bundle's profile (1.1, 1.2), None where it cannot be told.

    It is looked for in the bytes, since what is rejected may not be readable as XML.
    """
    found = _PROFILE.search(content.replace(b"\0", b"")) if content is not None else None
    return None if found is None else found[1].decode()


def service_version(service: str | None) -> str | None:
    """Return the version of an eAU's Dienstkennung (V1.1, V1.2), None for an unknown one."""
    found = _SERVICE.fullmatch((service or "").strip())
    return None if found is None else found[1].upper()


def answer_version(fhir: str | None, service: str | None, sent: date) -> AnswerVersion:
    """Return the versions of the answer to an eAU with *fhir* and *service*, sent on that day.

    The matrix is for the transition alone; before it there is one version, and after it, too,
    which is our reading.
    """
    first, last = TRANSITION
    if sent < first:
        return OLD
    if sent > last:
        return NEW
    if fhir is None:  # P5-08 (3): a3, b3, c3, d3, e3, f3, g, h, i
        return OLD if service == "V1.1" else NEW
    if fhir == "1.1":  # c2, d2, f2
        return OLD
    return AnswerVersion(NEW.fhir, "V1.1") if service == "V1.1" else NEW  # a2, b2, e2
