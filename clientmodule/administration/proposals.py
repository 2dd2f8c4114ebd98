"""Addresses that the assistant proposes: from the card, by the rules of kv.dox or plainly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from simulators.formats import kv_addresses

KV_DOX = re.compile(r"kv\.dox\.kim\.telematik(-test)?", re.IGNORECASE)
"""The domain of the KBV's own KIM service, whose addresses end in the KV (kvdox.md)."""

TEST_ONLY = " TEST-ONLY"
"""What stands behind the names of test cards."""


@dataclass(frozen=True)
class Proposal:
    """A proposed address: ``free`` may be edited, ``fixed`` and ``domain`` may not."""

    free: str
    fixed: str
    domain: str

    @property
    def address(self) -> str:
        """The address as it stands if nothing is edited."""
        return self.with_free(self.free)

    def with_free(self, text: str) -> str:
        """Return the address with another free part."""
        return f"{text}{self.fixed}@{self.domain}"


def proposal(domain: str, card: x509.Certificate, practice: x509.Certificate | None) -> Proposal:
    """Return what to propose to the holder of *card* at the provider of *domain*.

    At kv.dox ``B-<BSNR>.<KV>`` for an SMC-B, ``<Vorname.Nachname>.<KV>`` for an HBA, whose KV is
    that of the *practice* (its SMC-B); where there is no KV and at other providers the name alone,
    free to edit.
    """
    is_person = bool(kv_addresses.holder(card)[1]) and kv_addresses.bsnr(card) is None
    number = kv_addresses.bsnr(card) or (practice and kv_addresses.bsnr(practice))
    area = kv_addresses.AREAS.get(number[:2]) if number else None
    if number and area and KV_DOX.fullmatch(domain):
        form = kv_addresses.PERSON if is_person else kv_addresses.INSTITUTION
        return Proposal(*kv_addresses.proposed(form, card, number, area), domain)
    return Proposal(_name(card, is_person=is_person), "", domain)


def _name(card: x509.Certificate, *, is_person: bool) -> str:
    if is_person:
        return ".".join(part for part in kv_addresses.holder(card) if part).lower()
    names = card.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value).removesuffix(TEST_ONLY) if names else ""
    spelled = kv_addresses.spelled(name)
    return spelled.lower()[: kv_addresses.MAX_LOCAL_PART].strip("-")
