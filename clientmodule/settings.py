"""Settings of a client module; the upper-case names are the parameters of Tab_Konf_Param."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from simulators.process.resolver import read_place
from simulators.process.settings import Listener, Listeners, ProcessSettings, Settings, TlsIdentity

DEFAULT_KONNEKTOR = "default"
CM_VERSION = r"[a-zA-Z0-9_]{1,5}_" r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(-[0-9]{1,3})?"
RELEASE = r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(-[0-9]{1,3})?"


class ClientModuleListeners(Listeners):
    """Where the practice software meets the client module."""

    smtp: Listener = Listener()
    pop3: Listener = Listener()


class Parameters(Settings):
    """Settings that may be called by their names in Tab_Konf_Param, too (KOM-LE-A_2091-01)."""

    @model_validator(mode="before")
    @classmethod
    def _names_of_the_table(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        renamed = dict(content)
        for name, field in cls.model_fields.items():
            if field.title in renamed:
                if name in renamed:
                    raise ValueError(f"{name} and {field.title} are the same setting")
                renamed[name] = renamed.pop(field.title)
        return renamed


class KonnektorAccess(Parameters):
    """How one Konnektor is reached (KOM-LE-A_2070 to 2072, A_21223-01).

    ``authentication`` is TLS_AUTH_KONNEKTOR: ``certificate`` (TLS with the client certificate of
    ``client_certificate``, a PKCS#12 file), ``basic`` (TLS and ``basic_auth``), ``tls`` (server
    certificate only) or ``none`` (plain HTTP is allowed, against KOM-LE-A_2070).
    ``service_directory`` is the URL of ``/connector.sds`` (KONNEKTOR_URI), ``ldap`` that of the
    Konnektor's LDAP proxy, ``ca`` what its server certificates are checked against.
    ``ldap_authentication`` is the same for the LDAP proxy, which knows no ``basic``; unless it is
    given, a client certificate is shown there if it is shown to the services, too. ``ntp``,
    ``host:port``, is its NTP server: the clock follows that of the Konnektor ``default``
    (KOM-LE-A_2230); without one, as in a world, it is the machine's and the control API's.
    """

    service_directory: str = Field(title="KONNEKTOR_URI")
    ldap: str
    ca: Path | None = None
    authentication: Literal["certificate", "basic", "tls", "none"] = Field(
        default="certificate", title="TLS_AUTH_KONNEKTOR"
    )
    ldap_authentication: Literal["certificate", "tls", "none"] | None = None
    client_certificate: Path | None = None
    client_certificate_password: str = ""
    basic_auth: tuple[str, str] | None = None
    ntp: str | None = None

    @field_validator("ntp")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        if value is not None:
            read_place(value)
        return value

    @property
    def shown_to_ldap(self) -> Literal["certificate", "tls", "none"]:
        """How the client module proves itself to the LDAP proxy."""
        if self.ldap_authentication is not None:
            return self.ldap_authentication
        return "tls" if self.authentication == "basic" else self.authentication

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> KonnektorAccess:
        wanted = (self.authentication, self.shown_to_ldap)
        if "certificate" in wanted and self.client_certificate is None:
            raise ValueError("authentication certificate needs client_certificate")
        if self.authentication == "basic" and self.basic_auth is None:
            raise ValueError("authentication basic needs basic_auth")
        if self.authentication != "none" and not self.service_directory.startswith("https://"):
            raise ValueError("service_directory: expected an https URL unless authentication none")
        if self.shown_to_ldap != "none" and not self.ldap.startswith("ldaps://"):
            raise ValueError("ldap: expected an ldaps URL unless ldap_authentication none")
        return self


class Account(Settings):
    """What one KIM account was given by createCert: the PKCS#12 for TLS to the provider."""

    pkcs12: Path
    password: str


class MailServers(Settings):
    """Where a provider takes and gives mail, ``host:port`` each, TLS from the first byte."""

    smtp: str
    pop3: str

    @field_validator("smtp", "pop3")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        read_place(value)
        return value


class ClientModuleSettings(Parameters, ProcessSettings):
    """Settings of ``python -m clientmodule``.

    ``tls`` is the identity towards the practice software (C.CM.TLS-CS): a ``pkcs12`` with its
    ``password``, as the provider gives it (KOM-LE-A_2065, 2301-02), or ``certificate`` and ``key``,
    PEM files. With ``client_ca`` only a client system with a certificate from there gets in
    (KOM-LE-A_2066); ``client_tls: false`` drops TLS and is allowed on loopback only
    (KOM-LE-A_2181). ``ca`` is the trust for providers. ``konnektors`` maps KonnektorIds of user
    names to Konnektoren; ``default`` serves user names without one. ``accounts`` maps mail
    addresses to their PKCS#12; what the administration module fetches or imports is kept in the
    key store below ``data_dir``, encrypted with ``key_store_password``, without one with a
    password that is made at first use and kept beside it. ``account_limit`` maps provider
    domains to the base URL of I_AccountLimit_Service, ``account_manager`` to that of
    I_AccountManager_Service (``https://host:port/AccountMgmt/v2.4``), ``mail_servers`` to the
    places of SMTP and POP3 that stand in generated user names. Those of other domains are found
    by DNS service discovery (A_19361-01, A_19523) at ``names``, ``host:port`` of a DNS server,
    which resolves the host names of providers too; ``account_manager_service`` is what it is
    asked for (unconfirmed). Likewise
    ``kas`` maps provider domains to the base URL of I_Attachment_Services, with its path
    (``https://host:port/attachments/v2.4``), and ``kas_service`` finds the others (unconfirmed);
    links in received mails are followed to these alone, or below ``domains`` where none is known.
    ``report_failed_upload`` has the sender told by a DSN (4002) too when the KAS does not take
    the data of a large mail (unconfirmed: A_19363-03 asks only for the reply 451).
    ``max_submission`` is the SIZE that EHLO announces before it is known who will log in: what a
    provider's maxMailSize is at least. ``max_client_mail`` are the bytes up to which a mail goes
    through the Konnektor, ``max_large_mail`` those that are downloaded for one mail from a KAS at
    most. More than ``max_connections`` of a listener are refused.
    ``release`` decides how encryption certificates are chosen: up to 1.5.2-8 all of a
    recipient, from 1.5.2-9 on RSA only if there is nothing else; ``pt_version``, announced as
    X-KIM-PTVersion, is the release unless it is given. ``domains`` are the endings that KIM
    addresses of this world may have.

    ``check_provider_certificate`` has the Konnektor check the provider's certificate;
    ``replace_from`` replaces a From that differs from MAIL FROM; ``report_mail_from`` is the MAIL
    FROM of reports; ``integrity_failure`` says whether a mail whose integrity is broken is
    embedded into the error mail or replaced by it (A_23165); ``sign_crypt`` is Crypt of
    SignDocument, ``auto`` what the release does.

    ``top_hides_mime`` takes MIME-Version out of what TOP shows of a KOM-LE message: the workaround
    that the specification names for a Thunderbird that loads headers first, then the rest.

    ``prot_perf`` and ``prot_flow`` write the logs of performance and flow (the specification
    wants the flow off in production), ``ttl_prots_days`` and ``prot_space_mib`` bound the age and
    the space of all logs; the oldest go first.

    Times are seconds unless the name says otherwise; the defaults of what stands in
    Tab_Konf_Param are those of the table (KOM-LE-A_2091-01, 2184), whose upper-case names are
    understood as well.
    """

    listeners: ClientModuleListeners = ClientModuleListeners()
    tls: TlsIdentity | Account | None = None
    client_tls: bool = True
    client_ca: Path | None = None
    ca: Path
    konnektors: dict[str, KonnektorAccess]
    accounts: dict[str, Account] = {}
    key_store_password: str | None = Field(default=None, min_length=8)
    account_limit: dict[str, str] = {}
    account_manager: dict[str, str] = {}
    mail_servers: dict[str, MailServers] = {}
    names: str | None = None
    account_manager_service: str = "_accmgr._tcp.kim.telematik-test"
    kas: dict[str, str] = {}
    kas_service: str = "_kas._tcp.kim.telematik-test"
    release: str = Field(default="1.5.2-9", pattern=f"^{RELEASE}$")
    cm_version: str = Field(default="KIMUL_0.1.0-0", pattern=f"^{CM_VERSION}$")
    pt_version: str = Field(
        default_factory=lambda given: str(given["release"]), pattern=f"^{RELEASE}$"
    )
    domains: list[str] = [".kim.telematik-test"]

    konnektor_timeout: float = Field(default=60, gt=0, title="KONNEKTOR_TIMEOUT")
    smtp_timeout_server: float = Field(default=300, gt=0, title="SMTP_TIMEOUT_SERVER")
    smtp_timeout_client: float = Field(default=300, gt=0, title="SMTP_TIMEOUT_CLIENT")
    pop3_timeout_server: float = Field(default=300, gt=0, title="POP3_TIMEOUT_SERVER")
    pop3_timeout_client: float = Field(default=300, gt=0, title="POP3_TIMEOUT_CLIENT")
    cm_kas_timeout: float = Field(default=30, gt=0, title="CM_KAS_TIMEOUT")
    ttl_enc_cert_hours: float = Field(default=12, ge=0, title="TTL_ENC_CERT")
    ttl_email_iccsn_days: float = Field(default=30, ge=0, title="TTL_EMAIL_ICCSN")
    ttl_prots_days: float = Field(default=30, gt=0, title="TTL_PROTS")
    prot_perf: bool = Field(default=True, title="PROT_PERF")
    prot_flow: bool = True
    prot_space_mib: int = Field(default=256, ge=1)
    limits_hours: float = Field(default=24, ge=0, le=24)
    max_client_mail: int = Field(default=15 * 1024 * 1024, gt=0)
    report_failed_upload: bool = True
    max_submission: int = Field(default=734_003_200, ge=35_882_577)
    max_large_mail: int = Field(default=1 << 30, gt=0)
    max_connections: int = Field(default=500, gt=0)

    check_provider_certificate: bool = True
    replace_from: bool = True
    report_mail_from: str = ""
    integrity_failure: Literal["embed", "replace"] = "embed"
    top_hides_mime: bool = False
    sign_crypt: Literal["auto", "RSA", "ECC", "RSA_ECC"] = "auto"

    @field_validator("accounts", "account_limit", "account_manager", "mail_servers", "kas")
    @classmethod
    def _lower_case_keys(cls, value: dict[str, object]) -> dict[str, object]:
        return {name.lower(): content for name, content in value.items()}

    @field_validator("account_limit", "account_manager", "kas")
    @classmethod
    def _are_https(cls, value: dict[str, str]) -> dict[str, str]:
        for domain, url in value.items():
            if not url.lower().startswith("https://"):
                raise ValueError(f"{domain}: expected an https URL, for passwords are sent there")
        return value

    @field_validator("names")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        if value is not None:
            read_place(value)
        return value

    @field_validator("domains")
    @classmethod
    def _no_real_domain(cls, value: list[str]) -> list[str]:
        for domain in value:
            if re.search(r"\.kim\.telematik$", domain, re.IGNORECASE):
                raise ValueError("domains of the real TI (.kim.telematik) are refused")
        return value

    @model_validator(mode="after")
    def _tls_or_same_device(self) -> ClientModuleSettings:
        if self.client_tls and self.tls is None:
            raise ValueError("tls: certificate and key are needed, or client_tls: false")
        if not self.client_tls and self.allow_all_addresses:
            raise ValueError("client_tls: false is allowed on loopback only (KOM-LE-A_2181)")
        if DEFAULT_KONNEKTOR not in self.konnektors:
            raise ValueError(f"konnektors: needs the entry {DEFAULT_KONNEKTOR!r}")
        return self
