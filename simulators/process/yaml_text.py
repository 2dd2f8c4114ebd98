"""YAML of a stranger: bounded in depth and without aliases, so that no text can harm the reader."""

from __future__ import annotations

from typing import Any

import yaml

from .errors import InputError, one_line

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 50


def check_yaml(text: str) -> None:
    """Raise InputError if *text* is no YAML, nests deeper than ``MAX_DEPTH`` or uses aliases.

    The events are read one after the other; only composing a document recurses, and libyaml's
    binding overflows the stack at some ten thousand levels.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.AliasEvent):
                raise InputError(f"{_line(event.start_mark)}aliases (*name) are not read")
            if depth > MAX_DEPTH:
                where = _line(event.start_mark)
                raise InputError(f"{where}nested deeper than {MAX_DEPTH} levels")
    except yaml.MarkedYAMLError as error:
        where = _line(error.problem_mark)
        raise InputError(f"{where}neither JSON nor YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"neither JSON nor YAML: {one_line(str(error))}") from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark else ""


def load_yaml(text: str) -> Any:
    """Return the value of the YAML (or JSON) document *text*; InputError names the line."""
    check_yaml(text)
    try:
        return yaml.load(text, Loader=LOADER)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"neither JSON nor YAML: {one_line(str(error))}") from None
