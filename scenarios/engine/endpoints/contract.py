"""``endpoints.json``: where a running world can be reached. A contract with its users.

A part that is not built or not started is absent, never a dead address. Addresses are
``host:port`` or URLs, files are relative to the run directory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line

FILE = "endpoints.json"
ENVIRONMENT_FILE = "kimulator.env"
CERTIFICATES = "certificates"
MAX_BYTES = 8 << 20


class _Part(BaseModel):
    """A part of the contract; keys that a newer release adds are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PkiEndpoint(_Part):
    """The OCSP responder (URL) and the control API of the test PKI."""

    ocsp: str
    control: str


class DirectoryEndpoint(_Part):
    """The directory (VZD): ``ldaps://`` URL, maintenance REST, control API.

    Below ``rest`` lie ``/DirectoryApplicationMaintenance`` and ``/DirectoryAdministration``;
    ``client_id`` and ``client_secret`` fetch a token for the second.
    """

    ldap: str
    rest: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    control: str


class NamesEndpoint(_Part):
    """Service discovery: ``host:port`` of the DNS server, control API."""

    dns: str
    control: str


class RegistrationEndpoint(_Part):
    """What opens a registration at a provider: referenceID and iniPassword."""

    reference_id: str
    initial_password: str


class ProviderEndpoint(_Part):
    """A mail provider: SMTP and POP3 as ``host:port`` (TLS from the first byte), REST URLs.

    ``registration`` holds the code of each site, ``profile`` names the provider's rules.
    """

    smtp: str
    pop3: str
    account_manager: str | None = None
    account_limit: str | None = None
    service_information: str | None = None
    kas: str | None = None
    profile: str | None = None
    registration: dict[str, RegistrationEndpoint] = {}
    control: str


class KonnektorEndpoint(_Part):
    """A Konnektor: service directory URL, LDAP proxy URL, what a client proves itself with.

    ``make`` names its profile, ``generation`` is PTV5 or PTV6.
    """

    service_directory: str
    ldap: str
    client_certificate: str | None = None
    client_certificate_password: str | None = None
    basic_auth: tuple[str, str] | None = None
    make: str | None = None
    generation: str | None = None
    control: str


class ClientModuleEndpoint(_Part):
    """A client module: SMTP and POP3 as ``host:port``; ``tls`` false means without TLS."""

    smtp: str
    pop3: str
    tls: bool = True
    control: str


class Context(_Part):
    """The call context of a site's Clientsystem at its Konnektor."""

    mandant: str
    clientsystem: str
    workplace: str
    user: str | None = None


class CardEndpoint(_Part):
    """A card of the site; PIN values by the PIN's reference; a HBA names its holder.

    An eGK has a ``kvnr`` and an empty ``telematik_id``.
    """

    type: str
    iccsn: str
    telematik_id: str
    pins: dict[str, str] = {}
    generation: str | None = None
    title: str | None = None
    given_name: str | None = None
    surname: str | None = None
    lanr: str | None = None
    kvnr: str | None = None


class SiteEndpoint(_Part):
    """A site: its Konnektor, its client module, the call context, its cards.

    The rest is what a PVS knows of its own practice: ``domain_ids`` holds BSNR or IK.
    """

    konnektor: KonnektorEndpoint | None = None
    clientmodule: ClientModuleEndpoint | None = None
    context: Context
    cards: tuple[CardEndpoint, ...] = ()
    kind: str | None = None
    name: str | None = None
    domain_ids: tuple[str, ...] = ()
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None


class ParticipantEndpoint(_Part):
    """A participant: KIM address and password, user names at the client module of its site.

    ``kim_certificate`` is the PKCS#12 that the account was given by createCert; a foreign client
    module meets the provider with it. ``card`` is the ICCSN of the card behind the address,
    ``telematik_id`` its holder's.
    """

    site: str
    address: str
    password: str
    smtp_user: str | None = None
    pop3_user: str | None = None
    kim_certificate: str | None = None
    kim_certificate_password: str | None = None
    telematik_id: str | None = None
    card: str | None = None


class Endpoints(_Part):
    """The whole file. ``directory`` is the run directory it was read from."""

    ca: str
    seed: int
    directory: Path = Path()
    pki: PkiEndpoint | None = None
    vzd: DirectoryEndpoint | None = None
    names: NamesEndpoint | None = None
    providers: dict[str, ProviderEndpoint] = {}
    sites: dict[str, SiteEndpoint] = {}
    participants: dict[str, ParticipantEndpoint] = {}

    def file(self, name: str) -> Path:
        """Return the path of *name*, a file that the contract names."""
        return self.directory / name

    def controls(self) -> dict[str, str]:
        """Return the control API of every running process; a shared one appears once."""
        found: dict[str, str] = {}
        if self.pki is not None:
            found["pki"] = self.pki.control
        if self.vzd is not None:
            found["vzd"] = self.vzd.control
        if self.names is not None:
            found["names"] = self.names.control
        for domain, provider in self.providers.items():
            found[f"mailserver {domain}"] = provider.control
        for name, site in self.sites.items():
            for role in ("konnektor", "clientmodule"):
                part = getattr(site, role)
                if part is not None and part.control not in found.values():
                    found[f"{role} {name}"] = part.control
        return found

    def write(self, directory: Path) -> Path:
        """Write the file into *directory*, readable by the owner only; return its path."""
        content = self.model_dump(mode="json", exclude_none=True, exclude={"directory"})
        return write_private(directory / FILE, json.dumps(content, indent=1, ensure_ascii=False))


def read_endpoints(directory: Path) -> Endpoints:
    """Read the endpoints of the world in the run directory *directory*.

    Raises InputError when no world runs there or the file is none of ours.
    """
    path = directory / FILE
    try:
        content = json.loads(read_bounded(path, MAX_BYTES))
        if not isinstance(content, dict):
            raise InputError(f"{path}: erwartet wird ein JSON-Objekt")
        return Endpoints.model_validate({**content, "directory": directory.absolute()})
    except FileNotFoundError:
        raise InputError(
            f"{directory}: hier läuft keine Welt ({FILE} fehlt); `kimulator up` startet eine"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where}: {one_line(first['msg'])}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: nicht lesbar: {one_line(str(error))}") from None


def write_private(path: Path, text: str) -> Path:
    """Write *text* to *path* so that only the owner may read it and nobody sees half of it."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
    return path
