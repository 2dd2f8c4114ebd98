"""Which addresses a provider gives to whom: characters, the area of a KV, proposals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509

from simulators.formats.certificates import profession_oids
from simulators.formats.kv_addresses import MAX_LOCAL_PART, bsnr, holder, proposed

from .profile import Areas, ProviderProfile

_LOCAL_PART = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True)
class Proposal:
    """A proposed address: ``editable`` and ``fixed`` are the two ends of its local part."""

    editable: str
    fixed: str
    domain: str

    @property
    def address(self) -> str:
        """The address as it stands if nothing is edited."""
        return f"{self.editable}{self.fixed}@{self.domain}"


def is_local_part(text: str) -> bool:
    """Tell whether *text* can stand before the @ of a KIM address (FAQ: character set, length)."""
    return len(text) <= MAX_LOCAL_PART and _LOCAL_PART.fullmatch(text) is not None


def is_member(areas: Areas, certificate: x509.Certificate) -> bool:
    """Tell whether the card's holder has a role of a KV's member."""
    return not set(areas.members).isdisjoint(profession_oids(certificate))


def area(areas: Areas, number: str | None) -> str | None:
    """Return the area of the practice with the BSNR *number*, None for one of no KV."""
    return None if number is None else areas.numbers.get(number[:2])


def broken_rule(profile: ProviderProfile, local_part: str, number: str | None) -> str | None:
    """Return what in *local_part* breaks the provider's rule, or None.

    *number* is the BSNR of the practice, to which the fixed part belongs where there is one.
    """
    if not is_local_part(local_part):
        return "the part before the @ may hold A-Z, a-z, 0-9, dot, hyphen, underscore (64 at most)"
    if profile.areas is None:
        return None
    kv = area(profile.areas, number)
    if kv is None:
        return "no KV is known for the practice's BSNR"
    if not local_part.lower().endswith(f".{kv}"):
        return f"the part before the @ must end in .{kv}"
    return None


def proposal(
    profile: ProviderProfile, domain: str, certificate: x509.Certificate, number: str | None
) -> Proposal | None:
    """Return the address that the provider proposes to the holder of *certificate*.

    An SMC-B is asked for its BSNR, with an HBA *number* is that of its practice. None where the
    provider proposes nothing or no KV is known.
    """
    if profile.areas is None:
        return None
    number = bsnr(certificate) or number
    kv = area(profile.areas, number)
    if kv is None or number is None:
        return None
    is_person = bsnr(certificate) is None and bool(holder(certificate)[1])
    form = profile.areas.person if is_person else profile.areas.institution
    return Proposal(*proposed(form, certificate, number, kv), domain)
