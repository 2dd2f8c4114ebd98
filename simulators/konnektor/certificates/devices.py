"""Certificates of devices: the Konnektor's own on its gSMC-K, those on terminals' gSMC-KT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from simulators.process.errors import InputError, one_line
from simulators.process.randomness import Randomness

from ..settings import KonnektorSettings

MAX_PEM_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class TerminalCertificate:
    """The gSMC-KT of the terminal ``terminal``: ICCSN and certificate."""

    terminal: str
    iccsn: str
    certificate: x509.Certificate


def terminal_certificates(settings: KonnektorSettings) -> tuple[TerminalCertificate, ...]:
    """Return the gSMC-KTs of the terminals that have one. Raises InputError."""
    return tuple(
        TerminalCertificate(terminal.id, terminal.gsmckt.iccsn, _read(terminal.gsmckt.certificate))
        for terminal in settings.information_model.terminals
        if terminal.gsmckt is not None
    )


class KonnektorCertificate:
    """The gSMC-K: its ICCSN, and the one certificate that the simulated Konnektor has.

    That is the certificate of its TLS identity (C.AK.AUT), whatever Crypt is asked for. A
    Konnektor without TLS has none. An ICCSN that the settings do not name follows from the seed.
    """

    def __init__(self, settings: KonnektorSettings, random: Randomness) -> None:
        self.certificate = _read(settings.tls.certificate) if settings.tls is not None else None
        digits = f"{random.stream('gSMC-K').randrange(10**10):010}"
        self.iccsn = settings.gsmck_iccsn or f"8027699900{digits}"


def _read(path: Path) -> x509.Certificate:
    """Return the first certificate of the PEM file *path*. Raises InputError."""
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(MAX_PEM_BYTES))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable: {one_line(str(error))}") from None
