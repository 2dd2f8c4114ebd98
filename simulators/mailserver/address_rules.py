"""Which addresses a provider gives to whom: characters, the area of a KV, proposals."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from simulators.formats.certificates import profession_oids

from .profile import Areas, ProviderProfile

MAX_LOCAL_PART = 64
_LOCAL_PART = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_BSNR = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


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


def bsnr(certificate: x509.Certificate) -> str | None:
    """Return the BSNR that a practice's SMC-B has as O of its subject, None without one."""
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        found = _BSNR.search(str(attribute.value))
        if found:
            return found[0]
    return None


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
    given_name = _of_subject(certificate, NameOID.GIVEN_NAME)
    surname = _of_subject(certificate, NameOID.SURNAME)
    is_person = bsnr(certificate) is None and bool(surname)
    form = profile.areas.person if is_person else profile.areas.institution
    text = form.format(bsnr=number, given_name=given_name, surname=surname)
    return Proposal(text[: MAX_LOCAL_PART - len(kv) - 1].strip("."), f".{kv}", domain)


def _of_subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """Return a name of the subject as it can stand in an address: umlauts spelled out."""
    attributes = certificate.subject.get_attributes_for_oid(oid)
    if not attributes:
        return ""
    text = str(attributes[0].value).translate(_UMLAUTS).replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")
