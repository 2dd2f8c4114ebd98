"""Who calls the Account Manager: a card by its JWT, an account by its password."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
from aiohttp import hdrs, web
from cryptography import x509

from simulators.formats import certificates
from simulators.formats.errors import FormatError
from simulators.pki import ocsp_client
from simulators.pki.trust import PathResult, Trust, read_certificates

from .. import faults
from ..account import Account
from ..faults import RestRefused
from ..provider import Provider
from .jwt import Token, TokenRefused, read_token
from .settings import AccountManagerSettings

AUT_POLICIES = frozenset({"1.2.276.0.76.4.77", "1.2.276.0.76.4.75"})
"""oid_smc_b_aut and oid_hba_aut (KOM-LE-A_2187, 2188): C.HCI.AUT and C.HP.AUT."""
MAX_BASE64 = 256
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="KIM"'}


@dataclass(frozen=True)
class Caller:
    """The card that signed a JWT: its AUT certificate and the Telematik-ID in it."""

    certificate: x509.Certificate
    telematik_id: str


class Authentication:
    """Checks JWTs against the trust of cards, and passwords against accounts."""

    def __init__(
        self,
        provider: Provider,
        settings: AccountManagerSettings,
        session: aiohttp.ClientSession,
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._session = session
        self._trust = Trust.load(settings.trust)
        signers = settings.ocsp_signers
        self._signers = () if signers is None else read_certificates(signers)

    async def caller(self, request: web.Request) -> Caller:
        """Return the card that calls; raises RestRefused (401) that says what is wrong."""
        try:
            return await self._caller(request)
        except TokenRefused as refused:
            error = faults.REST_UNAUTHORIZED.saying(f"Authentification failed: {refused}")
            raise RestRefused(error.with_headers(CHALLENGE)) from None

    async def owner(self, request: web.Request) -> Account:
        """Return the account in the path, which the caller owns and knows the password of.

        Raises RestRefused: 400 for parameters, 401, 404 for no account.
        """
        password = header_value(request, "password")
        address = path_address(request)
        caller = await self.caller(request)
        account = await self.known(address, password)
        if account.telematik_id != caller.telematik_id:
            raise RestRefused(
                faults.REST_UNAUTHORIZED.saying(
                    "Authentification failed: the account belongs to another Telematik-ID"
                )
            )
        return account

    async def known(self, address: str, password: str) -> Account:
        """Return the account with *address* if *password* is its; raises RestRefused 404, 401."""
        accounts = self._provider.accounts
        if accounts.find(address) is None:
            raise RestRefused(faults.REST_NO_ACCOUNT)
        account = await accounts.log_in(address, password)
        if account is None:
            raise RestRefused(
                faults.REST_UNAUTHORIZED.saying(
                    "Authentification failed: wrong password, or the account is locked"
                )
            )
        return account

    async def _caller(self, request: web.Request) -> Caller:
        scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefused("a JWT is needed (Bearer)")
        token = read_token(text.strip(), self._settings.jwt_algorithms)
        now = self._provider.process.clock.now()
        holds = timedelta(seconds=self._provider.settings.profile.jwt_expiration)
        token.check_time(now, holds, timedelta(seconds=self._settings.jwt_tolerance_seconds))
        telematik_id = await self._provider.process.in_thread(self._proven, token, now)
        await self._check_status(token.certificate, now)
        return Caller(token.certificate, telematik_id)

    def _proven(self, token: Token, now: datetime) -> str:
        """Check signature, path, dates and type of certificate; return the Telematik-ID."""
        token.check_signature()
        result = self._trust.check_path(token.certificate, now)
        if result is not PathResult.OK:
            raise TokenRefused(f"the AUT certificate is not accepted: {result.value}")
        try:
            if AUT_POLICIES.isdisjoint(certificates.policies(token.certificate)):
                raise TokenRefused("x5c is no AUT certificate of an SMC-B or HBA")
            telematik_id = certificates.telematik_id(token.certificate)
        except FormatError:
            raise TokenRefused("the AUT certificate is malformed") from None
        if not telematik_id:
            raise TokenRefused("the AUT certificate has no Telematik-ID")
        return telematik_id

    async def _check_status(self, certificate: x509.Certificate, now: datetime) -> None:
        """Ask for the status; what is not known to be good is refused."""
        if self._settings.ocsp_url is None:
            return
        issuer = self._trust.issuer_of(certificate)
        assert issuer is not None  # its path was built before
        answer = await ocsp_client.status(
            self._session,
            self._settings.ocsp_url,
            certificate,
            issuer,
            now,
            signers=self._signers,
        )
        if answer.status != "good":
            self._provider.process.journal.record(
                "rest.certificate", status=answer.status, reason=answer.reason
            )
            raise TokenRefused(f"the status of the AUT certificate is {answer.status}")


def path_address(request: web.Request) -> str:
    """Return the parameter username of the path; raises RestRefused (400) if it is no address."""
    address = request.match_info["username"]
    if not is_address(address):
        raise RestRefused(faults.REST_INPUT.saying("username: expected an e-mail address"))
    return address


def is_address(text: str) -> bool:
    """Tell whether *text* looks like an address, of any domain; at most 256 characters."""
    local, _, domain = text.rpartition("@")
    return (
        bool(local and domain)
        and len(text) <= MAX_BASE64
        and text.isprintable()
        and " " not in text
    )


def header_value(request: web.Request, name: str) -> str:
    """Return the base64 parameter *name* of the header, decoded; raises RestRefused (400)."""
    if len(request.headers.getall(name, [])) != 1:
        raise RestRefused(faults.REST_INPUT.saying(f"{name}: expected once in the header"))
    return decoded(request.headers[name], name)


def decoded(value: str, name: str) -> str:
    """Return the text that *value* holds in base64 (UTF-8); raises RestRefused (400)."""
    if len(value) > MAX_BASE64:
        raise RestRefused(faults.REST_INPUT.saying(f"{name}: longer than {MAX_BASE64}"))
    try:
        return b64decode(value.encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise RestRefused(faults.REST_INPUT.saying(f"{name}: expected base64 of UTF-8")) from None
