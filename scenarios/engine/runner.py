"""``kimulator run``, ``list`` and ``explain``: from the command line to the exit status."""

from __future__ import annotations

import argparse


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``kimulator run`` to *parser*."""
    raise NotImplementedError


def run_command(arguments: argparse.Namespace) -> int:
    """Run scenarios; return 0 only if every check of every scenario holds, 1 if one does not.

    *arguments* holds what ``add_run_arguments`` adds. Raises InputError (exit status 2) for a
    scenario, an input or a world that cannot be used; nothing has been sent then.
    """
    raise NotImplementedError


def list_command(arguments: argparse.Namespace) -> int:
    """Print the shipped worlds, scenarios and checks."""
    raise NotImplementedError


def explain_command(arguments: argparse.Namespace) -> int:
    """Print what a check, a requirement id, a KIM code or a Konnektor code (``subject``) means.

    Raises InputError when nothing is known about it.
    """
    raise NotImplementedError
