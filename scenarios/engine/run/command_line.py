"""``kimulator run``: from its arguments to the exit status.

Only argparse is imported here at once; what a command needs comes when it is called.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulators.process.errors import InputError

from ..world.own_arguments import add_own_arguments, own_arguments


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``kimulator run`` to *parser*."""
    parser.add_argument(
        "scenarios",
        nargs="+",
        metavar="SZENARIO",
        help="Datei oder mitgeliefertes Szenario, zum Beispiel eau/lieferung",
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=DATEI",
        help="ersetzt ein erzeugtes Dokument durch eine Datei",
    )
    for kind, text in (
        ("junit", "Bericht als JUnit-XML"),
        ("html", "Bericht als eine HTML-Seite"),
        ("json", "Bericht als JSON"),
        ("transcript", "Mitschrift ohne Zufall und Zeit: gleich bei gleichem Seed"),
    ):
        parser.add_argument(f"--{kind}", type=Path, metavar="DATEI", help=text)
    parser.add_argument(
        "--expected-failures",
        type=Path,
        metavar="DATEI",
        help="YAML: Prüfungen, die bekanntermaßen nicht bestehen (scenario, rule, reason)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="statt des Seeds der Welt")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="VERZEICHNIS",
        help="Laufverzeichnis einer laufenden Welt, statt eine zu starten",
    )
    add_own_arguments(parser)


def run_command(arguments: argparse.Namespace) -> int:
    """Run scenarios; return 0 only if every check of every scenario holds, 1 if one does not.

    *arguments* holds what ``add_run_arguments`` adds. Raises InputError (exit status 2) for a
    scenario, an input or a world that cannot be used; nothing has been sent then.
    """
    from ..report import files
    from ..report.screen import Screen
    from .session import plan, run_plans

    own = own_arguments(arguments)
    if own and arguments.against is not None:
        raise InputError(
            "--pkcs12, --trust: nur für eine Welt, die gestartet wird (ohne --against)"
        )
    plans = plan(
        arguments.scenarios,
        arguments.input,
        fresh=arguments.against is None,
        expected=arguments.expected_failures,
    )
    reports = (
        (arguments.junit, files.junit),
        (arguments.html, files.page),
        (arguments.json, files.as_json),
        (arguments.transcript, files.transcript),
    )
    files.check_writable([path for path, _ in reports])
    screen = Screen(sys.stdout, len(plans))
    results = run_plans(
        plans,
        screen,
        seed=arguments.seed,
        against=arguments.against,
        own=own,
        xrayed=any((arguments.html, arguments.json, arguments.transcript)),
    )
    for path, render in reports:
        if path is not None:
            files.write(path, render(results))
    screen.ended(results)
    return 0 if all(result.ok for result in results) else 1


def seed(text: str) -> int:
    """Read the value of ``--seed``, as argparse calls it."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError("erwartet wird eine ganze Zahl ab 0")
    return int(text)
