"""``kimulator validate``: from its arguments to the exit status.

Only argparse is imported here at once; what the command needs comes when it is called.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import InputError, reason
from simulators.process.exit_status import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from ..profiles.finding import Finding

MAX_FILE = 25 << 20


def add_validate_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``kimulator validate`` to *parser*."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="DATEI",
        help="eAU, Storno, Fehlernachricht, CDA (.xml), Signatur (.p7s) oder Mail (.eml)",
    )
    parser.add_argument(
        "--packages",
        type=Path,
        metavar="VERZEICHNIS",
        help="FHIR-Pakete der KBV (*.tgz) statt der mitgelieferten Regeln",
    )
    parser.add_argument(
        "--date",
        type=_day,
        metavar="JJJJ-MM-TT",
        help="Tag, an dem geprüft wird (Vorgabe: heute; bei Mails ihr Date)",
    )
    parser.add_argument("--json", type=Path, metavar="DATEI", help="Bericht als JSON")


def validate_command(arguments: argparse.Namespace) -> int:
    """Judge files; print a line for each broken rule and return 1 if there is any, else 0.

    *arguments* holds what ``add_validate_arguments`` adds. Raises InputError (exit status 2) for
    a file or packages that cannot be read; files before it have been judged and printed then.
    """
    from ..profiles.validator import from_packages, shipped
    from .contents import Judge

    packages: Path | None = arguments.packages
    validator = shipped() if packages is None else from_packages(packages)
    judge = Judge(validator, arguments.date or date.today())
    report: dict[str, list[dict[str, str | int]]] = {}
    broken = 0
    for path in arguments.files:
        try:
            findings = judge.file(_read(path), path.name)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        _print(path, findings)
        report[str(path)] = [finding.as_json() for finding in findings]
        broken += len(findings)
    if arguments.json is not None:
        _write(arguments.json, report)
    return EXIT_CHECK_FAILED if broken else EXIT_OK


def _print(path: Path, findings: list[Finding]) -> None:
    lines = [f"{path}:{finding.line}: {finding.text()}" for finding in findings]
    sys.stdout.write("\n".join(lines or [f"{path}: keine Regel verletzt"]) + "\n")
    sys.stdout.flush()


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_FILE)
    except FileTooLarge as error:
        raise InputError(f"größer als {error.limit} Bytes") from None
    except OSError as error:
        raise InputError(f"nicht lesbar: {reason(error)}") from None


def _write(path: Path, report: dict[str, list[dict[str, str | int]]]) -> None:
    try:
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: nicht schreibbar: {reason(error)}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("erwartet wird ein Tag als JJJJ-MM-TT") from None
