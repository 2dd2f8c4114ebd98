"""The command ``kimulator``: arguments, what each subcommand calls, exit statuses.

0 well, 1 a check failed or a world is not ready, 2 input or environment (one line says what),
3 a bug of ours (the traceback is in a file). What a subcommand needs is imported when it is
called, so that the short ones answer at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from simulators.process.errors import InputError, one_line
from simulators.process.exit_status import EXIT_BUG, EXIT_CHECK_FAILED, EXIT_INPUT, EXIT_OK

from .arguments import Parser
from .inspection.command_line import add_inspect_arguments, inspect_command
from .run.command_line import add_run_arguments, run_command, seed
from .validation.command_line import add_validate_arguments, validate_command
from .world.own_arguments import add_own_arguments, own_arguments

DEFAULT_WORLD = "demo"
DEFAULT_DIRECTORY = Path("kimulator-run")
STDIN = 0
BETWEEN = "die Welt startet oder endet gerade"


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* (of this process if None) and return the exit status."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except InputError as error:
        return _refuse(str(error), EXIT_INPUT)
    except BrokenPipeError:
        # Whoever read the output is gone; nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return _refuse("abgebrochen", EXIT_INPUT)
    except Exception as error:
        return _refuse(
            f"unerwarteter Fehler: {type(error).__name__}: {one_line(str(error), 160)}; "
            f"bitte melden mit {_traceback_file()}",
            EXIT_BUG,
        )


def up(arguments: argparse.Namespace) -> int:
    """Start a world and keep it, or leave it running (``--detach``)."""
    from .processes.launcher import Start
    from .processes.supervisor import Refused, detach, supervise
    from .world.file import world_path

    start = Start(
        world=world_path(arguments.world),
        directory=arguments.run_dir,
        seed=arguments.seed,
        ports=arguments.ports,
        own=own_arguments(arguments),
    )
    held_by = STDIN if arguments.until_stdin_closes else None
    try:
        return detach(start, _say) if arguments.detach else supervise(start, _say, held_by)
    except Refused as refusal:
        return _refuse(str(refusal), refusal.status)


def down(arguments: argparse.Namespace) -> int:
    """End the world of a run directory."""
    from .processes.run_directory import end_world, last_words

    ended = end_world(arguments.run_dir)
    _say("beendet" if ended else f"die Welt lief nicht mehr{last_words(arguments.run_dir)}")
    return EXIT_OK


def ready(arguments: argparse.Namespace) -> int:
    """Say whether every process of a world is ready, or the one at a control URL."""
    from .processes.readiness import is_ready, readiness

    if arguments.url is not None:
        answers = is_ready(arguments.url)
        _say("bereit" if answers else "nicht bereit")
        return EXIT_OK if answers else EXIT_CHECK_FAILED
    found = readiness(arguments.run_dir)
    waiting = [name for name, answers in found.items() if not answers]
    if found and not waiting:
        _say("bereit")
        return EXIT_OK
    _say(f"nicht bereit: {', '.join(waiting) or BETWEEN}")
    return EXIT_CHECK_FAILED


def status(arguments: argparse.Namespace) -> int:
    """Print every process of a world and whether it is ready."""
    from .processes.readiness import readiness

    found = readiness(arguments.run_dir)
    if not found:
        _say(BETWEEN)
        return EXIT_CHECK_FAILED
    width = max(map(len, found))
    for name, answers in found.items():
        _say(f"{name:{width}}  {'bereit' if answers else 'nicht bereit'}")
    return EXIT_OK if all(found.values()) else EXIT_CHECK_FAILED


def settings(arguments: argparse.Namespace) -> int:
    """Write certificates and settings of a world without starting it (for containers)."""
    from .processes.containers import write_settings
    from .world.file import world_path

    for note in write_settings(world_path(arguments.world), arguments.run_dir, arguments.seed):
        _say(f"Hinweis: {note}")
    _say(f"geschrieben: {arguments.run_dir}")
    return EXIT_OK


def schema(arguments: argparse.Namespace) -> int:
    """Print the JSON schema of a world, a scenario or a file with Dienstkennungen."""
    if arguments.kind == "world":
        from .world.model import json_schema
    elif arguments.kind == "dienstkennungen":
        from .services.entry import json_schema
    else:
        from .scenario.model import json_schema
    _say(json.dumps(json_schema(), indent=1, ensure_ascii=False))
    return EXIT_OK


def list_all(arguments: argparse.Namespace) -> int:
    """Print the worlds, scenarios, checks and Dienstkennungen that there are."""
    from .explain import overview
    from .services.registry import registry

    for line in overview(registry(arguments.dienstkennungen)):
        _say(line)
    return EXIT_OK


def explain(arguments: argparse.Namespace) -> int:
    """Print what a check, a requirement id, a KIM code or a Konnektor code means."""
    from .explain import explanation
    from .services.registry import registry

    for line in explanation(arguments.subject, registry(arguments.dienstkennungen)):
        _say(line)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="kimulator",
        description="Die KIM-Welt auf einem Rechner, zum Testen. TEST-ONLY: nie mit echten Daten.",
    )
    commands = parser.add_subparsers(metavar="BEFEHL", required=True)

    def add(
        name: str, command: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    starting = add("up", up, "startet eine Welt")
    _add_world(starting)
    _add_run_dir(starting)
    starting.add_argument(
        "--ports",
        choices=("auto", "fixed"),
        default="auto",
        help="freie Ports, oder die der Welt (Vorgabe: auto)",
    )
    add_own_arguments(starting)
    keeping = starting.add_mutually_exclusive_group()
    keeping.add_argument("--detach", action="store_true", help="im Hintergrund laufen lassen")
    keeping.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="endet mit dem Programm, das die Welt gestartet hat (Standardeingabe eine Pipe)",
    )
    asking = add("ready", ready, "sagt, ob die Welt bereit ist (Status 0 oder 1)")
    _add_run_dir(asking)
    asking.add_argument("--url", metavar="URL", help="nur der Prozess mit diesem Control-Port")
    _add_run_dir(add("status", status, "zeigt die Prozesse der Welt"))
    _add_run_dir(add("down", down, "beendet die Welt"))
    add_run_arguments(add("run", run_command, "führt Szenarien aus"))
    listing = add("list", list_all, "zeigt Welten, Szenarien, Prüfungen und Dienstkennungen")
    _add_register(listing)
    explaining = add("explain", explain, "erklärt Prüfungen, Codes, Antworten, Dienstkennungen")
    explaining.add_argument("subject", metavar="PRÜFUNG|CODE|…")
    _add_register(explaining)
    inspecting = add("inspect", inspect_command, "durchleuchtet eine Nachricht (.eml)")
    add_inspect_arguments(inspecting)
    validating = add("validate", validate_command, "prüft eAU, Storno, CDA und Mails als Dateien")
    add_validate_arguments(validating)
    writing = add("settings", settings, "schreibt Einstellungen und Zertifikate für Container")
    _add_world(writing)
    _add_run_dir(writing)
    describing = add("schema", schema, "gibt das JSON-Schema einer Art von Dateien aus")
    kinds = ("world", "scenario", "dienstkennungen")
    describing.add_argument("kind", choices=kinds, metavar="|".join(kinds))
    return parser


def _add_world(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "world",
        nargs="?",
        default=DEFAULT_WORLD,
        metavar="WELT",
        help=f"Name oder Datei (Vorgabe: {DEFAULT_WORLD})",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="statt des Seeds der Welt")


def _add_run_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=DEFAULT_DIRECTORY,
        metavar="VERZEICHNIS",
        help=f"Laufverzeichnis (Vorgabe: {DEFAULT_DIRECTORY})",
    )


def _add_register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dienstkennungen",
        type=Path,
        metavar="DATEI",
        help="eigene Dienstkennungen, die den mitgelieferten vorgehen",
    )


def _say(text: str) -> None:
    print(text, flush=True)


def _refuse(text: str, exit_status: int) -> int:
    print(f"kimulator: {text}", file=sys.stderr, flush=True)
    return exit_status


def _traceback_file() -> str:
    """Write the current traceback into a file of its own, readable by the owner only."""
    descriptor, name = tempfile.mkstemp(prefix="kimulator-fehler-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(traceback.format_exc())
    return name


if __name__ == "__main__":
    raise SystemExit(main())
