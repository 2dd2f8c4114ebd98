"""The files that tell a running world's users where it is: endpoints, environment, trust."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from ..world import call_context
from ..world.certificates import pvs
from ..world.directory_entries import HOLDER
from ..world.information_model import pins_of
from ..world.model import Participant, Site
from ..world.parts import clientmodule_part, konnektor_part, provider_part
from ..world.wiring import (
    Wiring,
    account_limit,
    account_manager,
    kas,
    service_information,
    user_name,
)
from .contract import (
    CERTIFICATES,
    ENVIRONMENT_FILE,
    CardEndpoint,
    ClientModuleEndpoint,
    Context,
    DirectoryEndpoint,
    Endpoints,
    KonnektorEndpoint,
    NamesEndpoint,
    ParticipantEndpoint,
    PkiEndpoint,
    ProviderEndpoint,
    RegistrationEndpoint,
    SiteEndpoint,
    write_private,
)

CA_FILE = "ca.pem"


def endpoints_of(wiring: Wiring) -> Endpoints:
    """Return the endpoints of the world, as everybody on this machine reaches them."""
    world = wiring.world
    return Endpoints(
        ca=CA_FILE,
        seed=wiring.seed,
        directory=wiring.directory,
        pki=PkiEndpoint(
            ocsp=f"http://{wiring.places.outside('pki', 'ocsp')}/ocsp",
            control=_control(wiring, "pki"),
        ),
        vzd=DirectoryEndpoint(
            ldap=f"ldaps://{wiring.places.outside('vzd', 'ldap')}",
            rest=f"https://{wiring.places.outside('vzd', 'rest')}",
            client_id=HOLDER,
            client_secret=wiring.directory_secret(),
            control=_control(wiring, "vzd"),
        ),
        names=NamesEndpoint(
            dns=wiring.places.outside("names", "dns"), control=_control(wiring, "names")
        ),
        providers={domain: _provider(wiring, domain) for domain in world.providers},
        sites={name: _site(wiring, name, site) for name, site in world.sites.items()},
        participants={
            name: _participant(wiring, name, p) for name, p in world.participants.items()
        },
    )


def write_certificates(wiring: Wiring, directory: Path) -> None:
    """Put the trust and the client certificates that ``endpoints.json`` names into *directory*."""
    (directory / CERTIFICATES).mkdir(mode=0o700, exist_ok=True)
    tree, world = wiring.tree, wiring.world
    files = {directory / CA_FILE: tree.ca}
    for name, site in world.sites.items():
        if world.sites[site.shares or name].konnektor.authentication == "certificate":
            files[directory / _client_certificate(name)] = tree.client(pvs(name)).path
    for name in world.registered:
        files[directory / _kim_certificate(name)] = tree.kim_certificate(name).path
    for target, source in files.items():
        _copy_private(source, target)


def write_environment(endpoints: Endpoints, directory: Path) -> None:
    """Write the endpoints as shell variables, for test scripts in any language."""
    variables = {
        "KIMULATOR_DIR": str(directory),
        "KIMULATOR_CA": str(directory / endpoints.ca),
        "KIMULATOR_SEED": str(endpoints.seed),
    }
    if endpoints.vzd is not None:
        variables["KIMULATOR_VZD_LDAP"] = endpoints.vzd.ldap
    if endpoints.names is not None:
        variables["KIMULATOR_NAMES_DNS"] = endpoints.names.dns
    for domain, provider in endpoints.providers.items():
        prefix = f"KIMULATOR_PROVIDER_{_variable(domain)}"
        addresses = {
            "SMTP": provider.smtp,
            "POP3": provider.pop3,
            "ACCOUNT_MANAGER": provider.account_manager,
            "ACCOUNT_LIMIT": provider.account_limit,
            "SERVICE_INFORMATION": provider.service_information,
            "KAS": provider.kas,
            "CONTROL": provider.control,
        }
        variables |= {f"{prefix}_{name}": place for name, place in addresses.items() if place}
    for name, site in endpoints.sites.items():
        facts = _site_facts(site, directory)
        variables |= {f"KIMULATOR_SITE_{_variable(name)}_{key}": facts[key] for key in facts}
    for name, participant in endpoints.participants.items():
        facts = _participant_facts(participant, directory)
        variables |= {f"KIMULATOR_PARTICIPANT_{_variable(name)}_{key}": facts[key] for key in facts}
    text = "".join(f"{key}={shlex.quote(value)}\n" for key, value in variables.items())
    write_private(directory / ENVIRONMENT_FILE, text)


def _site_facts(site: SiteEndpoint, directory: Path) -> dict[str, str]:
    facts: dict[str, str | None] = {
        name.upper(): getattr(site.context, name) for name in type(site.context).model_fields
    }
    if site.konnektor is not None:
        facts["KONNEKTOR"] = site.konnektor.service_directory
        facts["KONNEKTOR_CONTROL"] = site.konnektor.control
        facts["LDAP"] = site.konnektor.ldap
        facts["CLIENT_CERTIFICATE"] = _absolute(directory, site.konnektor.client_certificate)
        facts["CLIENT_CERTIFICATE_PASSWORD"] = site.konnektor.client_certificate_password
        facts["BASIC_AUTH"] = ":".join(site.konnektor.basic_auth or ()) or None
    if site.clientmodule is not None:
        facts["SMTP"] = site.clientmodule.smtp
        facts["POP3"] = site.clientmodule.pop3
    return {key: value for key, value in facts.items() if value}


def _participant_facts(participant: ParticipantEndpoint, directory: Path) -> dict[str, str]:
    facts = {
        "ADDRESS": participant.address,
        "PASSWORD": participant.password,
        "SMTP_USER": participant.smtp_user,
        "POP3_USER": participant.pop3_user,
        "KIM_CERTIFICATE": _absolute(directory, participant.kim_certificate),
        "KIM_CERTIFICATE_PASSWORD": participant.kim_certificate_password,
    }
    return {key: value for key, value in facts.items() if value}


def _absolute(directory: Path, name: str | None) -> str | None:
    return None if name is None else str(directory / name)


def _provider(wiring: Wiring, domain: str) -> ProviderEndpoint:
    name, places = provider_part(domain), wiring.places
    return ProviderEndpoint(
        smtp=places.outside(name, "smtp"),
        pop3=places.outside(name, "pop3"),
        account_manager=account_manager(places.outside(name, "rest")),
        account_limit=account_limit(places.outside(name, "rest")),
        service_information=service_information(places.outside(name, "rest")),
        profile=wiring.world.providers[domain].profile,
        registration={
            site: RegistrationEndpoint(
                reference_id=code.reference_id, initial_password=code.initial_password
            )
            for site, code in wiring.registration_codes(domain).items()
        },
        kas=kas(places.outside(name, "rest")),
        control=_control(wiring, name),
    )


def _site(wiring: Wiring, name: str, site: Site) -> SiteEndpoint:
    owner = wiring.world.owner(name)
    return SiteEndpoint(
        konnektor=_konnektor(wiring, name, owner),
        clientmodule=_clientmodule(wiring, owner),
        context=Context(
            mandant=call_context.mandant(name, site),
            clientsystem=call_context.clientsystem(name, site),
            workplace=call_context.workplaces(name, site)[0],
            user=call_context.user(name, site),
        ),
        cards=tuple(_cards(wiring, name, site)),
        kind=site.kind,
        name=site.name,
        domain_ids=tuple(wiring.identities.domain_ids(name, site.kind, site.domain_ids)),
        street=site.location.street,
        postal_code=site.location.postal_code,
        city=site.location.city,
    )


def _konnektor(wiring: Wiring, name: str, owner: str) -> KonnektorEndpoint:
    part, places = konnektor_part(owner), wiring.places
    konnektor = wiring.world.sites[owner].konnektor
    certificate = konnektor.authentication == "certificate"
    client = wiring.tree.client(pvs(name))
    return KonnektorEndpoint(
        service_directory=wiring.service_directory(owner, places.outside(part, "soap")),
        ldap=wiring.proxy(owner, places.outside(part, "ldap")),
        client_certificate=_client_certificate(name) if certificate else None,
        client_certificate_password=client.password.strip() if certificate else None,
        basic_auth=wiring.basic_auth(owner),
        make=konnektor.make.told,
        generation=konnektor.generation,
        control=_control(wiring, part),
    )


def _clientmodule(wiring: Wiring, owner: str) -> ClientModuleEndpoint | None:
    module = wiring.world.sites[owner].clientmodule
    if module is None:
        return None
    part, places = clientmodule_part(owner), wiring.places
    return ClientModuleEndpoint(
        smtp=places.outside(part, "smtp"),
        pop3=places.outside(part, "pop3"),
        tls=module.tls,
        control=_control(wiring, part),
    )


def _cards(wiring: Wiring, name: str, site: Site) -> list[CardEndpoint]:
    return [
        CardEndpoint(
            type=card.type,
            iccsn=identity.iccsn,
            telematik_id=identity.telematik_id,
            pins={reference: pin.value for reference, pin in pins_of(card).items()},
            generation=card.generation,
            title=card.title,
            given_name=card.given_name,
            surname=card.surname,
            lanr=identity.lanr,
            kvnr=identity.kvnr,
        )
        for card_name, card in site.cards.items()
        for identity in (wiring.identities.cards[name, card_name],)
    ]


def _participant(wiring: Wiring, name: str, participant: Participant) -> ParticipantEndpoint:
    world = wiring.world
    card = wiring.identities.cards[participant.site, participant.card]
    module = world.sites[world.owner(participant.site)].clientmodule
    person = card.card.type == "HBA"
    smtp = user_name(wiring, participant, "smtp") if module else None
    pop3 = user_name(wiring, participant, "pop3", with_user=person) if module else None
    return ParticipantEndpoint(
        site=participant.site,
        address=participant.address,
        password=wiring.password(name, participant),
        smtp_user=smtp,
        pop3_user=pop3,
        kim_certificate=_kim_certificate(name) if participant.registered else None,
        kim_certificate_password=wiring.tree.kim_certificate(name).password.strip()
        if participant.registered
        else None,
        telematik_id=card.telematik_id,
        card=card.iccsn,
    )


def _control(wiring: Wiring, part: str) -> str:
    return f"http://{wiring.places.outside(part, 'control')}"


def _client_certificate(site: str) -> str:
    return f"{CERTIFICATES}/{pvs(site)}.p12"


def _kim_certificate(participant: str) -> str:
    return f"{CERTIFICATES}/kim-{participant}.p12"


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _copy_private(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(source.read_bytes())
