"""The directory's entries of a world: one for each card holder, and the extra ones.

The flat view that LDAP clients see (directory.md): base data of the holder, mail addresses and
KIM data of its accounts, encryption certificates of its card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulators.pki.tree import PkiTree

from .cards import PATIENT
from .certificates import directory_iccsn
from .identities import PROFESSION, PROFESSIONS, CardIdentity, Identities
from .model import Location, Participant, World

Entry = dict[str, Any]
EMPTY = "-"  # the reference environment shows empty values so
HOLDER = "kimulator"


def directory_entries(world: World, identities: Identities, tree: PkiTree) -> list[Entry]:
    """Return the content of the directory's entries file; certificates are absolute paths."""
    changed = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        *(_of_card(world, identities, card, tree, changed) for card in _listed(identities)),
        *_extras(world, identities, tree, changed),
    ]


def _listed(identities: Identities) -> Iterator[CardIdentity]:
    cards = identities.cards.values()
    return (one for one in cards if one.card.in_directory and one.card.type not in PATIENT)


def _of_card(
    world: World, identities: Identities, card: CardIdentity, tree: PkiTree, changed: str
) -> Entry:
    site = world.sites[card.site]
    accounts = [
        participant
        for participant in world.registered.values()
        if (participant.site, participant.card) == (card.site, card.name)
    ]
    person = card.card.type == "HBA"
    base = {
        "telematikID": [card.telematik_id],
        "professionOID": [card.profession_oid],
        "entryType": [card.entry_type],
        "specialization": card.card.specialization or site.specialization,
        **_accounts(accounts),
        **_address(site.location),
        **_constants(changed, person=person),
    }
    if person:
        given, surname = card.card.given_name or EMPTY, card.card.surname or EMPTY
        title = [card.card.title] if card.card.title else []
        shown = f"{' '.join([*title, surname])}, {given}"
        base |= {**_names(shown, surname), "givenName": [given], "title": title}
    else:
        domain_ids = identities.domain_ids(card.site, site.kind, site.domain_ids)
        base |= {**_names(site.name, site.name), "organization": [site.name]}
        base |= {"domainID": domain_ids}
        if site.kind == "insurer":
            base["maxKOMLEadr"] = ["1"]
    return {
        "uid": identities.uid(f"{card.site}/{card.name}"),
        "attributes": {name: values for name, values in base.items() if values},
        "certificates": encryption_certificates(tree.card(card.iccsn)),
    }


def _extras(world: World, identities: Identities, tree: PkiTree, changed: str) -> Iterator[Entry]:
    for name, extra in world.directory.items():
        profession = PROFESSIONS[extra.kind]
        accounts = [
            Participant(site=name, address=address, kim_version=extra.kim_version)
            for address in extra.all_addresses
        ]
        cards = (
            (card.only, tree.card(directory_iccsn(identities, name, number)))
            for number, card in enumerate(extra.held_cards)
        )
        yield {
            "uid": identities.uid(f"/{name}"),
            "attributes": {
                "telematikID": [identities.telematik_id(name, extra)],
                "domainID": identities.domain_ids(f"/{name}", extra.kind, extra.domain_ids),
                "professionOID": [PROFESSION + profession.institution],
                "entryType": [profession.entry_type],
                "organization": [extra.name],
                **_names(extra.name, extra.name),
                **_accounts(accounts),
                **_address(extra.location),
                **_constants(changed, person=False),
            },
            "certificates": [
                file for only, card in cards for file in encryption_certificates(card, only)
            ],
            "active": extra.active,
        }


def _names(shown: str, surname: str) -> dict[str, list[str]]:
    return {"displayName": [shown], "cn": [shown], "sn": [surname]}


def _accounts(accounts: list[Participant]) -> dict[str, list[str]]:
    """Return mail, komLeData (version first) and kimData (address first, then the tags)."""
    tags = ["|".join(account.app_tags) for account in accounts]
    return {
        "mail": [account.address for account in accounts],
        "komLeData": [f"{account.kim_version},{account.address}" for account in accounts],
        "kimData": [
            ",".join(filter(None, (account.address, account.kim_version, tag)))
            for account, tag in zip(accounts, tags, strict=True)
        ],
    }


def _address(location: Location) -> dict[str, list[str]]:
    return {
        "streetAddress": [location.street],
        "postalCode": [location.postal_code],
        "localityName": [location.city],
        "stateOrProvinceName": [location.state],
        "countryCode": ["DE"],
    }


def _constants(changed: str, *, person: bool) -> dict[str, list[str]]:
    return {
        "personalEntry": ["TRUE" if person else "FALSE"],
        "dataFromAuthority": ["TRUE"],
        "holder": [HOLDER],
        "changeDateTime": [changed],
    }


def encryption_certificates(card: Path, only: str | None = None) -> list[str]:
    """Return the certificate files C.ENC that the card.json *card* names, RSA and ECC.

    With *only* those of one of the two.
    """
    content = json.loads(card.read_bytes())
    return [
        str(card.parent / files["certificate"])
        for files in content["objects"]
        if files["reference"] == "C.ENC" and only in (None, files["crypt"])
    ]
