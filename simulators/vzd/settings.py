"""Settings of the directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from simulators.process.settings import Listener, Listeners, ProcessSettings, Settings, TlsIdentity

Scope = Literal["VZD:DirectoryAdministration", "VZD:DirectoryRead"]


class VzdListeners(Listeners):
    """``ldap`` speaks LDAPS only (TIP1-A_5566); ``rest`` serves both maintenance interfaces."""

    ldap: Listener = Listener()
    rest: Listener = Listener()


class ProviderSettings(Settings):
    """A Fachdienst that maintains application data, named by its FAD.

    ``certificate`` is the PEM file of its TLS client certificate; ``domains`` are those of its
    addresses, without them the FAD itself is one.
    """

    certificate: Path
    domains: list[str] = []


class ClientSettings(Settings):
    """A card issuer or TSP that administrates entries, named by its client id (the holder)."""

    secret: SecretStr = Field(min_length=8)
    scopes: list[Scope] = ["VZD:DirectoryAdministration", "VZD:DirectoryRead"]


class GeneratedSettings(Settings):
    """Invented entries beside those of the file: ``count`` of them at KIM ``domains``.

    ``certificates`` are PEM files by kind (practice, dentist, psychotherapist, doctor, hospital,
    pharmacy, insurer): RSA, then ECC, shared by all entries of the kind.
    """

    count: int = Field(default=0, ge=0, le=1_000_000)
    domains: list[str] = Field(min_length=1)
    certificates: dict[str, list[Path]] = {}


class VzdSettings(ProcessSettings):
    """What a directory process is told.

    ``entries`` is a JSON file: a list of ``{"uid": …, "attributes": {name: [values]},
    "certificates": [PEM files], "active": true}``; paths of certificates are relative to it.
    ``generated`` are invented entries that follow from ``seed``. ``size_limit`` is the number
    of hits a search gives without paging, ``page_limit`` the largest page; ``idle_seconds`` is
    how long a connection may stay silent (TIP1-A_5567: 15 minutes), ``search_seconds`` the
    longest time a search may take. Beyond ``max_connections`` of LDAP clients get 51 (busy).
    ``rest_timeout_seconds`` (real time) is how long a connection of the maintenance interfaces
    may ask nothing at first, and how long a body may take.

    ``technical_users`` are names and passwords of binds that search without the limit of hits
    (A_17794). ``fault_certificates`` are what the fault ``certificate`` shows instead of ``tls``,
    by name.

    Maintenance: ``client_ca`` is the trust for certificates of the Fachdienste ``providers``,
    ``clients`` are those of I_Directory_Administration, ``token_seconds`` is how long a token
    holds (virtual time). ``parallel_syncs`` of the operations for synchronisation may run at a
    time, each ``sync_seconds`` long; further ones get 503. ``lock_inactive`` answers 423 to
    changes of the application data of inactive entries, as version 1.4.8 of
    DirectoryApplicationMaintenance did; 1.4.9 allows them. ``versions`` are the KIM versions that
    may be written. ``app_tags`` are what getAppTags lists (unconfirmed: only these two are named
    in the OpenAPI).
    """

    listeners: VzdListeners = VzdListeners()
    tls: TlsIdentity
    entries: Path
    base: str = "dc=data,dc=vzd"
    generated: GeneratedSettings | None = None
    size_limit: int = Field(default=100, ge=1)
    page_limit: int = Field(default=100, ge=1)
    idle_seconds: float = Field(default=900, gt=0)
    max_connections: int = Field(default=1_000, ge=1)
    search_seconds: float = Field(default=30, gt=0)
    rest_timeout_seconds: float = Field(default=30, gt=0)
    technical_users: dict[str, SecretStr] = {}
    fault_certificates: dict[str, TlsIdentity] = {}
    client_ca: Path | None = None
    providers: dict[str, ProviderSettings] = {}
    clients: dict[str, ClientSettings] = {}
    token_seconds: int = Field(default=300, ge=1)
    parallel_syncs: int = Field(default=1, ge=1)
    sync_seconds: float = Field(default=300, gt=0)
    lock_inactive: bool = False
    versions: list[str] = ["1.0", "1.5", "1.5+"]
    app_tags: list[str] = ["eEB;V1.0", "DALE-UV;Einsendung;V1.0"]
