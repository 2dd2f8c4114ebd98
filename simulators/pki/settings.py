"""Settings of the OCSP responder."""

from __future__ import annotations

from pathlib import Path

from simulators.process.settings import Listener, Listeners, ProcessSettings


class OcspListeners(Listeners):
    """The responder's ports beside the control port: OCSP over HTTP."""

    ocsp: Listener = Listener()


class OcspSettings(ProcessSettings):
    """``pki`` is the tree of certificates (``PkiTree.directory``) that it answers for."""

    pki: Path
    listeners: OcspListeners = OcspListeners()
