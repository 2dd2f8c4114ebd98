"""Which key of a card is used (RSA to ECC migration), and what is prepared once per key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cryptography import x509

from simulators.formats import signed_data
from simulators.formats.certificates import CertificateId, certificate_id
from simulators.makes.make import Make
from simulators.pki.cards import CardObject
from simulators.pki.request import Crypt, Reference
from simulators.pki.rsa_end import RsaEnds
from simulators.process.clock import Clock

from ..faults import Code, KonnektorFault, fault
from ..settings import Generation
from .inserted_card import InsertedCard

CRYPTS = ("RSA", "ECC", "RSA_ECC")
AUT: Reference = "C.AUT"
ENC: Reference = "C.ENC"


@dataclass(frozen=True)
class SigningKey:
    """A key that was chosen to sign with: certificate and signer, and which Crypt it is."""

    crypt: Crypt
    certificate: x509.Certificate
    signer: signed_data.Signer


class CardKeys:
    """Chooses between the RSA and the ECC objects of a card, as the Konnektor's generation does.

    The tables are those of the migration from RSA to ECC (TAB_KON_900): PTV5 takes RSA where
    nothing is said, PTV6 prefers ECC. Signers are kept for as long as the process runs, for
    cards do not change.
    """

    def __init__(
        self, generation: Generation, make: Make, clock: Clock, rsa_ends: RsaEnds | None = None
    ) -> None:
        self._clock = clock
        self._rsa_ends = rsa_ends
        self._prefers_ecc = generation == "PTV6"
        self._make = make
        self._signers: dict[tuple[str, Reference, Crypt], signed_data.Signer] = {}
        self._decrypting: dict[str, tuple[tuple[CertificateId, CardObject], ...]] = {}

    def for_signing(
        self, card: InsertedCard, reference: Reference, crypt: str | None
    ) -> SigningKey:
        """Return the key of *reference* that SignDocument uses for the Crypt asked for.

        Fault 4258 when ECC is asked for and the card has none, 4058 when the card has no
        certificate that could be used, the make's where RSA is refused.
        """
        has_ecc = card.certificate_object(reference, "ECC") is not None
        if crypt is None:
            chosen: Crypt = "ECC" if self._prefers_ecc and has_ecc else "RSA"
        elif crypt == "RSA_ECC":
            chosen = "ECC" if has_ecc else "RSA"
        elif crypt == "RSA" and self._prefers_ecc and has_ecc:
            if self._make.forced_ecc == "fault":
                raise self._rsa_refused()
            chosen = "ECC"
        else:
            chosen = "ECC" if crypt == "ECC" else "RSA"
        if chosen == "RSA" and self._rsa_is_over(card, reference):
            raise self._rsa_refused()
        key = self.exactly(card, reference, chosen)
        return SigningKey(chosen, key.certificate, self._signer(card, reference, chosen, key))

    def for_reading(self, card: InsertedCard, crypt: str | None) -> Crypt:
        """Return which certificates ReadCardCertificate and CheckCertificateExpiration mean.

        The fault of the make where it is one that refuses RSA (unconfirmed for PTV6). What is
        read may have ended: reading is no use of a key.
        """
        if crypt is not None:
            if crypt == "RSA" and self._make.read_rsa == "fault" and self._forces_ecc(card, AUT):
                raise self._rsa_refused()
            return cast(Crypt, crypt)
        has_ecc = any(kind == "ECC" for _, kind in card.card.objects)
        return "ECC" if self._prefers_ecc and has_ecc else "RSA"

    def for_encrypting_both(self, card: InsertedCard) -> tuple[Crypt, ...]:
        """Return for which certificates of *card* EncryptDocument encrypts with RSA_ECC.

        The fault of the make where it is one that refuses this (unconfirmed for PTV6).
        """
        if self._forces_ecc(card, ENC):
            if self._make.encrypt_rsa_ecc == "fault":
                raise self._rsa_refused()
            if self._make.encrypt_rsa_ecc == "ecc":
                return ("ECC",)
        return ("RSA", "ECC")

    def for_authenticating(self, card: InsertedCard, *, ecdsa: bool) -> tuple[Crypt, CardObject]:
        """Return the key C.AUT for ExternalAuthenticate; *ecdsa*: the SignatureType asks for it.

        Faults: 4258, 4058 as ``exactly``, and the make's where it refuses RSA (unconfirmed for
        PTV6).
        """
        chosen: Crypt = "ECC" if ecdsa else "RSA"
        if not ecdsa and self._forces_ecc(card, AUT):
            if self._make.authenticate_rsa == "fault":
                raise self._rsa_refused()
            if self._make.authenticate_rsa == "ecdsa":
                chosen = "ECC"
        if chosen == "RSA" and self._rsa_is_over(card, AUT):
            raise self._rsa_refused()
        return chosen, self.exactly(card, AUT, chosen)

    def _forces_ecc(self, card: InsertedCard, reference: Reference) -> bool:
        """Whether this generation would rather have ECC, and the card has it."""
        return self._prefers_ecc and card.certificate_object(reference, "ECC") is not None

    def _rsa_is_over(self, card: InsertedCard, reference: Reference) -> bool:
        """Whether this make refuses the card's RSA key today, by the virtual clock.

        DecryptDocument never asks: what was encrypted before must stay readable.
        """
        if self._rsa_ends is None or self._make.after_rsa == "sign":
            return False
        return self._rsa_ends.is_over(
            reference,
            smcb=card.is_smb,
            has_ecc=card.certificate_object(reference, "ECC") is not None,
            today=self._clock.now().date(),
        )

    def _rsa_refused(self) -> KonnektorFault:
        return fault(self._make.rsa_refused, "RSA ist nicht mehr zulässig")

    def exactly(self, card: InsertedCard, reference: Reference, crypt: Crypt) -> CardObject:
        """Return the object, or raise 4258 (no ECC on this card) or 4058 (no such object)."""
        found = card.certificate_object(reference, crypt)
        if found is not None:
            return found
        if crypt == "ECC":
            raise fault(Code.NO_ECC_CERTIFICATE, value=card.handle)
        raise fault(Code.CALL_NOT_ALLOWED, f"die Karte hat kein {reference} mit {crypt}")

    def for_decrypting(self, card: InsertedCard) -> tuple[tuple[CertificateId, CardObject], ...]:
        """Return the keys C.ENC of the card, ECC first (TIP1-A_4622-05)."""
        found = self._decrypting.get(card.card.iccsn)
        if found is None:
            order: tuple[Crypt, Crypt] = ("ECC", "RSA")
            keys = [card.certificate_object(ENC, crypt) for crypt in order]
            found = tuple((certificate_id(k.certificate), k) for k in keys if k is not None)
            self._decrypting[card.card.iccsn] = found
        return found

    def _signer(
        self, card: InsertedCard, reference: Reference, crypt: Crypt, key: CardObject
    ) -> signed_data.Signer:
        """Return the Signer of a card's key, prepared once."""
        index = (card.card.iccsn, reference, crypt)
        signer = self._signers.get(index)
        if signer is None:
            signer = signed_data.key_signer(key.certificate, key.private_key)
            self._signers[index] = signer
        return signer
