"""The command line of the administration module, in German."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from simulators.process.errors import InputError

PROGRAM = "python -m clientmodule.administration"
_CONTEXT = (
    ("--mandant", "MandantId des Aufrufkontexts"),
    ("--clientsystem", "ClientsystemId des Aufrufkontexts"),
    ("--workplace", "WorkplaceId des Aufrufkontexts"),
    ("--user", "UserId, nur für den HBA"),
    ("--konnektor", "KonnektorId der Einstellungen (Vorgabe: default)"),
    ("--iccsn", "Karte, die sich ausweist"),
    ("--domain", "Domain des Anbieters"),
    ("--address", "KIM-Adresse"),
    ("--reference-id", "Registrierungscode des Anbieters"),
)
_FILES = (
    ("--password-file", "Passwort des Kontos"),
    ("--initial-password-file", "Startpasswort des Anbieters"),
    ("--new-password-file", "neues Passwort des Kontos"),
    ("--otp-file", "Einmalpasswort für die Portierung"),
    ("--pkcs12-password-file", "Passwort der PKCS#12-Datei"),
)


# What argparse says, and how it is said here.
_GERMAN = (
    (r"the following arguments are required: (.*)", r"es fehlt: \1"),
    (r"argument (.*?): invalid choice: (.*?) \(.*\)", r"\1: \2 gibt es nicht"),
    (r"argument (.*?): expected one argument", r"\1: ein Wert fehlt"),
    (r"argument (.*?): not allowed with argument (.*)", r"\1 und \2 schließen sich aus"),
    (r"unrecognized arguments: (.*)", r"unbekannt: \1"),
    (r"argument (.*)", r"\1"),
)


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        for pattern, german in _GERMAN:
            if found := re.fullmatch(pattern, message):
                message = found.expand(german)
                break
        raise InputError(f"{self.prog}: {message}; --help zeigt, was möglich ist")


def parser(steps: tuple[str, ...]) -> argparse.ArgumentParser:
    """Return the parser; without a step it is the assistant."""
    made = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Administrationsmodul: KIM-Konten einrichten und verwalten. TEST-ONLY.",
    )
    made.add_argument("--settings", type=Path, required=True, metavar="DATEI")
    made.add_argument(
        "step", nargs="?", default="assistant", choices=("assistant", *steps), metavar="SCHRITT",
        help="assistant (Vorgabe), " + ", ".join(steps),
    )  # fmt: skip
    made.add_argument(
        "--batch", action="store_true", help="nichts fragen: was fehlt, ist ein Fehler"
    )
    made.add_argument("--yes", action="store_true", help="alle Rückfragen und Hinweise bestätigen")
    made.add_argument(
        "--registered", action="store_true", help="das Konto ist schon registriert: nur anmelden"
    )
    for name, text in _CONTEXT:
        made.add_argument(name, metavar="WERT", help=text)
    for name, text in _FILES:
        made.add_argument(name, type=Path, metavar="DATEI", help=f"{text}: die erste Zeile")
    made.add_argument("--pkcs12", type=Path, metavar="DATEI", help="PKCS#12-Datei für import")
    switch = made.add_mutually_exclusive_group()
    switch.add_argument("--on", dest="on", action="store_true", default=None, help="einschalten")
    switch.add_argument("--off", dest="on", action="store_false", help="ausschalten")
    made.add_argument("--from", dest="start", type=_moment, metavar="ZEIT", help="2026-07-01T08:00")
    made.add_argument("--to", dest="end", type=_moment, metavar="ZEIT", help="2026-07-14T18:00")
    made.add_argument("--message", metavar="TEXT", help="Text der Abwesenheitsnotiz")
    return made


def _moment(text: str) -> datetime:
    """Return a time; without a zone it is that of this machine."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            "erwartet wird ein Zeitpunkt wie 2026-07-01T08:00"
        ) from None
