"""One Konnektor with everything that is remembered about it."""

from __future__ import annotations

import ssl
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
        context: ssl.SSLContext | None,
        in_thread: InThread,
    ) -> None:
        seconds = settings.konnektor_timeout
        self.soap = SoapTransport(access, context, seconds=seconds, in_thread=in_thread)
        self.cards = Cards(
            self.soap, clock, iccsn_lifetime=timedelta(days=settings.ttl_email_iccsn_days)
        )
        self.job_numbers = JobNumbers(self.soap)
        ldap = LdapClient(
            access.ldap,
            context if access.ldap.startswith("ldaps:") else None,
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


def tls_context(access: KonnektorAccess) -> ssl.SSLContext | None:
    """Return the TLS context for SOAP and LDAP (KOM-LE-A_2070 to 2072, A_21223-01).

    None when neither uses TLS. Raises InputError when a file cannot be used.
    """
    urls = (access.service_directory, access.ldap)
    if not any(url.startswith(("https:", "ldaps:")) for url in urls):
        return None
    context = tls.client_context(access.ca)
    if access.client_certificate is not None:
        tls.load_pkcs12(context, access.client_certificate, access.client_certificate_password)
    return context
