"""A world: providers, sites with their Konnektor, cards and client module, participants.

The models below are the format of ``scenarios/worlds/*.yaml``. A file says only what matters to
it; numbers and names that it leaves out follow from the seed (``identities``), everything else
(keys, certificates, directory entries, accounts, ports) is derived in ``wiring``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simulators.makes.make import Make
from simulators.pki.rsa_end import RsaEndsOrWord
from simulators.process.settings import Settings

from .cards import Card, CardGeneration, Terminal
from .values import Address, Domain, ExpiresIn, Identifier, Name, Port, Ports, TelematikId, Text

DEFAULT_CARD = "smc-b"
Kind = Literal["practice", "dentist", "psychotherapist", "hospital", "pharmacy", "insurer"]
ProviderProfile = Literal["gematik", "kv.dox"]
Crypt = Literal["auto", "RSA", "ECC", "RSA_ECC"]
KimVersion = Literal["1.0", "1.5", "1.5+"]


class S3(Settings):
    """How an object storage is reached; the file of credentials is as AWS's tools have it."""

    endpoint: str = Field(pattern=r"^https?://[^\s]+$", description="URL des Objektspeichers")
    credentials: str = Field(min_length=1, description="Datei mit [default] und den Schlüsseln")
    region: str = "us-east-1"
    ca: str | None = Field(default=None, description="PEM-Datei, der TLS vertraut")


class Kas(Settings):
    """The KAS of a provider; what is not said is as the provider's setting ``kas`` has it."""

    max_downloads: int = Field(
        default=1000, ge=1, description="so oft lädt ein Empfänger, danach 429"
    )
    download_window_seconds: float = Field(
        default=300, gt=0, description="nach so langer Pause zählt es von vorn"
    )
    capacity: int | None = Field(
        default=None, ge=0, description="Bytes aller Postfächer zusammen, danach 507"
    )
    sender_may_download: bool = Field(default=False, description="auch der Absender lädt herunter")
    require_part_length: bool = Field(
        default=True, description="ohne Content-Length am Teil attachment: 400"
    )
    storage: str | None = Field(
        default=None, min_length=1, description="Ordner oder s3://BUCKET/PREFIX"
    )
    s3: S3 | None = None


class Provider(Settings):
    """A KIM provider, named by its domain.

    ``profile`` are its rules for addresses, passwords and registration; ``rules`` what differs
    from them, by the names of the provider's setting ``profile``.
    """

    profile: ProviderProfile = Field(
        default="gematik", description="kv.dox der KBV oder das Beispiel der gematik"
    )
    rules: dict[str, str | int | bool | None] = Field(
        default={}, description="Abweichungen vom Profil, zum Beispiel jwt_expiration"
    )
    client_certificates: bool = Field(
        default=True, description="Clientmodule brauchen ein Zertifikat (TLS, beidseitig)"
    )
    data_time_to_live: int = Field(default=90, ge=10, le=365, description="Tage (10 bis 365)")
    max_mail_size: int = Field(default=734_003_200, ge=734_003_200, description="Bytes")
    quota: int | None = Field(default=None, ge=1, description="Bytes je Postfach")
    database: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="PostgreSQL für Nachrichten und Konten, postgresql://…, statt SQLite",
    )
    kas: Kas = Field(default_factory=Kas, description="Ablage großer Nachrichten")
    ports: Ports = Field(default={}, description="smtp, pop3, rest, control (--ports fixed)")


class Events(Settings):
    """How the Konnektor of a site delivers events; what is left out is as it has it by itself."""

    tls: Literal["as_soap", "always", "never"] | None = Field(
        default=None, description="CETP mit TLS: wie SOAP, immer, nie"
    )
    sinks: Literal["private", "anywhere"] | None = Field(
        default=None, description="wohin: nur ins lokale Netz, oder überallhin"
    )
    max_try: int | None = Field(default=None, ge=1, le=1000, description="EVT_MAX_TRY")
    segments: int | None = Field(default=None, ge=1, le=100, description="TCP-Segmente je Ereignis")
    boot_seconds: float | None = Field(
        default=None, ge=0, le=600, description="Dauer eines Neustarts, echte Sekunden"
    )
    expiration_warn_days: int | None = Field(
        default=None, ge=0, le=180, description="CERT_EXPIRATION_WARN_DAYS"
    )


class Signatures(Settings):
    """What the administrator of a site's Konnektor sets about signatures; the rest is as usual."""

    qes: bool | None = Field(default=None, description="MGM_LU_SAK; ohne: 4125")
    comfort_signature: bool | None = Field(default=None, description="SAK_COMFORT_SIGNATURE")
    comfort_max: int | None = Field(default=None, ge=1, le=250, description="Signaturen je Sitzung")
    comfort_hours: int | None = Field(default=None, ge=1, le=24, description="Stunden je Sitzung")
    comfort_sessions: int | None = Field(default=None, ge=2, le=250, description="je HBA")
    signatures_per_pin: int | None = Field(
        default=None, ge=1, le=250, description="Signaturen je Eingabe der PIN.QES"
    )
    stopped: int | None = Field(default=None, description="Code nach StopSignature (unbestätigt)")


class Konnektor(Settings):
    """The Konnektor of a site: generation, how clients connect, what differs between makes."""

    generation: Literal["PTV5", "PTV6"] = "PTV6"
    authentication: Literal["certificate", "basic", "tls", "none"] = "certificate"
    make: Make = Field(default=Make(), description="Profil und Eigenheiten des Herstellers")
    signatures: Signatures = Field(default=Signatures(), description="QES, Komfortsignatur")
    events: Events = Field(default=Events(), description="Ereignisse und ihre Zustellung")
    expires_in: ExpiresIn = Field(default=None, description="Tage, bis sein Zertifikat abläuft")
    imported_cas: str | None = Field(
        default=None,
        description="PEM-Datei: TI-fremde CAs, für deren Zertifikate verschlüsselt wird",
    )
    ports: Ports = Field(default={}, description="soap, ldap, control (--ports fixed)")


class ClientModule(Settings):
    """The client module of a site."""

    tls: bool = Field(default=True, description="TLS zum PVS; ohne nur auf demselben Gerät")
    release: str = Field(default="1.5.2-9", pattern=r"^[0-9]{1,2}(\.[0-9]{1,2}){2}(-[0-9]{1,3})?$")
    sign_crypt: Crypt = Field(default="auto", description="womit die SMC-B signiert")
    parameters: dict[str, str | int | float | bool] = Field(
        default={}, description="Parameter nach Tab_Konf_Param, zum Beispiel konnektor_timeout"
    )
    ports: Ports = Field(default={}, description="smtp, pop3, control (--ports fixed)")


class Location(Settings):
    """A postal address."""

    street: Text = "Musterstraße 1"
    postal_code: str = Field(default="10117", pattern=r"^[0-9]{5}$")
    city: Text = "Berlin"
    state: Text = "Berlin"


class Site(Settings):
    """A site: one Mandant with its Clientsystem, workplaces, terminals and cards.

    ``shares`` names a site whose Konnektor and client module this one uses; so several
    Mandanten meet on one Konnektor.
    """

    kind: Kind = "practice"
    name: Text
    location: Location = Location()
    domain_ids: list[Annotated[str, Field(pattern=r"^[0-9]{9}$")]] = Field(
        default=[], max_length=100, description="BSNR einer Praxis, IK einer Kasse"
    )
    specialization: list[str] = []
    shares: Name | None = Field(default=None, description="Standort, dessen Konnektor er nutzt")
    konnektor: Konnektor = Konnektor()
    clientmodule: ClientModule | None = ClientModule()
    mandant: Identifier | None = None
    clientsystem: Identifier | None = None
    workplaces: list[Identifier] = Field(default=[], max_length=100)
    user: Identifier | None = Field(default=None, description="UserId für den HBA")
    cards: dict[Name, Card] = Field(default={DEFAULT_CARD: Card()}, min_length=1)
    terminals: dict[Identifier, Terminal] = Field(
        default={}, description="ohne Angabe: ein Terminal mit allen Karten"
    )


class Participant(Settings):
    """A participant: a KIM address of a card's holder at a site.

    Not ``registered``, it is an address that somebody is going to register: the provider has no
    account, the directory no address and the client module no certificate yet.
    """

    site: Name
    address: Address
    card: Name = DEFAULT_CARD
    password: str | None = Field(default=None, min_length=8, max_length=64)
    kim_version: KimVersion = "1.5"
    registered: bool = Field(
        default=True, description="false: das Konto legt erst jemand an, etwa der Assistent"
    )
    app_tags: list[Annotated[str, Field(pattern=r"^[^|,;]+$")]] = []


class DirectoryCard(Settings):
    """Encryption certificates of a directory entry without site, those of one card."""

    generation: CardGeneration = Field(default="G2.1", description="G2.0 hat nur RSA")
    only: Literal["RSA", "ECC"] | None = Field(
        default=None, description="nur eines der beiden Zertifikate steht im VZD"
    )
    expired: bool = Field(default=False, description="abgelaufen")
    revoked: bool = Field(default=False, description="gesperrt")


class DirectoryExtra(Settings):
    """A directory entry without site: the account exists, nobody of this world fetches from it.

    ``certificate`` false is a recipient for whom nothing can be encrypted; ``cards`` are those
    whose certificates the entry holds, without them it is one of ``generation``.
    """

    kind: Kind = "practice"
    name: Text
    address: Address
    location: Location = Location()
    telematik_id: TelematikId | None = None
    domain_ids: list[Annotated[str, Field(pattern=r"^[0-9]{9}$")]] = []
    generation: CardGeneration = "G2.1"
    certificate: bool = True
    kim_version: KimVersion = "1.5"
    addresses: list[Address] = Field(default=[], max_length=999, description="weitere Adressen")
    shared_address: bool = Field(
        default=False, description="die Adresse steht auch in einem anderen Eintrag"
    )
    cards: list[DirectoryCard] = Field(default=[], max_length=25)
    active: bool = Field(default=True, description="false: Clients sehen den Eintrag nicht")

    @property
    def held_cards(self) -> list[DirectoryCard]:
        """The cards whose certificates the entry holds."""
        if not self.certificate:
            return []
        return self.cards or [DirectoryCard(generation=self.generation)]

    @property
    def all_addresses(self) -> list[str]:
        """Every address of the entry, the first one first."""
        return [self.address, *self.addresses]


class World(Settings):
    """A world file."""

    title: str = Field(min_length=3, max_length=120)
    seed: int = Field(default=1, ge=0, le=2**63 - 1)
    base_port: Port = Field(default=17300, description="erster Port bei --ports fixed")
    providers: dict[Domain, Provider] = Field(min_length=1, max_length=20)
    sites: dict[Name, Site] = Field(min_length=1, max_length=100)
    participants: dict[Name, Participant] = Field(min_length=1, max_length=1000)
    directory: dict[Name, DirectoryExtra] = Field(default={}, max_length=10_000)
    generated_entries: int = Field(
        default=0,
        ge=0,
        le=200_000,
        description="so viele erfundene Einträge hat das VZD außerdem (ohne Postfächer)",
    )
    rsa_ends: RsaEndsOrWord | None = Field(
        default=None, description="ab wann RSA endet; ti: die Tage der TI"
    )
    trust: list[str] = Field(
        default=[], max_length=50, description="PEM-Dateien mit weiteren CAs eigener Testkarten"
    )
    vzd_ports: Ports = {}
    pki_ports: Ports = {}
    names_ports: Ports = {}

    @property
    def registered(self) -> dict[str, Participant]:
        """Return the participants who have an account from the start."""
        return {name: p for name, p in self.participants.items() if p.registered}

    def owner(self, site: str) -> str:
        """Return the site whose Konnektor and client module *site* uses (often itself)."""
        return self.sites[site].shares or site

    def owners(self) -> list[str]:
        """Return the sites that have a Konnektor of their own."""
        return [name for name, site in self.sites.items() if site.shares is None]

    def users_of(self, owner: str) -> dict[str, Site]:
        """Return the sites that use the Konnektor of *owner*, itself first."""
        return {n: site for n, site in self.sites.items() if self.owner(n) == owner}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a world file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kimulator.invalid/world.schema.json",
        **World.model_json_schema(),
    }
