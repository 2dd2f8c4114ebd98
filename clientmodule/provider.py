"""Connections to the provider: mutual TLS, the server's certificate checked by the Konnektor."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from datetime import timedelta

from simulators.formats.certificates import load
from simulators.process import tls
from simulators.process.errors import InputError
from simulators.process.role import Process

from .caches import TimedCache
from .discovery import Discovery
from .key_store import KeyStore, Stamp
from .konnektor.faults import KonnektorError
from .konnektor.konnektor import Konnektor
from .konnektor.operations import verify_certificate
from .lines import LineStream
from .operation import Operation
from .settings import ClientModuleSettings
from .user_name import UserName

CONNECT_SECONDS = 20.0
READ_AHEAD = 256 << 10
NOBODY = ""
"""Stands for every address without a key of its own: whoever knocks may name any."""


class ProviderUnreachable(ConnectionError):
    """No TLS connection to the provider's server, or one whose certificate is not valid."""


class LoginRefused(Exception):
    """The provider's server refused the login; ``answer`` is its line, without the end."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("login refused")
        self.answer = answer


class Provider:
    """The way to the providers' servers for every account of this client module."""

    def __init__(
        self, process: Process[ClientModuleSettings], discovery: Discovery, keys: KeyStore
    ) -> None:
        settings = process.settings
        self._keys = keys
        self._discovery = discovery
        self._process = process
        self._settings = settings
        self._contexts: dict[str, tuple[Stamp, ssl.SSLContext]] = {}
        self._valid: TimedCache[bytes, bool] = TimedCache(
            process.clock, timedelta(hours=settings.ttl_enc_cert_hours)
        )

    async def tls_context(self, address: str) -> ssl.SSLContext:
        """Return the TLS context of an account, with its PKCS#12 (KOM-LE-A_2074, A_22348).

        A new one from the administration module is taken up at once (A_19453). Raises
        ProviderUnreachable when its file cannot be used.
        """
        key = address.lower()
        stamp = self._keys.stamp(key)
        if stamp is None and key not in self._settings.accounts:
            key = NOBODY
        known = self._contexts.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            context = await self._process.in_thread(self._make_context, key)
        except InputError as error:
            raise ProviderUnreachable("the account's PKCS#12 cannot be used") from error
        self._contexts[key] = stamp, context
        return context

    async def check_trust(self) -> None:
        """Try ``ca`` before anybody needs it. Raises InputError."""
        await self._process.in_thread(tls.client_context, self._settings.ca)

    async def check_accounts(self) -> None:
        """Say in the log of the process which PKCS#12 of the settings cannot be used.

        The accounts with others can, so that is no end.
        """
        for address in self._settings.accounts:
            try:
                await self.tls_context(address)
            except ProviderUnreachable as error:
                self._process.log.warning("accounts: %s", error.__cause__)

    async def connect(
        self, operation: Operation, konnektor: Konnektor, user: UserName, *, seconds: float
    ) -> LineStream:
        """Return a connection to the server that *user* names; TLS from the first byte.

        *seconds* bounds every later read and write. Raises ProviderUnreachable.
        """
        context = await self.tls_context(user.address)
        with operation.step("Connect", peer="provider"):
            try:
                async with asyncio.timeout(min(seconds, CONNECT_SECONDS)):
                    reader, writer = await asyncio.open_connection(
                        *(await self._discovery.address(user.host), user.port),
                        ssl=context,
                        server_hostname=user.host,
                        limit=READ_AHEAD,
                    )
            except (OSError, ssl.SSLError, UnicodeError) as error:
                raise ProviderUnreachable(type(error).__name__) from error
        stream = LineStream(reader, writer, seconds=seconds)
        try:
            await self.check(operation, konnektor, user, stream.peer_certificate or b"")
        except BaseException:
            await stream.close()
            raise
        return stream

    async def check(
        self, operation: Operation, konnektor: Konnektor, user: UserName, certificate: bytes
    ) -> None:
        """Have the Konnektor check the server's certificate; INVALID aborts (KOM-LE-A_2075-01).

        INCONCLUSIVE does not, nor does a Konnektor that cannot answer, which leaves it at the
        trust in ``ca``: mails shall be fetched then too, with the text that the Konnektor is
        missing. VALID is kept by fingerprint for TTL_ENC_CERT, at most until the certificate
        ends (A_22348); anything else is asked again at the next connection. Raises
        ProviderUnreachable.
        """
        if not self._settings.check_provider_certificate:
            return
        key = hashlib.sha256(certificate).digest()
        if self._valid.get(key):
            return
        try:
            verdict = await verify_certificate(konnektor.soap, operation, user.context, certificate)
        except KonnektorError:
            return
        if verdict == "INVALID":
            raise ProviderUnreachable("the server's certificate is not valid")
        if verdict == "VALID":
            self._valid.put(key, True, until=load(certificate).not_valid_after_utc)

    def forget(self) -> None:
        """Have server certificates checked again and key files read again."""
        self._contexts.clear()
        self._valid.clear()

    def _make_context(self, address: str) -> ssl.SSLContext:
        context = tls.client_context(self._settings.ca)
        identity = self._keys.identity(address)
        if identity is not None:
            tls.load_pkcs12(context, identity.file, identity.password)
        return context
