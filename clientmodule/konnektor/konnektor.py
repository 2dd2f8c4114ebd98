"""One Konnektor with everything that is remembered about it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta

from simulators.process import tls
from simulators.process.clock import Clock
from simulators.process.ldap import LdapClient

from ..directory import Directory
from ..settings import ClientModuleSettings, KonnektorAccess
from .cards import Cards
from .job_numbers import JobNumbers
from .soap import InThread, SoapTransport


class Konnektor:
    """The SOAP services of one Konnektor, its cards, and the directory behind its LDAP proxy."""

    def __init__(
        self,
        access: KonnektorAccess,
        settings: ClientModuleSettings,
        clock: Clock,
        contexts: TlsContexts,
        in_thread: InThread,
    ) -> None:
        seconds = settings.konnektor_timeout
        self.soap = SoapTransport(access, contexts.soap, seconds=seconds, in_thread=in_thread)
        self.cards = Cards(
            self.soap, clock, iccsn_lifetime=timedelta(days=settings.ttl_email_iccsn_days)
        )
        self.job_numbers = JobNumbers(self.soap)
        ldap = LdapClient(
            access.ldap,
            contexts.ldap,
            answer_seconds=seconds,
        )
        self.directory = Directory(
            ldap, clock, lifetime=timedelta(hours=settings.ttl_enc_cert_hours)
        )

    def forget(self) -> None:
        """Empty every cache."""
        self.soap.forget_directory()
        self.cards.forget()
        self.job_numbers.forget()
        self.directory.forget()

    async def close(self) -> None:
        """Close every connection."""
        await self.job_numbers.close()
        await self.directory.close()
        await self.soap.close()


@dataclass(frozen=True)
class TlsContexts:
    """TLS for the SOAP services and for the LDAP proxy; None where it is not spoken."""

    soap: ssl.SSLContext | None
    ldap: ssl.SSLContext | None


def tls_contexts(access: KonnektorAccess) -> TlsContexts:
    """Return the TLS contexts for *access* (KOM-LE-A_2070 to 2072, A_21223-01).

    Each shows the client certificate only if that is how it authenticates. Raises InputError when
    a file cannot be used.
    """
    return TlsContexts(
        _context(access, access.authentication) if _is_tls(access.service_directory) else None,
        _context(access, access.shown_to_ldap) if _is_tls(access.ldap) else None,
    )


def _is_tls(url: str) -> bool:
    return url.startswith(("https:", "ldaps:"))


def _context(access: KonnektorAccess, authentication: str) -> ssl.SSLContext:
    context = tls.client_context(access.ca)
    if authentication == "certificate" and access.client_certificate is not None:
        tls.load_pkcs12(context, access.client_certificate, access.client_certificate_password)
    return context
