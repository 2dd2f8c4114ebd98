"""Cards and PINs of a Konnektor: found once, remembered as long as that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from cryptography import x509

from simulators.formats.certificates import CertificateId, certificate_id, policies, telematik_id
from simulators.process.clock import Clock

from ..caches import TimedCache
from ..operation import Operation
from ..user_name import CallContext
from . import operations
from .faults import ACCESS_DENIED, CARD_GONE, KonnektorFault, NoCard, PinNotVerified
from .operations import CardInfo
from .soap import SoapTransport

R = TypeVar("R")
CARDS_LIFETIME = timedelta(minutes=10)
CERTIFICATES_LIFETIME = timedelta(hours=12)
INSTITUTION: Final = "1.2.276.0.76.4.76"
"""The policy of C.HCI.ENC."""
UNLOCKED = frozenset({"VERIFIED", "DISABLED"})
_PIN_OK = "OK"

Selection = Callable[[tuple[CardInfo, ...]], Awaitable[CardInfo | None]]


@dataclass(frozen=True)
class _Held:
    """What a card's certificates C.ENC say: which they are, and the Telematik-IDs in them."""

    ids: tuple[CertificateId, ...]
    telematik_ids: frozenset[str | None]


class Cards:
    """The cards in reach of the contexts that use one Konnektor.

    GetCards is asked at every login, which also checks the context, and again when a card handle
    has become invalid. A PIN that was found verified is taken for verified until the Konnektor
    says otherwise (4085): an SMC-B stays raised until it is pulled, so GetPinStatus is needed
    once per insertion (KOM-LE-A_2052, 3.8.1).
    """

    def __init__(self, soap: SoapTransport, clock: Clock, *, iccsn_lifetime: timedelta) -> None:
        self._soap = soap
        self._cards: TimedCache[CallContext, tuple[CardInfo, ...]] = TimedCache(
            clock, CARDS_LIFETIME
        )
        self._held: TimedCache[str, _Held] = TimedCache(clock, CERTIFICATES_LIFETIME)
        # KOM-LE-A_2060, 2061: address, certificate id -> ICCSN (TTL_EMAIL_ICCSN)
        self._iccsns: TimedCache[tuple[str, CertificateId], str] = TimedCache(clock, iccsn_lifetime)
        self._unlocked: set[tuple[str, str, str | None]] = set()
        self._unlocking: dict[tuple[str, str, str | None], asyncio.Lock] = {}

    def forget(self) -> None:
        """Empty every cache."""
        self._cards.clear()
        self._held.clear()
        self._iccsns.clear()
        self._unlocked.clear()
        self._unlocking.clear()

    async def refresh(self, operation: Operation, context: CallContext) -> tuple[CardInfo, ...]:
        """Ask for the cards in reach of *context*. Raises KonnektorFault, KonnektorUnreachable."""
        cards = await operations.get_cards(self._soap, operation, context)
        self._cards.put(context, cards)
        return cards

    async def sign_with(
        self,
        operation: Operation,
        context: CallContext,
        sender: Collection[x509.Certificate],
        use: Callable[[CardInfo], Awaitable[R]],
    ) -> R:
        """Await *use* with the sender's SM-B, unlocked (KOM-LE-A_2020, 2052, 2129).

        The Telematik-ID of the *sender*'s certificates tells it: no institution signs for another
        one that shares its Mandant. For the address of an HBA the first SM-B signs. Raises NoCard,
        PinNotVerified and what *use* raises.
        """
        wanted = {telematik_id(c) for c in sender if INSTITUTION in policies(c)}

        async def select(cards: tuple[CardInfo, ...]) -> CardInfo | None:
            for card in cards:
                if not card.of_institution:
                    continue
                if not wanted:
                    return card
                if wanted & (await self._read(operation, context, card)).telematik_ids:
                    return card
            return None

        return await self._use(operation, context, select, use)

    async def decrypt_with(
        self,
        operation: Operation,
        context: CallContext,
        address: str,
        wanted: Collection[CertificateId],
        use: Callable[[CardInfo], Awaitable[R]],
    ) -> R:
        """Await *use* with the card that holds one of the keys *wanted*, unlocked.

        *wanted* are the certificates of the fetching user's entries in recipient-emails, and no
        others (KOM-LE-A_2045, 2059, 2060). Raises NoCard, PinNotVerified and what *use* raises.
        """
        owner = address.lower()

        async def select(cards: tuple[CardInfo, ...]) -> CardInfo | None:
            known = {self._iccsns.get((owner, certificate)) for certificate in wanted}
            usable = [card for card in cards if _usable(card, context)]
            for card in usable:
                if card.iccsn in known:
                    return card
            for card in usable:
                for certificate in (await self._read(operation, context, card)).ids:
                    if certificate in wanted:
                        self._iccsns.put((owner, certificate), card.iccsn)
                        return card
            return None

        return await self._use(operation, context, select, use)

    async def authenticate_with(
        self,
        operation: Operation,
        context: CallContext,
        iccsn: str,
        use: Callable[[CardInfo], Awaitable[R]],
    ) -> R:
        """Await *use* with the card *iccsn*, unlocked (A_19457-02).

        Raises NoCard, PinNotVerified and what *use* raises.
        """

        async def select(cards: tuple[CardInfo, ...]) -> CardInfo | None:
            usable = (card for card in cards if card.iccsn == iccsn and _usable(card, context))
            return next(usable, None)

        return await self._use(operation, context, select, use)

    async def _use(
        self,
        operation: Operation,
        context: CallContext,
        select: Selection,
        use: Callable[[CardInfo], Awaitable[R]],
    ) -> R:
        """Find, unlock, use; once more from the beginning if the card had changed meanwhile."""
        cached = self._cards.get(context)
        if cached is not None:
            try:
                return await self._attempt(operation, context, cached, select, use)
            except NoCard:
                pass
            except KonnektorFault as fault:
                if fault.code not in CARD_GONE and fault.code != ACCESS_DENIED:
                    raise
        cards = await self.refresh(operation, context)
        try:
            return await self._attempt(operation, context, cards, select, use)
        except KonnektorFault as fault:
            if fault.code in CARD_GONE:
                raise NoCard(str(fault)) from fault
            if fault.code == ACCESS_DENIED:
                raise PinNotVerified(str(fault.code)) from fault
            raise

    async def _attempt(
        self,
        operation: Operation,
        context: CallContext,
        cards: tuple[CardInfo, ...],
        select: Selection,
        use: Callable[[CardInfo], Awaitable[R]],
    ) -> R:
        card = await select(cards)
        if card is None:
            raise NoCard("no fitting card in reach")
        key = _session(card, context)
        try:
            await self._unlock(operation, context, card, key)
            return await use(card)
        except KonnektorFault as fault:
            if fault.code in CARD_GONE:
                self._cards.drop(context)
            if fault.code in CARD_GONE or fault.code == ACCESS_DENIED:
                self._unlocked.discard(key)
                self._unlocking.pop(key, None)
            raise

    async def _unlock(
        self,
        operation: Operation,
        context: CallContext,
        card: CardInfo,
        key: tuple[str, str, str | None],
    ) -> None:
        if key in self._unlocked:
            return
        # One prompt at the terminal, however many mails wait for it.
        async with self._unlocking.setdefault(key, asyncio.Lock()):
            if key in self._unlocked:
                return
            state = await operations.pin_operation(
                self._soap, operation, context, card, "GetPinStatus"
            )
            if state not in UNLOCKED:
                if state != "VERIFIABLE":
                    raise PinNotVerified(state)
                result = await operations.pin_operation(
                    self._soap, operation, context, card, "VerifyPin"
                )
                if result != _PIN_OK:
                    raise PinNotVerified(result)
            self._unlocked.add(key)

    async def _read(self, operation: Operation, context: CallContext, card: CardInfo) -> _Held:
        known = self._held.get(card.iccsn)
        if known is None:
            certificates = await operations.read_encryption_certificates(
                self._soap, operation, context, card
            )
            known = _Held(
                tuple(certificate_id(certificate) for certificate in certificates),
                frozenset(telematik_id(certificate) for certificate in certificates),
            )
            self._held.put(card.iccsn, known)
        return known


def _usable(card: CardInfo, context: CallContext) -> bool:
    """An HBA is used only for a user who is named (KOM-LE-A_2032)."""
    return card.of_institution or (card.of_person and context.user is not None)


def _session(card: CardInfo, context: CallContext) -> tuple[str, str, str | None]:
    """Return what a raised PIN belongs to: handle and Mandant, or Clientsystem and user."""
    if card.of_institution:
        return card.handle, context.mandant, None
    return card.handle, context.clientsystem, context.user
