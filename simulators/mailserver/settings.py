"""What a provider's mail server is told: domain, accounts, routes, limits, TLS."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from simulators.process.errors import InputError
from simulators.process.guardrails import refuse_real_domain
from simulators.process.resolver import read_place
from simulators.process.settings import (
    Listener,
    Listeners,
    ProcessSettings,
    Settings,
    TlsIdentity,
)

from .account_manager.settings import AccountManagerSettings
from .kas.settings import KasSettings
from .profile import Profile, shipped_profile

MAX_INT64 = 2**63 - 1
MINIMAL_SIZE = 35_882_577
"""What EHLO announces at least (KOM-LE-A_2004-01): 15 MiB signed, encrypted and encoded twice."""


class MailserverListeners(Listeners):
    """Control, SMTP and POP3 (TLS from the first byte) and the REST interface AccountLimit."""

    smtp: Listener = Listener()
    pop3: Listener = Listener()
    rest: Listener = Listener()


class AccountSettings(Settings):
    """An account of the domain; ``address`` is the user name too (KOM-LE-A_2161).

    ``data_time_to_live`` in days, ``max_mail_size`` and ``quota`` in bytes, as AccountLimit
    reports them; no ``quota`` means unlimited (reported as -1). AccountManager 2.4 knows one
    maxMailSize alone and reports that. ``kim_version`` is the client
    module's; ``in_directory`` false keeps the address out of the directory (noVzdMailEntry).
    """

    address: str
    password: SecretStr
    telematik_id: str
    data_time_to_live: int = Field(default=90, ge=10, le=365)
    max_mail_size: int = Field(default=734_003_200, ge=734_003_200, le=MAX_INT64)
    quota: int | None = Field(default=None, ge=0, le=MAX_INT64)
    kim_version: str = Field(default="1.5", max_length=4)
    in_directory: bool = True


class RelaySettings(Settings):
    """How mail to other domains is tried again; times in seconds of the virtual clock.

    The waiting time starts at ``first_retry_seconds``, doubles with each attempt and stays at
    ``longest_retry_seconds``; after ``give_up_seconds`` the sender gets a DSN (RFC 5321 4.5.4.1).
    Real time: ``timeout_seconds`` for each answer of the other server, ``idle_seconds`` for which
    a connection is kept, and ``takeover_seconds``, how often a process looks for the queue of
    another one on the same PostgreSQL database that has ended.
    """

    connections: int = Field(default=4, ge=1, le=32)
    first_retry_seconds: float = Field(default=60, gt=0)
    longest_retry_seconds: float = Field(default=1800, gt=0)
    give_up_seconds: float = Field(default=432_000, gt=0)
    timeout_seconds: float = Field(default=60, gt=0)
    idle_seconds: float = Field(default=60, gt=0)
    takeover_seconds: float = Field(default=5, gt=0)


class OriginatorRefusal(Settings):
    """The answer to a mail that breaks A_23421 or A_23422.

    Unconfirmed: the public material names no code; this is RFC 3463's "not authorized".
    """

    code: int = Field(default=550, ge=500, le=599)
    status: str = Field(default="5.7.1", pattern=r"^5\.\d{1,3}\.\d{1,3}$")


class FailedLoginSettings(Settings):
    """How guesses of passwords are slowed down; no public source says how providers do it.

    After ``free`` failed logins in a row each further login to that account waits 0.25 s of real
    time, then twice as long each time, ``longest_delay_seconds`` at most (0: never).
    """

    free: int = Field(default=10, ge=1)
    longest_delay_seconds: float = Field(default=5, ge=0, le=60)


class OutOfOfficeSettings(Settings):
    """How absence is answered (KOM-LE-A_2223).

    ``once_per_sender``: a sender is told once for as long as a note stands (unconfirmed; RFC 3834
    2 wants answers limited so). ``subject`` is the answer's.
    """

    once_per_sender: bool = True
    subject: str = Field(default="Abwesenheitsnotiz", min_length=1, max_length=200)


class MailserverSettings(ProcessSettings):
    """Settings of one provider.

    ``ca`` is what the relay trusts at other providers' servers, ``client_ca`` what the listeners
    trust as client certificates (C.CM.TLS-CS of client modules, C.FD.TLS-C of providers).
    ``deletion_notice``: who loses mails to dataTimeToLive is told so by a mail (KOM-LE-A_2154).
    Unconfirmed: the public material has the requirement's title only, neither whom the notice
    goes to, nor when, nor its text; so it is off unless asked for.
    ``fault_certificates`` are what the fault ``certificate`` shows instead of ``tls``, by name.
    ``routes`` take the place of MX records: domain to ``host:port``. ``names`` is the DNS server,
    ``host:port``, that is asked for all other domains; servers found so are called at ``mail_port``
    unless a record SRV of ``port_service`` below the server's name says otherwise.
    ``max_message_size`` bounds one message on the wire; EHLO announces it. ``database`` is the URL
    of a PostgreSQL database, ``postgresql://USER:PASSWORD@HOST/NAME``, for mails, queue, accounts
    (needs the extra ``postgres``); several processes of one domain may share it, several domains
    too. Without it they lie in an SQLite file in ``data_dir``. ``profile`` holds the
    provider's own rules: a shipped one by name, a table with ``profile`` and what differs. Without
    ``account_manager`` accounts are those of the settings alone. Real time: a session of SMTP or
    POP3 ends after its ``…_timeout_seconds`` without a command, a connection of REST where no
    head of a request came in ``rest_timeout_seconds``.
    """

    listeners: MailserverListeners = MailserverListeners()
    domain: str
    host_name: str
    tls: TlsIdentity
    ca: Path
    client_ca: Path
    fault_certificates: dict[str, TlsIdentity] = {}
    require_client_certificate: bool = True
    routes: dict[str, str] = {}
    names: str | None = None
    mail_port: int = Field(default=465, ge=1, le=65535)
    port_service: str = "_smtps._tcp"
    accounts: list[AccountSettings] = []
    profile: Profile = Field(default_factory=lambda: shipped_profile("gematik"))
    account_manager: AccountManagerSettings | None = None
    out_of_office: OutOfOfficeSettings = OutOfOfficeSettings()
    relay: RelaySettings = RelaySettings()
    originator_refusal: OriginatorRefusal = OriginatorRefusal()
    failed_logins: FailedLoginSettings = FailedLoginSettings()
    kas: KasSettings = KasSettings()
    deletion_notice: bool = False
    database: SecretStr | None = None
    max_message_size: int = Field(default=MINIMAL_SIZE, ge=MINIMAL_SIZE, le=1_000_000_000)
    max_recipients: int = Field(default=500, ge=100, le=10_000)
    max_connections: int = Field(default=400, ge=1)
    smtp_timeout_seconds: float = Field(default=300, gt=0)
    pop3_timeout_seconds: float = Field(default=600, ge=600)
    rest_timeout_seconds: float = Field(default=30, gt=0)

    @field_validator("domain")
    @classmethod
    def _guard_domain(cls, domain: str) -> str:
        return _test_domain(domain)

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, database: SecretStr | None) -> SecretStr | None:
        schemes = ("postgresql://", "postgres://")
        if database is not None and not database.get_secret_value().startswith(schemes):
            raise ValueError("expected postgresql://USER:PASSWORD@HOST/NAME")
        return database

    @field_validator("names")
    @classmethod
    def _is_a_place(cls, names: str | None) -> str | None:
        if names is not None:
            read_place(names)
        return names

    @field_validator("routes")
    @classmethod
    def _guard_routes(cls, routes: dict[str, str]) -> dict[str, str]:
        for domain, route in routes.items():
            try:
                read_place(route)
            except ValueError as error:
                raise ValueError(f"{domain}: {error}") from None
        return {_test_domain(domain): route for domain, route in routes.items()}

    @model_validator(mode="after")
    def _accounts_are_of_the_domain(self) -> MailserverSettings:
        for account in self.accounts:
            local, _, domain = account.address.rpartition("@")
            if not local or domain.lower() != self.domain:
                raise ValueError(f"accounts: {account.address} is no address of {self.domain}")
        return self


def route(settings: MailserverSettings, domain: str) -> tuple[str, int] | None:
    """Return host and port of the server for *domain*, or None when there is no route."""
    target = settings.routes.get(domain.lower())
    return None if target is None else read_place(target)


def _test_domain(domain: str) -> str:
    try:
        return refuse_real_domain(domain).lower()
    except InputError as error:
        raise ValueError(str(error)) from None
