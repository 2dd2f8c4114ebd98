"""Who is connected: client certificate, Basic, or nobody in particular (TIP1-A_4516)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import ssl
from collections import defaultdict

from aiohttp import web

from ..settings import KonnektorSettings


class NotAuthentic(Exception):
    """The connection is refused: no user, or a wrong password."""


class Identities:
    """Finds the Clientsysteme that a connection was authenticated for.

    With a client certificate they are those bound to its fingerprint, with Basic those bound to
    user and password; TLS alone and plain HTTP authenticate nobody.
    """

    def __init__(self, settings: KonnektorSettings) -> None:
        self._mode = settings.authentication
        self._by_fingerprint: defaultdict[str, set[str]] = defaultdict(set)
        self._by_login: defaultdict[bytes, set[str]] = defaultdict(set)
        for entry in settings.information_model.clientsystems:
            for fingerprint in entry.certificates:
                self._by_fingerprint[fingerprint.lower().replace(":", "")].add(entry.id)
            if entry.basic is not None:
                self._by_login[":".join(entry.basic).encode()].add(entry.id)

    def of(self, request: web.BaseRequest) -> frozenset[str] | None:
        """Return the Clientsysteme of the connection, or None where nobody is authenticated.

        Raises NotAuthentic when the connection is to be refused.
        """
        if self._mode == "certificate":
            return self._of_certificate(request)
        if self._mode == "basic":
            return self._of_login(request.headers.get("Authorization", ""))
        return None

    def _of_certificate(self, request: web.BaseRequest) -> frozenset[str]:
        transport = request.transport
        tls = None if transport is None else transport.get_extra_info("ssl_object")
        if not isinstance(tls, ssl.SSLObject):
            raise NotAuthentic
        certificate = tls.getpeercert(binary_form=True)
        if certificate is None:
            raise NotAuthentic
        return frozenset(self._by_fingerprint.get(hashlib.sha256(certificate).hexdigest(), ()))

    def _of_login(self, header: str) -> frozenset[str]:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic" or len(encoded) > 1024:
            raise NotAuthentic
        try:
            given = binascii.a2b_base64(encoded.strip().encode("ascii"), strict_mode=True)
        except (binascii.Error, UnicodeEncodeError):
            raise NotAuthentic from None
        found: frozenset[str] | None = None
        for login, clientsystems in self._by_login.items():
            if hmac.compare_digest(login, given):
                found = frozenset(clientsystems)
        if found is None:
            raise NotAuthentic
        return found
