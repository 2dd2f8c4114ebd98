"""What a world asks of the PKI: cards, TLS identities of its processes, client certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.pki.request import (
    HBAX,
    CardRequest,
    CardType,
    ClientRequest,
    KimRequest,
    PkiRequest,
    TerminalRequest,
    TlsRequest,
)

from . import call_context
from .cards import PATIENT, Card
from .identities import PROFESSION, PROFESSIONS, CardIdentity, Identities
from .model import Location, Site, World
from .parts import RoleName, clientmodule_part, parts, provider_part

EXPIRED = datetime(2025, 6, 30, tzinfo=UTC)  # fixed, so that the keys of the card can be cached
WRONG_CERTIFICATES = ("expired", "elsewhere")
"""What providers show on purpose instead of their own: one that has expired, another host's."""
GENERATED_KINDS: Mapping[str, tuple[CardType, str]] = {
    "practice": ("SMC-B", "50"),
    "dentist": ("SMC-B", "51"),
    "psychotherapist": ("SMC-B", "52"),
    "doctor": ("HBA", "30"),
    "hospital": ("SMC-B", "53"),
    "pharmacy": ("SMC-B", "54"),
    "insurer": ("SMC-B", "59"),
}
"""Kinds of invented entries: the card whose certificates they share, the profession."""
TLS_ROLES: dict[RoleName, str] = {"vzd": "171", "mailserver": "172", "clientmodule": "174"}


def pki_request(world: World, identities: Identities) -> PkiRequest:
    """Return all certificates that the processes of *world* need.

    Server certificates hold the process names, too: they are the host names in containers.
    """
    processes = parts(world)
    return PkiRequest(
        cards=[
            *(
                _card(card, world.sites[card.site], identities)
                for card in identities.cards.values()
            ),
            *_directory_cards(world, identities),
            *_generated_cards(world, identities),
        ],
        tls=[
            TlsRequest(
                name=part.name,
                dns_names=[part.name, *([host_name(part.of)] if part.role == "mailserver" else [])],
                not_after=_in_days(world.sites[part.of].konnektor.expires_in)
                if part.role == "konnektor"
                else None,
                role_oid=PROFESSION + TLS_ROLES[part.role] if part.role in TLS_ROLES else None,
            )
            for part in processes
            if part.role not in ("pki", "names")
        ]
        + [
            wanted
            for role, name, host in _with_wrong_certificates(world)
            for wanted in _wrong_certificates(role, name, host)
        ],
        terminals=[
            TerminalRequest(
                name=call_context.gsmckt(name, number),
                iccsn=identities.iccsn(f"{name}//{terminal}"),
                not_after=_in_days(found.expires_in),
            )
            for name, site in world.sites.items()
            for number, (terminal, found) in enumerate(call_context.terminals(name, site).items())
            if call_context.has_gsmckt(found)
        ],
        clients=[
            *(ClientRequest(name=pvs(name)) for name in world.sites),
            *(ClientRequest(name=p.name) for p in processes if p.role == "clientmodule"),
        ],
        kim_certificates=[
            KimRequest(participant=name, common_name=participant.address.rpartition("@")[0])
            for name, participant in world.registered.items()
        ],
    )


def wrong_certificate(name: str, fault: str) -> str:
    """Return the name of the certificate that the process *name* shows as *fault* on purpose."""
    return f"{name}-{fault}"


def _with_wrong_certificates(world: World) -> Iterator[tuple[RoleName, str, str]]:
    """Yield role, name and host of the processes that show other certificates on purpose."""
    yield "vzd", "vzd", "vzd"
    for domain in world.providers:
        yield "mailserver", provider_part(domain), host_name(domain)


def _wrong_certificates(role: RoleName, name: str, host: str) -> list[TlsRequest]:
    oid = PROFESSION + TLS_ROLES[role]
    expired, elsewhere = (wrong_certificate(name, fault) for fault in WRONG_CERTIFICATES)
    return [
        TlsRequest(name=expired, dns_names=[host], not_after=EXPIRED, role_oid=oid),
        TlsRequest(name=elsewhere, dns_names=[f"anderswo.{host}"], elsewhere=True, role_oid=oid),
    ]


def host_name(domain: str) -> str:
    """Return the host name of the mail server of *domain*."""
    return f"mail.{domain}"


def pvs(site: str) -> str:
    """Return the name of the client certificate of the practice software of *site*."""
    return f"pvs-{site}"


def client_names(world: World, site: str) -> list[str]:
    """Return the client certificates that the Konnektor of *site* accepts for it.

    The PVS has one of its own, the client module another.
    """
    owner = world.owner(site)
    names = [pvs(site)]
    if world.sites[owner].clientmodule is not None:
        names.append(clientmodule_part(owner))
    return names


def _card(identity: CardIdentity, site: Site, identities: Identities) -> CardRequest:
    card = identity.card
    person = card.type in HBAX or card.type in PATIENT
    # The subject of a practice's SMC-B has its BSNR as O (applications.md 4.2).
    practice = PROFESSIONS[site.kind].organization_is_number
    numbers = identities.domain_ids(identity.site, site.kind, site.domain_ids)
    return CardRequest(
        type=card.type,
        iccsn=identity.iccsn,
        telematik_id=identity.telematik_id or None,
        kvnr=identity.kvnr,
        profession_oid=identity.profession_oid,
        profession_item=identity.profession_item,
        common_name=identity.common_name,
        given_name=card.given_name if person else None,
        surname=card.surname if person else None,
        organization=card.insurer if person else numbers[0] if practice else site.name,
        generation=card.generation,
        not_after=_end(card),
        **({} if person else _address(site.location)),
    )


def _end(card: Card) -> datetime | None:
    """Return when the card's certificates end, None for the usual time."""
    if card.expired:
        return EXPIRED
    return _in_days(card.expires_in)


def _in_days(days: int | None) -> datetime | None:
    """Return the end of the day in *days*, so that a day's starts find the same certificates."""
    if days is None:
        return None
    today = datetime.now(UTC).replace(hour=23, minute=59, second=59, microsecond=0)
    return today + timedelta(days=days)


def revoked_certificates(world: World, identities: Identities) -> list[dict[str, str | None]]:
    """Return what the OCSP responder is told of revoked cards."""
    return [
        {"iccsn": identity.iccsn, "reference": reference or None, "crypt": crypt or None}
        for identity in identities.cards.values()
        for reference, _, crypt in _revoked(identity.card)
    ] + [
        {"iccsn": directory_iccsn(identities, name, number), "reference": None, "crypt": None}
        for name, extra in world.directory.items()
        for number, card in enumerate(extra.held_cards)
        if card.revoked
    ]


def _revoked(card: Card) -> list[tuple[str, str, str]]:
    if isinstance(card.revoked, bool):
        return [("", "", "")] if card.revoked else []
    return [name.partition(" ") for name in card.revoked]


def directory_iccsn(identities: Identities, name: str, number: int) -> str:
    """Return the number of the card *number* of the directory entry *name* without site."""
    return identities.iccsn(f"/{name}/{number}" if number else f"/{name}")


def _directory_cards(world: World, identities: Identities) -> Iterator[CardRequest]:
    """Yield the cards of directory entries without site: nobody holds them."""
    for name, extra in world.directory.items():
        for number, card in enumerate(extra.held_cards):
            yield CardRequest(
                type="SMC-B",
                iccsn=directory_iccsn(identities, name, number),
                telematik_id=identities.telematik_id(name, extra),
                profession_oid=PROFESSION + PROFESSIONS[extra.kind].institution,
                profession_item=PROFESSIONS[extra.kind].item,
                common_name=extra.name,
                organization=extra.name,
                generation=card.generation,
                not_after=EXPIRED if card.expired else None,
                **_address(extra.location),
            )


def generated_iccsn(identities: Identities, kind: str) -> str:
    """Return the number of the card that all invented entries of *kind* share."""
    return identities.iccsn(f"//generated/{kind}")


def _generated_cards(world: World, identities: Identities) -> Iterator[CardRequest]:
    """Yield a card for each kind of invented entries; its keys are for nobody."""
    if not world.generated_entries:
        return
    for kind, (card_type, oid) in GENERATED_KINDS.items():
        person = card_type == "HBA"
        yield CardRequest(
            type=card_type,
            iccsn=generated_iccsn(identities, kind),
            telematik_id=f"0-generated-{kind}",
            profession_oid=PROFESSION + oid,
            profession_item=f"Erfundene Einträge ({kind})",
            common_name=f"Erfundene Einträge {kind}",
            given_name="Erfunden" if person else None,
            surname="Niemand" if person else None,
        )


def _address(location: Location) -> dict[str, Any]:
    return {
        "street": location.street,
        "postal_code": location.postal_code,
        "locality": location.city,
        "state": location.state,
    }
