"""The application data of providers (FAD1) in the flat list: mail, komLeData, kimData.

The flat list is all that is kept. An address belongs to the FAD of its domain: that of a KIM
address is its Fachdienst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..entries import Entry
from ..schema import fold

FadOf = Callable[[str], str]
KEYS = ("mail", "komledata", "kimdata")


@dataclass(frozen=True)
class KimAccount:
    """An address; ``listed`` in mail, ``hidden`` from komLeData (noVzdMailEntry).

    Without ``version`` it stands in mail alone and counts as 1.0.
    """

    address: str
    version: str = ""
    app_tags: tuple[str, ...] = ()
    listed: bool = True
    hidden: bool = False


def domain_of(address: str) -> str:
    """Return the domain of *address*."""
    return address.rpartition("@")[2].lower()


def accounts_of(entry: Entry, fad_of: FadOf = domain_of) -> dict[str, tuple[KimAccount, ...]]:
    """Return the accounts of *entry* by FAD; a FAD may be there without any."""
    found: dict[str, dict[str, KimAccount]] = {fad: {} for fad in entry.unseen.fads}
    kom_le = {
        fold(address_of("komledata", value)) for value in entry.attributes.get("komledata", ())
    }
    listed = {fold(address) for address in entry.attributes.get("mail", ())}
    for value in entry.attributes.get("kimdata", ()):
        address, _, rest = value.partition(",")
        version, _, tags = rest.partition(",")
        key = fold(address)
        found.setdefault(fad_of(address), {})[key] = KimAccount(
            address,
            version,
            tuple(tag for tag in tags.split("|") if tag),
            key in listed,
            key not in kom_le,
        )
    for value in entry.attributes.get("komledata", ()):
        version, _, address = value.partition(",")
        key = fold(address)
        found.setdefault(fad_of(address), {}).setdefault(
            key, KimAccount(address, version, listed=key in listed)
        )
    for address in entry.attributes.get("mail", ()):
        found.setdefault(fad_of(address), {}).setdefault(fold(address), KimAccount(address))
    return {fad: tuple(accounts.values()) for fad, accounts in found.items()}


def address_of(key: str, value: str) -> str:
    """Return the address in a *value* of the attribute *key*."""
    if key == "komledata":
        return value.partition(",")[2]
    return value.partition(",")[0]


def with_accounts(
    entry: Entry, fad: str, accounts: Sequence[KimAccount], fad_of: FadOf
) -> dict[str, tuple[str, ...]]:
    """Return the attributes mail, komLeData, kimData of *entry* with *accounts* as those of *fad*.

    Those of other providers stay as they are.
    """

    def others(key: str) -> Iterable[str]:
        return (
            value
            for value in entry.attributes.get(key, ())
            if fad_of(address_of(key, value)) != fad
        )

    versioned = [account for account in accounts if account.version]
    return {
        "mail": (*others("mail"), *(a.address for a in accounts if a.listed)),
        "komLeData": (
            *others("komledata"),
            *(f"{a.version},{a.address}" for a in versioned if not a.hidden),
        ),
        "kimData": (
            *others("kimdata"),
            *(
                ",".join(filter(None, (a.address, a.version, "|".join(a.app_tags))))
                for a in versioned
            ),
        ),
    }
