"""``kimulator inspect``: from its arguments to the exit status.

Only argparse is imported here at once; what the command needs comes when it is called.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from simulators.process.errors import InputError, reason

MAX_BYTES = 64 << 20


def add_inspect_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``kimulator inspect`` to *parser*."""
    parser.add_argument("mail", type=Path, metavar="DATEI.eml", help="eine Nachricht, roh")
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="VERZEICHNIS",
        help="Laufverzeichnis einer laufenden Welt, deren Karten die Nachricht öffnen",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="DATEI",
        help="auch als JSON in diese Datei (- statt des Baums)",
    )


def inspect_command(arguments: argparse.Namespace) -> int:
    """Print the X-ray of a mail; return 0 whatever it shows.

    *arguments* holds what ``add_inspect_arguments`` adds. Raises InputError (exit status 2) for a
    file that cannot be read or written, and for a run directory without a world.
    """
    from ..xray.message import xray
    from .tree import lines

    content = _read(arguments.mail)
    if arguments.run_dir is None:
        found = xray(content)
    else:
        from ..actors.key_holders import KeyHolders
        from ..endpoints.contract import read_endpoints

        holders = KeyHolders(read_endpoints(arguments.run_dir))
        try:
            found = xray(content, holders.keys)
        finally:
            holders.close()
    as_json = None if arguments.json is None else _json(found.as_data())
    if str(arguments.json) == "-":
        sys.stdout.write(as_json or "")
        return 0
    for line in lines(found):
        print(line)  # noqa: T201 (the command's output)
    if as_json is not None:
        try:
            arguments.json.write_text(as_json, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{arguments.json}: nicht schreibbar: {reason(error)}") from None
    return 0


def _json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path) -> bytes:
    from simulators.process.bounded_file import FileTooLarge, read_bounded

    try:
        return read_bounded(path, MAX_BYTES)
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None
