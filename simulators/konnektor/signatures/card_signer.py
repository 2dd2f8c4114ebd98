"""Signing with a card's key, and the check of what came from the card (TIP1-A_4651, fault 4120)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from simulators.formats import cms_algorithms, signed_data

from ..faults import Code, fault

_ECDSA = ec.ECDSA(hashes.SHA256())
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), cms_algorithms.PSS_SALT_BYTES)


class CardSigners:
    """The signers of cards, each made once; a defective card signs wrongly, which is noticed."""

    def __init__(self) -> None:
        self.defective: set[str] = set()
        self._checked: dict[int, tuple[signed_data.Signer, signed_data.Signer]] = {}

    def checked(self, iccsn: str, signer: signed_data.Signer) -> signed_data.Signer:
        """Return *signer* of the card *iccsn* with the check of every fresh signature."""
        found = self._checked.get(id(signer))
        if found is None:  # the signer is kept with it: its id stays its own
            found = signer, replace(signer, sign=self._signing(iccsn, signer))
            self._checked[id(signer)] = found
        return found[1]

    def _signing(self, iccsn: str, signer: signed_data.Signer) -> Callable[[bytes], bytes]:
        public = signer.certificate.public_key()

        def sign(data: bytes) -> bytes:
            signature = signer.sign(data)
            if iccsn in self.defective:
                signature = signature[:-1] + bytes([signature[-1] ^ 1])
            try:
                if isinstance(public, ec.EllipticCurvePublicKey):
                    public.verify(signature, data, _ECDSA)
                elif isinstance(public, rsa.RSAPublicKey):
                    public.verify(signature, data, _PSS, hashes.SHA256())
            except InvalidSignature:
                raise fault(Code.CARD_ERROR, "die Signatur der Karte ist falsch") from None
            return signature

        return sign
