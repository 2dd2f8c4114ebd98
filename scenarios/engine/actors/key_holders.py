"""The participants of a running world as those who can open a message and name certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from simulators.formats import certificates
from simulators.formats.certificates import CertificateId
from simulators.formats.errors import FormatError
from simulators.process.ldap import escape_filter

from ..endpoints.contract import Endpoints
from ..scenario.failure import StepFailed
from ..xray.keys import Keys, NotOpened, Opened
from .party import Party, konnektor_failures

MAX_ADDRESSES = 20
Decrypt = Callable[[bytes, Party], bytes]


class KeyHolders:
    """Opens messages by DecryptDocument at the Konnektor of whoever they are for.

    ``decrypt`` may take the place of the call, where somebody keeps what was opened already.
    """

    def __init__(self, endpoints: Endpoints, decrypt: Decrypt | None = None) -> None:
        self._parties = {
            participant.address.lower(): Party(name, endpoints, participant)
            for name, participant in endpoints.participants.items()
        }
        self._decrypt = decrypt or _by_smc_b
        self._owners: dict[str, Mapping[CertificateId, str]] = {}

    @cached_property
    def keys(self) -> Keys:
        """What an X-ray asks."""
        return Keys(self.open, self.owners)

    def open(self, cms: bytes, addresses: Sequence[str]) -> Opened:
        """Return what *cms* encrypts for one of *addresses*. Raises NotOpened."""
        reasons = []
        for address in addresses[:MAX_ADDRESSES]:
            party = self._parties.get(address.lower())
            if party is None:
                continue
            try:
                return Opened(self._decrypt(cms, party), f"mit der SMC-B von {party.address}")
            except StepFailed as error:
                reasons.append(f"{party.address}: {error}")
        raise NotOpened("; ".join(reasons) or "niemand dieser Welt hat einen Schlüssel dafür")

    def owners(self, addresses: Sequence[str]) -> Mapping[CertificateId, str]:
        """Return whose certificates the directory lists, of *addresses*; what fails is left out."""
        found: dict[CertificateId, str] = {}
        for address in addresses[:MAX_ADDRESSES]:
            if address not in self._owners:
                self._owners[address] = self._listed(address)
            found.update(self._owners[address])
        return found

    def close(self) -> None:
        """Close the connections to the Konnektoren."""
        for party in self._parties.values():
            party.close()

    def _listed(self, address: str) -> Mapping[CertificateId, str]:
        asking = next((p for p in self._parties.values() if p.site.konnektor is not None), None)
        if asking is None:
            return {}
        try:
            entries = asking.search(f"(mail={escape_filter(address)})")
            return {
                certificates.certificate_id(certificates.load(der)): address
                for entry in entries
                for der in entry.values("userCertificate")
            }
        except (StepFailed, FormatError):
            return {}


def _by_smc_b(cms: bytes, party: Party) -> bytes:
    with konnektor_failures():
        return party.konnektor.decrypt(party.card("SMC-B"), cms)
