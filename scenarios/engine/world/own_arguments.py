"""``--pkcs12`` and ``--trust``: own test cards on the command line.

A password that stands there is taken out of this process's command line at once, which every
process of the world inherits by the fork and every user of the machine can read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .own_files import OwnArguments

# Fields of /proc/self/stat behind the command's name: where the arguments lie in memory.
_ARG_START, _ARG_END = 45, 46


def add_own_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to *parser*."""
    parser.add_argument(
        "--pkcs12",
        action="append",
        default=[],
        metavar="STANDORT:KARTE=DATEI[,PASSWORT]",
        help="eigene Testkarte: Schlüssel und Zertifikat aus DATEI, zum Beispiel "
        "praxis:SMC-B=karte.p12,geheim (statt des Passworts auch @DATEI); mehrfach möglich",
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        type=Path,
        metavar="DATEI",
        help="Zertifikate der CAs eigener Testkarten (PEM oder DER); mehrfach möglich",
    )


def own_arguments(arguments: argparse.Namespace) -> OwnArguments:
    """Return what the command line says of own test cards, and hide its passwords."""
    from .own_files import OwnArguments, passwords_in

    hide(passwords_in(arguments.pkcs12))
    return OwnArguments(tuple(arguments.pkcs12), tuple(arguments.trust))


def hide(secrets: Sequence[str]) -> None:
    """Overwrite *secrets* in this process's command line, where the system lets it (Linux)."""
    if not secrets:
        return
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            line = memory.read(end - start)
            for secret in sorted(secrets, key=len, reverse=True):
                hidden = b"," + b"*" * len(secret.encode())
                line = line.replace(b"," + secret.encode() + b"\0", hidden + b"\0")
            memory.seek(start)
            memory.write(line)
    except (OSError, ValueError, IndexError):
        return
