"""The OCSP answer that a signature embeds about its own certificate (IncludeRevocationInfo)."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509

from simulators.process.clock import Clock

from ..certificates.status import CertificateChecker

_TOGETHER = timedelta(seconds=10)
"""Signatures of one stack within this time have the same signing time and OCSP answer."""


class EmbeddedRevocation:
    """Signing times and OCSP answers for the signatures of one SignDocument.

    With *after_signing* (7.5.6, C_11276) the answer is of the time of the signature or later;
    else one within the grace period will do.
    """

    def __init__(
        self,
        certificates: CertificateChecker,
        clock: Clock,
        certificate: x509.Certificate,
        *,
        after_signing: bool,
    ) -> None:
        self._certificates = certificates
        self._clock = clock
        self._certificate = certificate
        self._after_signing = after_signing
        self._latest: tuple[datetime, list[bytes]] | None = None

    async def now(self) -> tuple[datetime, list[bytes]]:
        """Return when a signature is made now, and what it embeds: nothing when OCSP is down."""
        moment = self._clock.now()
        if self._latest is not None and abs(moment - self._latest[0]) <= _TOGETHER:
            return self._latest
        since = moment if self._after_signing else None
        answered = await self._certificates.status(self._certificate, since=since)
        responses = [] if answered.response is None else [answered.response]
        self._latest = moment, responses
        return self._latest
