"""Command lines that speak German: help, and one line for what is wrong with the arguments."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from simulators.process.exit_status import EXIT_INPUT

# What argparse says, and how it is said here. What matches nothing is passed on as it is.
_GERMAN = (
    (r"the following arguments are required: (.*)", r"es fehlt: \1"),
    (
        r"argument (.*): invalid choice: (.*) \(choose from (.*)\)",
        r"\1: \2 gibt es nicht; möglich: \3",
    ),
    (r"argument (.*): expected (?:one|at least one) argument", r"\1: ein Wert fehlt"),
    (r"argument (.*): ignored explicit argument (.*)", r"\1: nimmt keinen Wert (\2)"),
    (r"unrecognized arguments: (.*)", r"unbekannt: \1"),
    (r"argument (.*)", r"\1"),
)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line; options are never guessed from beginnings."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            **settings, add_help=False, allow_abbrev=False, formatter_class=_HelpFormatter
        )
        self._positionals.title, self._optionals.title = "Angaben", "Optionen"
        self.add_argument("-h", "--help", action="help", help="zeigt diese Hilfe")

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, and end with the status for wrong input."""
        for pattern, german in _GERMAN:
            if found := re.fullmatch(pattern, message):
                message = found.expand(german)
                break
        self.exit(EXIT_INPUT, f"kimulator: {message} (`{self.prog} --help` zeigt mehr)\n")


class _HelpFormatter(argparse.HelpFormatter):
    def add_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None
    ) -> None:
        super().add_usage(usage, actions, groups, "Aufruf: " if prefix is None else prefix)
