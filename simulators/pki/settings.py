"""Settings of the OCSP responder."""

from __future__ import annotations

from pathlib import Path

from simulators.process.settings import Listener, Listeners, ProcessSettings

from .registry import RevokedAtStart
from .rsa_end import RsaEndsOrWord


class OcspListeners(Listeners):
    """The responder's ports beside the control port: OCSP over HTTP."""

    ocsp: Listener = Listener()


class OcspSettings(ProcessSettings):
    """``pki`` is the tree of certificates (``PkiTree.directory``) that it answers for.

    ``own`` is the folder with the index of own test cards: it answers for them, too, and says of
    their authorities' other certificates that it does not know. ``revoked`` are certificates of
    cards that are revoked from the start. ``rsa_ends``: days from which certificates with RSA are
    revoked, ``ti`` for those of the TI.
    """

    pki: Path
    own: Path | None = None
    revoked: list[RevokedAtStart] = []
    rsa_ends: RsaEndsOrWord | None = None
    listeners: OcspListeners = OcspListeners()
