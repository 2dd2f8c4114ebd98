"""Who calls: a provider by its TLS client certificate, a card issuer by its bearer token."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from ..certificates import read_certificate
from ..settings import ProviderSettings, VzdSettings
from .bodies import is_compressed
from .errors import forbidden, unauthorized

ADMINISTRATION = "VZD:DirectoryAdministration"
READ = "VZD:DirectoryRead"
TOKEN_PATH = "/auth/realms/RSDirectoryAdministration/protocol/openid-connect/token"  # noqa: S105
MAX_TOKEN = 4_096


@dataclass(frozen=True)
class Caller:
    """Who calls, as the log names it; ``fad`` for a provider."""

    name: str
    fad: str = ""


class Providers:
    """The providers (FAD) by the SHA-256 of their TLS client certificate."""

    def __init__(self, providers: Mapping[str, ProviderSettings]) -> None:
        self._by_certificate = {_digest(p.certificate): fad for fad, p in providers.items()}
        self._domains = {
            domain.lower(): fad for fad, p in providers.items() for domain in p.domains or [fad]
        }

    def caller(self, request: web.Request) -> Caller:
        """Return the provider that *request* comes from; RestError 401 or 403 without one."""
        transport = request.transport
        tls = None if transport is None else transport.get_extra_info("ssl_object")
        der = None if tls is None else tls.getpeercert(binary_form=True)
        if der is None:
            raise unauthorized("ein TLS-Client-Zertifikat wird verlangt", oauth=False)
        fad = self._by_certificate.get(hashlib.sha256(der).digest())
        if fad is None:
            raise forbidden("das TLS-Client-Zertifikat ist das keines Fachdienstes")
        return Caller(fad, fad)

    def fad_of(self, address: str) -> str:
        """Return the FAD to which *address* belongs: that of its domain."""
        domain = address.rpartition("@")[2].lower()
        return self._domains.get(domain, domain)


class Tokens:
    """Bearer tokens for clients of I_Directory_Administration (OAuth2 client credentials).

    They are JWTs signed with a key of this process (HS256): claims iss, sub, scope, iat, exp. A
    restart ends them; that an authorization server may use other claims and algorithms is
    unconfirmed, the OpenAPI names ``sub`` alone.
    """

    def __init__(self, settings: VzdSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clients = settings.clients
        self._seconds = settings.token_seconds
        self._now = now
        self._key = secrets.token_bytes(32)

    async def issue(self, request: web.Request) -> web.Response:
        """Answer the token endpoint (RFC 6749, 4.4)."""
        form = await _form(request, self._settings.rest_timeout_seconds)
        if form is None:
            return _token_error(400, "invalid_request")
        if form.get("grant_type") != "client_credentials":
            return _token_error(400, "unsupported_grant_type")
        name, secret = _credentials(request, form)
        client = self._clients.get(name)
        known = "" if client is None else client.secret.get_secret_value()
        if client is None or not hmac.compare_digest(known.encode(), secret.encode()):
            return _token_error(401, "invalid_client")
        asked = str(form.get("scope") or "").split()
        scopes = [scope for scope in client.scopes if not asked or scope in asked]
        if not scopes:
            return _token_error(400, "invalid_scope")
        begin = int(self._now().timestamp())
        token = self._sign(
            {
                "iss": "kimulator (TEST-ONLY)",
                "sub": name,
                "scope": " ".join(scopes),
                "iat": begin,
                "exp": begin + self._seconds,
            }
        )
        return web.json_response(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self._seconds,
                "scope": " ".join(scopes),
            },
            headers={"Cache-Control": "no-store"},
        )

    def caller(self, request: web.Request, scopes: frozenset[str]) -> Caller:
        """Return the client whose token has one of *scopes*; RestError 401 or 403."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._claims(token.strip()) if kind.lower() == "bearer" else None
        if claims is None or claims["exp"] <= self._now().timestamp():
            raise unauthorized("ein gültiges Access Token wird verlangt", oauth=True)
        if claims["sub"] not in self._clients:
            raise unauthorized("der Client ist unbekannt", oauth=True)
        if not scopes & set(claims["scope"].split()):
            raise forbidden("das Access Token reicht dafür nicht")
        return Caller(claims["sub"])

    def _sign(self, claims: dict[str, Any]) -> str:
        parts = (json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims))
        signed = ".".join(_encode(part.encode()) for part in parts)
        return f"{signed}.{_encode(self._mac(signed))}"

    def _mac(self, signed: str) -> bytes:
        return hmac.digest(self._key, signed.encode(), "sha256")

    def _claims(self, token: str) -> dict[str, Any] | None:
        """Return what *token* claims; None for one that was not issued here."""
        signed, _, mac = token.rpartition(".")
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        if not hmac.compare_digest(mac, _encode(self._mac(signed))):
            return None
        claims: dict[str, Any] = json.loads(_decode(signed.partition(".")[2]))
        return claims


async def _form(request: web.Request, seconds: float) -> Mapping[str, Any] | None:
    """Return the form in the body (RFC 6749, 4.4.2); None for anything else or too slow."""
    if request.content_type != "application/x-www-form-urlencoded" or is_compressed(request):
        return None
    try:
        async with asyncio.timeout(seconds):
            return await request.post()
    except (
        TimeoutError,
        LookupError,
        ValueError,
        web.RequestPayloadError,
    ):  # an odd charset, broken gzip
        return None


def _credentials(request: web.Request, form: Mapping[str, Any]) -> tuple[str, str]:
    """Return id and secret of the client, by HTTP Basic or in the form (RFC 6749, 2.3.1)."""
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return name, secret
    return str(form.get("client_id") or ""), str(form.get("client_secret") or "")


def _token_error(status: int, error: str) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="VZD"'} if status == 401 else None
    return web.json_response({"error": error}, status=status, headers=headers)


def _digest(certificate: Path) -> bytes:
    return hashlib.sha256(read_certificate(certificate).der).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
