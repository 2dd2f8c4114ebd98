"""Certificates: path to the trusted CAs and status by OCSP, with the Konnektor's grace period."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from aiohttp import ClientSession
from cryptography import x509

from simulators.pki import ocsp_client
from simulators.pki.trust import PathResult, Trust, read_certificates
from simulators.process.clock import Clock

from ..settings import KonnektorSettings

REMEMBERED = 4096


class Status(Enum):
    """What OCSP says of a certificate.

    UNAVAILABLE: no usable answer; OFFLINE: nobody was asked, for there is no way to a responder.
    """

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    OFFLINE = "offline"

    @property
    def is_open(self) -> bool:
        """Whether the status could not be found out."""
        return self in (Status.UNAVAILABLE, Status.OFFLINE)


@dataclass(frozen=True, slots=True)
class Answered:
    """A certificate's status and the OCSP response that says so, when there was one."""

    status: Status
    response: bytes | None = None
    at: datetime | None = None
    revoked_at: datetime | None = None

    def as_of(self, moment: datetime) -> Answered:
        """Return what holds for *moment*: a later revocation does not count (TUC_PKI_006)."""
        if self.status is Status.REVOKED and self.revoked_at and self.revoked_at > moment:
            return Answered(Status.GOOD, self.response, self.at)
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole check of a certificate."""

    path: PathResult
    answered: Answered

    @property
    def is_valid(self) -> bool:
        """Whether path and status are good."""
        return self.path is PathResult.OK and self.answered.status is Status.GOOD

    @property
    def is_invalid(self) -> bool:
        """Whether it is certain that the certificate must not be relied on."""
        return self.path is not PathResult.OK or self.answered.status in (
            Status.REVOKED,
            Status.UNKNOWN,
        )

    @property
    def reason(self) -> str:
        """What is wrong with it, in a word."""
        return self.path.value if self.path is not PathResult.OK else self.answered.status.value


class CertificateChecker:
    """Checks certificates; answers of OCSP serve for the grace period on the virtual clock.

    The responder is the one of the settings, whatever address the certificate carries. Several
    callers that need the same answer wait for one request; ``is_online`` says whether the TI can
    be reached at all. Raises InputError for trust that cannot be read.
    """

    def __init__(
        self,
        settings: KonnektorSettings,
        clock: Clock,
        session: ClientSession,
        is_online: Callable[[], bool] = lambda: True,
    ) -> None:
        self._trust = Trust.load(settings.trust)
        imported = settings.imported_cas
        self._imported = Trust(()) if imported is None else Trust.load(imported)
        signers = settings.ocsp_signers
        self._signers = () if signers is None else read_certificates(signers)
        self._url = settings.ocsp_url
        self._is_online = is_online
        self._timeout = settings.ocsp_timeout
        self._grace = timedelta(seconds=settings.ocsp_grace)
        self._clock = clock
        self._session = session
        self._known: OrderedDict[x509.Certificate, Answered] = OrderedDict()
        self._asking: dict[x509.Certificate, asyncio.Task[Answered]] = {}

    async def check(
        self, certificate: x509.Certificate, at: datetime, *, imported: bool = False
    ) -> Verdict:
        """Check path and validity at *at*, and the status as OCSP knows it now.

        A certificate without a trusted path is not asked for. Imported CAs count where
        *imported* says so, which is for encryption and VerifyCertificate; nobody is asked for the
        status of what they issued (TIP1-A_5433, validationMode NONE).
        """
        path = self._trust.check_path(certificate, at)
        if path is PathResult.UNTRUSTED and imported:
            path = self._imported.check_path(certificate, at)
            if path is not PathResult.UNTRUSTED:
                return Verdict(path, Answered(Status.GOOD))
        if path is not PathResult.OK:
            return Verdict(path, Answered(Status.UNAVAILABLE))
        return Verdict(path, (await self.status(certificate)).as_of(at))

    def path(self, certificate: x509.Certificate, at: datetime) -> PathResult:
        """Check only the path."""
        return self._trust.check_path(certificate, at)

    def chain(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Return *certificate* and the CAs above it up to the root; empty without a path."""
        return self._trust.chain(certificate)

    async def status(
        self, certificate: x509.Certificate, *, since: datetime | None = None
    ) -> Answered:
        """Return the status by OCSP, from an answer within the grace period if there is one, and
        if it is not older than *since*.
        """
        known = self._known.get(certificate)
        if known is not None and self._serves(known, since):
            return known
        task = self._asking.get(certificate) if since is None else None
        if task is None:
            task = asyncio.create_task(self._ask(certificate))
            self._asking[certificate] = task
            task.add_done_callback(lambda _: self._asking.pop(certificate, None))
        answered = await asyncio.shield(task)
        if not answered.status.is_open:
            self._known[certificate] = answered
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return answered

    def _serves(self, known: Answered, since: datetime | None) -> bool:
        if known.at is None or (since is not None and known.at < since):
            return False
        return abs(self._clock.now() - known.at) <= self._grace

    def forget(self) -> None:
        """Ask again for everything."""
        self._known.clear()

    async def _ask(self, certificate: x509.Certificate) -> Answered:
        issuer = self._trust.issuer_of(certificate)
        if self._url is None or not self._is_online():
            return Answered(Status.OFFLINE)
        if issuer is None:
            return Answered(Status.UNAVAILABLE)
        now = self._clock.now()
        try:
            async with asyncio.timeout(self._timeout):
                said = await ocsp_client.status(
                    self._session, self._url, certificate, issuer, now, signers=self._signers
                )
        except TimeoutError:
            return Answered(Status.UNAVAILABLE)
        return Answered(Status(said.status), said.response_der, now, said.revoked_at)
