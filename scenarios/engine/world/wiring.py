"""From a world to the settings of its processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.pki.tree import PkiTree

from . import call_context
from .certificates import (
    GENERATED_KINDS,
    WRONG_CERTIFICATES,
    client_names,
    generated_iccsn,
    host_name,
    revoked_certificates,
    wrong_certificate,
)
from .directory_entries import HOLDER, encryption_certificates
from .dns_records import ZONE, dns_records
from .identities import Identities
from .information_model import information_model, pins
from .model import Participant, World
from .parts import Part, RoleName, clientmodule_part, konnektor_part, provider_part
from .places import Places
from .registration_codes import RegistrationCode, registration_code

CONFIG = dict[str, Any]
ENTRIES_FILE = "directory.json"
DIRECTORY_PATH = "/DirectoryApplicationMaintenance"


@dataclass(frozen=True)
class Wiring:
    """A world with everything that its settings are made of.

    ``directory`` is the run directory, as the processes see it; ``seed`` the one of this run.
    ``notes`` are lines for the screen, ``unfit`` cards (site and name) that cannot do everything.
    """

    world: World
    identities: Identities
    places: Places
    tree: PkiTree
    directory: Path
    seed: int
    notes: tuple[str, ...] = ()
    unfit: frozenset[tuple[str, str]] = frozenset()

    def settings(self, part: Part) -> CONFIG:
        """Return the settings of the process *part*, ready to be written as JSON."""
        build: Mapping[RoleName, Callable[[Part], CONFIG]] = {
            "pki": self._pki,
            "vzd": self._vzd,
            "mailserver": self._mailserver,
            "konnektor": self._konnektor,
            "clientmodule": self._clientmodule,
            "names": self._names,
        }
        return {
            "name": part.name,
            "seed": self.seed,
            "data_dir": str(self.directory / "data" / part.name),
            **self.places.settings(part),
            **build[part.role](part),
        }

    def provider_address(self, domain: str, listener: str) -> str:
        """Return ``host:port`` of a provider as its client modules reach it."""
        return self.places.inside(provider_part(domain), listener)

    def basic_auth(self, owner: str) -> tuple[str, str] | None:
        """Return user name and password at the Konnektor of *owner*, where it asks for them."""
        if self.world.sites[owner].konnektor.authentication != "basic":
            return None
        return f"client-{owner}", self.identities.password(f"konnektor/{owner}")

    def password(self, name: str, participant: Participant) -> str:
        """Return the password of the KIM account of *participant*."""
        return participant.password or self.identities.password(f"account/{name}")

    def service_directory(self, owner: str, address: str) -> str:
        """Return the URL of the service directory of the Konnektor of *owner* at *address*."""
        plain = self.world.sites[owner].konnektor.authentication == "none"
        return f"{'http' if plain else 'https'}://{address}/connector.sds"

    def proxy(self, owner: str, address: str) -> str:
        """Return the URL of the LDAP proxy of the Konnektor of *owner* at *address*."""
        plain = self.world.sites[owner].konnektor.authentication == "none"
        return f"{'ldap' if plain else 'ldaps'}://{address}"

    def _tls(self, part: Part) -> dict[str, str]:
        return self._identity(part.name)

    def _identity(self, name: str) -> dict[str, str]:
        identity = self.tree.tls(name)
        return {"certificate": str(identity.certificate), "key": str(identity.key)}

    def _pki(self, _: Part) -> CONFIG:
        own = self.tree.own_ocsp
        return {
            "pki": str(self.tree.directory),
            "own": None if own is None else str(own),
            "revoked": revoked_certificates(self.world, self.identities),
            "rsa_ends": self._rsa_ends(),
        }

    def _rsa_ends(self) -> CONFIG | None:
        ends = self.world.rsa_ends
        return None if ends is None else ends.model_dump(mode="json")

    def _vzd(self, part: Part) -> CONFIG:
        return {
            "tls": self._tls(part),
            "entries": str(self.directory / ENTRIES_FILE),
            "client_ca": str(self.tree.provider_ca),
            "providers": {
                domain: {"certificate": str(self.tree.tls(provider_part(domain)).certificate)}
                for domain in self.world.providers
            },
            "clients": {HOLDER: {"secret": self.directory_secret()}},
            "generated": self._generated(),
            "fault_certificates": self._fault_certificates(part),
        }

    def _fault_certificates(self, part: Part) -> CONFIG:
        return {
            fault: self._identity(wrong_certificate(part.name, fault))
            for fault in WRONG_CERTIFICATES
        }

    def _generated(self) -> CONFIG | None:
        if not self.world.generated_entries:
            return None
        return {
            "count": self.world.generated_entries,
            "domains": list(self.world.providers),
            "certificates": {
                kind: encryption_certificates(
                    self.tree.card(generated_iccsn(self.identities, kind))
                )
                for kind in GENERATED_KINDS
            },
        }

    def directory_secret(self) -> str:
        """Return the secret of the client that administrates the directory's entries."""
        return self.identities.password(f"vzd/{HOLDER}")

    def _mailserver(self, part: Part) -> CONFIG:
        provider = self.world.providers[part.of]
        others = [domain for domain in self.world.providers if domain != part.of]
        return {
            "domain": part.of,
            "host_name": host_name(part.of),
            "tls": self._tls(part),
            "ca": str(self.tree.ca),
            "client_ca": str(self.tree.provider_ca),
            "fault_certificates": self._fault_certificates(part),
            "require_client_certificate": provider.client_certificates,
            "database": provider.database,
            **self._providers({"routes": {d: self.provider_address(d, "smtp") for d in others}}),
            "accounts": [
                {
                    **account,
                    "data_time_to_live": provider.data_time_to_live,
                    "max_mail_size": provider.max_mail_size,
                    "quota": provider.quota,
                }
                for account in self._accounts(part.of)
            ],
            "profile": {"profile": provider.profile, **provider.rules},
            "account_manager": self._account_manager(part.of),
            "kas": {
                "base_url": kas(self.provider_address(part.of, "rest")),
                **provider.kas.model_dump(exclude_unset=True),
            },
        }

    def _account_manager(self, domain: str) -> CONFIG:
        authority = self.tree.provider_authority
        return {
            "trust": str(self.tree.trust),
            "ocsp_url": f"http://{self.places.inside('pki', 'ocsp')}/ocsp",
            "ocsp_signers": self.tree.ocsp_signers and str(self.tree.ocsp_signers),
            "codes": [code.settings() for code in self.registration_codes(domain).values()],
            "authority": {"certificate": str(authority.certificate), "key": str(authority.key)},
            "directory": {
                "url": f"https://{self.places.inside('vzd', 'rest')}{DIRECTORY_PATH}",
                "ca": str(self.tree.ca),
            },
        }

    def registration_codes(self, domain: str) -> dict[str, RegistrationCode]:
        """Return the code with which the cards of each site register at the provider *domain*."""
        return {
            name: registration_code(domain, name, site, self.identities)
            for name, site in self.world.sites.items()
        }

    def _accounts(self, domain: str) -> list[CONFIG]:
        """Return address, password and Telematik-ID of the accounts at the provider *domain*."""
        cards = self.identities.cards
        accounts = [
            {
                "address": participant.address,
                "password": self.password(name, participant),
                "kim_version": participant.kim_version,
                "telematik_id": cards[participant.site, participant.card].telematik_id,
            }
            for name, participant in self.world.registered.items()
        ]
        accounts += [
            {
                "address": address,
                "password": self.identities.password(f"account//{name}"),
                "kim_version": extra.kim_version,
                "telematik_id": self.identities.telematik_id(name, extra),
            }
            for name, extra in self.world.directory.items()
            for address in extra.all_addresses[1 if extra.shared_address else 0 :]
        ]
        return [account for account in accounts if account["address"].endswith(f"@{domain}")]

    def _konnektor(self, part: Part) -> CONFIG:
        konnektor = self.world.sites[part.of].konnektor
        return {
            "tls": self._tls(part),
            "authentication": konnektor.authentication,
            "client_ca": str(self.tree.clients_ca),
            "trust": str(self.tree.trust),
            "imported_cas": konnektor.imported_cas,
            "ocsp_url": f"http://{self.places.inside('pki', 'ocsp')}/ocsp",
            "ocsp_signers": self.tree.ocsp_signers and str(self.tree.ocsp_signers),
            "vzd": {
                "url": f"ldaps://{self.places.inside('vzd', 'ldap')}",
                "ca": str(self.tree.ca),
            },
            "generation": konnektor.generation,
            "signatures": konnektor.signatures.model_dump(exclude_none=True),
            "events": konnektor.events.model_dump(exclude_none=True),
            "make": konnektor.make.model_dump(mode="json", exclude_unset=True),
            "rsa_ends": self._rsa_ends(),
            "information_model": information_model(
                self.world.users_of(part.of),
                self.identities,
                self.tree,
                fingerprints=lambda site: [
                    self.tree.client(name).fingerprint.strip()
                    for name in client_names(self.world, site)
                ],
                basic=self.basic_auth(part.of),
            ),
            "pins": pins(self.world.users_of(part.of), self.identities),
        }

    def _clientmodule(self, part: Part) -> CONFIG:
        module = self.world.sites[part.of].clientmodule
        assert module is not None  # a part exists only where the world has a client module
        return {
            "tls": self._tls(part),
            "client_tls": module.tls,
            "ca": str(self.tree.ca),
            "konnektors": {"default": self._konnektor_access(part.of)},
            "accounts": {
                participant.address: self._kim_certificate(name)
                for name, participant in self.world.registered.items()
                if self.world.owner(participant.site) == part.of
            },
            **self._providers(self._services()),
            "release": module.release,
            "sign_crypt": module.sign_crypt,
            **module.parameters,
        }

    def _names(self, _: Part) -> CONFIG:
        return {"zones": [ZONE], "records": dns_records(self.world, self.places)}

    def _services(self) -> CONFIG:
        """Return the places of every provider's services, as a client module's settings do."""
        rest = {domain: self.provider_address(domain, "rest") for domain in self.world.providers}
        return {
            "account_limit": {domain: account_limit(place) for domain, place in rest.items()},
            "account_manager": {domain: account_manager(place) for domain, place in rest.items()},
            "kas": {domain: kas(place) for domain, place in rest.items()},
            "mail_servers": {
                domain: {name: self.provider_address(domain, name) for name in ("smtp", "pop3")}
                for domain in rest
            },
        }

    def _providers(self, places: CONFIG) -> CONFIG:
        """Return how providers are found: by DNS, or inside containers by the given *places*.

        The DNS server tells the addresses that hold outside of the containers.
        """
        if self.places.containers:
            return places
        return {"names": self.places.inside("names", "dns")}

    def _konnektor_access(self, owner: str) -> CONFIG:
        konnektor = konnektor_part(owner)
        access: CONFIG = {
            "service_directory": self.service_directory(
                owner, self.places.inside(konnektor, "soap")
            ),
            "ldap": self.proxy(owner, self.places.inside(konnektor, "ldap")),
            "ca": str(self.tree.ca),
            "authentication": self.world.sites[owner].konnektor.authentication,
            "basic_auth": self.basic_auth(owner),
        }
        if access["authentication"] == "certificate":
            client = self.tree.client(clientmodule_part(owner))
            access["client_certificate"] = str(client.path)
            access["client_certificate_password"] = client.password.strip()
        return access

    def _kim_certificate(self, participant: str) -> CONFIG:
        file = self.tree.kim_certificate(participant)
        return {"pkcs12": str(file.path), "password": file.password.strip()}


def account_manager(address: str) -> str:
    """Return the base URL of I_AccountManager_Service at the provider's REST *address*."""
    return f"https://{address}/AccountMgmt/v2.4"


def service_information(address: str) -> str:
    """Return the base URL of I_ServiceInformation at the provider's REST *address*."""
    return f"https://{address}/ServiceInformation/v1.0"


def account_limit(address: str) -> str:
    """Return the base URL of I_AccountLimit_Service at the provider's REST *address*."""
    return f"https://{address}/AccountLimit/v1.1"


def kas(address: str) -> str:
    """Return the base URL of I_Attachment_Services at the provider's REST *address*."""
    return f"https://{address}/attachments/v2.4"


def user_name(
    wiring: Wiring, participant: Participant, listener: str, *, with_user: bool = False
) -> str:
    """Return the user name of *participant* at its client module (A_21519-02, A_21518-02).

    ``address#provider:port#Mandant#Clientsystem#Workplace``, with the UserId for a HBA (POP3).
    """
    site_name = participant.site
    site = wiring.world.sites[site_name]
    parts = [
        participant.address,
        wiring.provider_address(participant.address.rpartition("@")[2], listener),
        call_context.mandant(site_name, site),
        call_context.clientsystem(site_name, site),
        call_context.workplaces(site_name, site)[0],
    ]
    if with_user:
        parts.append(call_context.user(site_name, site))
    return "#".join(parts)
