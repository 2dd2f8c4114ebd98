"""Encryption certificates of mail addresses from the directory, through the LDAP proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from cryptography import x509

from simulators.formats.certificates import is_ecc, load, policies, public_key, telematik_id
from simulators.formats.errors import FormatError
from simulators.process.clock import Clock
from simulators.process.ldap import LdapClient, LdapError, escape_filter

from .caches import TimedCache
from .operation import Operation

BASE: Final = "dc=data,dc=vzd"
ATTRIBUTES: Final = ("mail", "userCertificate", "komLeData", "kimData")
VERSION_LIFETIME: Final = timedelta(hours=24)
MAX_ENTRIES: Final = 20
ENCRYPTION_POLICIES: Final = frozenset({"1.2.276.0.76.4.76", "1.2.276.0.76.4.74"})
"""C.HCI.ENC and C.HP.ENC: nothing else is encrypted for (KOM-LE-A_2128)."""


_VERSION: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3}){1,3})(\+)?")


@dataclass(frozen=True)
class KimVersion:
    """A version as komLeData has it: ``1.0``, ``1.5``, or ``1.5+`` (``large_mails``)."""

    number: tuple[int, ...]
    large_mails: bool = False

    @classmethod
    def read(cls, text: str) -> KimVersion | None:
        """Return the version in *text*, None if it is none."""
        found = _VERSION.fullmatch(text.strip())
        if found is None:
            return None
        return cls(tuple(int(part) for part in found[1].split(".")), found[2] is not None)

    def __str__(self) -> str:
        return ".".join(map(str, self.number)) + ("+" if self.large_mails else "")


@dataclass(frozen=True)
class DirectoryEntry:
    """What the directory says about one mail address: its certificates and its KIM version.

    ``certificates`` are all encryption certificates, whatever their date; ``telematik_ids`` those
    named in them; ``kim_version`` is the address's part of komLeData, None where it has none.
    """

    certificates: tuple[x509.Certificate, ...]
    kim_version: KimVersion | None = None

    @property
    def receives_large_mails(self) -> bool:
        """Tell whether the holder takes large mails (A_19356-06; without komLeData it is 1.0)."""
        return self.kim_version is not None and self.kim_version.large_mails

    @cached_property
    def telematik_ids(self) -> frozenset[str | None]:
        """The Telematik-IDs of the holders; more than one is an error (KOM-LE-A_2178)."""
        return frozenset(telematik_id(certificate) for certificate in self.certificates)

    @cached_property
    def _dated(self) -> tuple[tuple[datetime, datetime, bool, x509.Certificate], ...]:
        return tuple(
            (c.not_valid_before_utc, c.not_valid_after_utc, is_ecc(c), c) for c in self.certificates
        )

    def usable(self, at: datetime, *, every: bool, ecc: bool) -> tuple[x509.Certificate, ...]:
        """Return the certificates to encrypt for, of those valid *at* that moment.

        *every*: all, as releases up to 1.5.2-8 do; otherwise RSA only if there is nothing else.
        Without *ecc* the Konnektor cannot use ECC certificates (A_17464, A_17472).
        """
        valid = [(elliptic, c) for begin, end, elliptic, c in self._dated if begin <= at <= end]
        with_ecc = tuple(c for elliptic, c in valid if elliptic) if ecc else ()
        with_rsa = tuple(c for elliptic, c in valid if not elliptic)
        return with_ecc + with_rsa if every else with_ecc or with_rsa


class Directory:
    """Searches by mail address; what was found is kept for TTL_ENC_CERT (KOM-LE-A_2026).

    It is kept for 24 hours at most: no longer may a KIM version be trusted (A_22340).
    """

    def __init__(self, ldap: LdapClient, clock: Clock, *, lifetime: timedelta) -> None:
        self._ldap = ldap
        self._found: TimedCache[str, DirectoryEntry] = TimedCache(
            clock, min(lifetime, VERSION_LIFETIME)
        )

    async def find(
        self, operation: Operation, address: str, *, fresh: bool = False
    ) -> DirectoryEntry:
        """Return the entry of *address*, without certificates if there is none (KOM-LE-A_2023).

        *fresh* asks the directory even if the answer is known. Raises LdapError.
        """
        key = address.lower()
        known = None if fresh else self._found.get(key)
        if known is not None:
            return known
        with operation.step("LdapSearch", peer="vzd") as data:
            result = await self._ldap.search(
                BASE,
                f"(mail={escape_filter(address)})",
                ATTRIBUTES,
                size_limit=MAX_ENTRIES,
            )
            data["entries"] = len(result)
            if result.truncated and not result.entries:
                raise LdapError("the directory gave up before it had found anything")
        values = dict.fromkeys(
            value for entry in result for value in entry.values("userCertificate")
        )
        stated = [value for found in result for value in found.values("komLeData")]
        entry = DirectoryEntry(tuple(_read(list(values))), _version(stated, key))
        if entry.certificates:  # who gets a certificate today shall not wait until tomorrow
            self._found.put(key, entry)
        return entry

    def drop(self, address: str) -> None:
        """Have the directory asked again about *address*."""
        self._found.drop(address.lower())

    def forget(self) -> None:
        """Have the directory asked again."""
        self._found.clear()

    async def close(self) -> None:
        """Close the connection to the LDAP proxy."""
        await self._ldap.close()


def _version(values: list[bytes], address: str) -> KimVersion | None:
    """Return the greatest version that *values* of komLeData (``version,address``) state."""
    stated = []
    for value in values:
        version, _, owner = value.decode("utf-8", "replace").partition(",")
        if owner.strip().lower() == address and (found := KimVersion.read(version)) is not None:
            stated.append(found)
    return max(stated, key=lambda one: (one.number, one.large_mails), default=None)


def _read(values: list[bytes]) -> list[x509.Certificate]:
    certificates = []
    for value in values:
        try:
            certificate = load(value)
            public_key(certificate)
            if ENCRYPTION_POLICIES.intersection(policies(certificate)):
                certificates.append(certificate)
        except FormatError:
            continue  # one broken value must not hide the others
    return certificates
