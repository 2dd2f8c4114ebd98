"""YAML files that people write: read with line numbers, bounded, checked against a model.

Every mistake becomes one line: ``FILE:LINE: key: what was expected``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import InputError, one_line, reason

from .model_fields import nearest_field

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000

Location = Sequence[str | int]
M = TypeVar("M", bound=BaseModel)

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Plain scalars as in YAML 1.1, but a date stays the text that was written."""

    yaml_implicit_resolvers = {
        first: [(tag, expression) for tag, expression in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Source:
    """A YAML document: its content as plain Python values, and where in the file each stands."""

    def __init__(self, path: Path, root: yaml.Node | None) -> None:
        self.path = path
        self._lines: dict[tuple[str | int, ...], int] = {}
        self.content: Any = None if root is None else self._value(root, ())

    def line(self, location: Location) -> int:
        """Return the line (from 1) of *location*, or of its nearest parent that was written."""
        return self._lines.get(self._written(location), 1)

    def error(self, location: Location, expected: str) -> InputError:
        """Return ``FILE:LINE: key: expected`` as an error to be raised."""
        key = ".".join(str(part) for part in location) or "Datei"
        return InputError(f"{self.path}:{self.line(location)}: {key}: {one_line(expected)}")

    def validate(self, model: type[M], context: dict[str, Any] | None = None) -> M:
        """Return the content as an instance of *model*; *context* is for its validators.

        Raises InputError for the mistake that stands first in the file.
        """
        if not isinstance(self.content, dict):
            raise self.error((), "erwartet wird eine Zuordnung (Schlüssel: Wert)")
        try:
            return model.model_validate(self.content, context=context)
        except ValidationError as error:
            details = _told_apart(error.errors(include_url=False))
            misspelt = {
                one["loc"][:-1]: self.line(one["loc"])
                for one in reversed(details)
                if one["type"] == "extra_forbidden"
            }
            first = min(details, key=lambda one: self._order(one, misspelt))
            raise self._report(model, first) from None

    def _order(self, detail: ErrorDetails, misspelt: dict[Location, int]) -> tuple[int, bool]:
        """Order mistakes by line; a misspelt key goes before the key that it was to be."""
        line = self.line(detail["loc"])
        if detail["type"] == "missing":
            line = max(line, misspelt.get(detail["loc"][:-1], line))
        return line, detail["type"] != "extra_forbidden"

    def _report(self, model: type[BaseModel], detail: ErrorDetails) -> InputError:
        written = self._written(detail["loc"])
        location = [*written]
        if detail["type"] == "missing":
            location.append(detail["loc"][-1])
        expected = _expected(detail)
        if detail["type"] == "extra_forbidden":
            nearest = nearest_field(model, detail["loc"])
            if nearest is not None:
                expected += f"; gemeint ist vielleicht {nearest}"
        return self.error(location, expected)

    def _written(self, location: Location) -> tuple[str | int, ...]:
        """Return the part of *location* that stands in the file.

        Parts that pydantic adds (the tag of a union's branch) are passed over.
        """
        found: tuple[str | int, ...] = ()
        for part in location:
            if (*found, part) in self._lines:
                found = (*found, part)
        return found

    def _value(self, node: yaml.Node, location: tuple[str | int, ...]) -> Any:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*location, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return {
                key.value: self._value(value, (*location, key.value))
                for key, value in self._pairs(node, location)
            }
        return self._scalar(node, location)

    def _pairs(
        self, node: yaml.MappingNode, location: tuple[str | int, ...]
    ) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """Yield the pairs of a mapping; a key is the text that was written, whatever its type."""
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{self.path}:{line}: ein Schlüssel muss ein Wort sein")
            if (*location, key.value) in self._lines:
                raise InputError(f"{self.path}:{line}: {key.value}: steht doppelt da")
            self._lines[(*location, key.value)] = line
            yield key, value

    def _scalar(self, node: yaml.Node, location: tuple[str | int, ...]) -> Any:
        try:
            return _Loader("").construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            raise self.error(location, "dieser Wert ist nicht lesbar") from None


def read(path: Path) -> Source:
    """Read a YAML file; only plain values are allowed, no tags, anchors or aliases.

    Raises InputError when the file cannot be read, is too large or no YAML.
    """
    try:
        text = read_bounded(path, MAX_BYTES).decode()
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: ist kein UTF-8-Text") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Source:
    """Read YAML from *text*; *path* names it in messages. Raises InputError as ``read`` does."""
    try:
        _check_bounds(text, path)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}:{line}: kein YAML: {one_line(str(error.problem))}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}:1: kein YAML: {one_line(str(error), 120)}") from None
    return Source(path, root)


def _told_apart(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return *details* without lists that are too short only because what is in them is wrong."""
    wrong = [one["loc"] for one in details]
    return [
        one
        for one in details
        if one["type"] != "too_short"
        or all(place == one["loc"] or place[: len(one["loc"])] != one["loc"] for place in wrong)
    ]


def _check_bounds(text: str, path: Path) -> None:
    """Refuse what could grow beyond its text when it is built: depth, aliases, tags."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{path}:{line}: Anker (&) und Verweise (*) sind nicht erlaubt")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if getattr(event, "tag", None):
                raise InputError(f"{path}:{line}: Typangaben (!) sind nicht erlaubt")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise InputError(f"{path}:{line}: zu tief verschachtelt oder zu viele Werte")


_EXPECTED = {
    "missing": "fehlt",
    "extra_forbidden": "unbekannter Schlüssel",
    "string_type": "erwartet wird ein Text (Ziffernfolgen in Anführungszeichen setzen)",
    "int_type": "erwartet wird eine ganze Zahl",
    "int_parsing": "erwartet wird eine ganze Zahl",
    "int_from_float": "erwartet wird eine ganze Zahl",
    "float_type": "erwartet wird eine Zahl",
    "float_parsing": "erwartet wird eine Zahl",
    "bool_type": "erwartet wird true oder false",
    "bool_parsing": "erwartet wird true oder false",
    "date_from_datetime_parsing": "erwartet wird ein Datum wie 2026-07-01",
    "date_type": "erwartet wird ein Datum wie 2026-07-01",
    "list_type": "erwartet wird eine Liste",
    "tuple_type": "erwartet wird eine Liste",
    "dict_type": "erwartet wird eine Zuordnung (Schlüssel: Wert)",
    "model_type": "erwartet wird eine Zuordnung (Schlüssel: Wert)",
    "model_attributes_type": "erwartet wird eine Zuordnung (Schlüssel: Wert)",
    "literal_error": "erwartet wird {expected}",
    "enum": "erwartet wird {expected}",
    "union_tag_invalid": "erwartet wird {expected_tags}",
    "union_tag_not_found": "{discriminator} fehlt",
    "greater_than": "erwartet wird ein Wert über {gt}",
    "greater_than_equal": "erwartet wird ein Wert ab {ge}",
    "less_than": "erwartet wird ein Wert unter {lt}",
    "less_than_equal": "erwartet wird ein Wert bis {le}",
    "too_short": "erwartet werden mindestens {min_length} Einträge",
    "too_long": "erwartet werden höchstens {max_length} Einträge",
    "string_too_short": "erwartet werden mindestens {min_length} Zeichen",
    "string_too_long": "erwartet werden höchstens {max_length} Zeichen",
    "string_pattern_mismatch": "passt nicht zum Muster {pattern}",
}


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] in {"value_error", "assertion_error"}:
        return str(context.get("error", detail["msg"]))
    if detail["type"] not in _EXPECTED:
        return detail["msg"]
    text = _EXPECTED[detail["type"]].format(**context)
    return re.sub(r" or (?=')", " oder ", text)
