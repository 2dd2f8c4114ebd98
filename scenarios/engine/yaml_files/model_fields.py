"""Which keys a pydantic model allows at a place of a document, to suggest the one that was meant.

Follows fields, lists, mappings and unions; a union's branches that the place rules out (by the
tag that pydantic writes into a location) are left aside.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel


def nearest_field(model: type[BaseModel], location: Sequence[str | int]) -> str | None:
    """Return the allowed key most like the last part of *location*, or None if none is."""
    *parents, unknown = location
    candidates: list[Any] = [model]
    for part in parents:
        inner = [step for kind in candidates for step in _inside(kind, part)]
        if inner:
            candidates = inner
        else:  # a union's tag
            candidates = [kind for kind in candidates if _is_tagged(kind, part)] or candidates
    allowed = {name for kind in candidates for name in _keys(kind)}
    close = difflib.get_close_matches(str(unknown), sorted(allowed), n=1)
    return close[0] if close else None


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """Yield the types that the value at *part* of a value of type *kind* may have."""
    if _is_model(kind):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield from _branches(field.annotation)
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if not arguments or not isinstance(origin, type):
        return
    if issubclass(origin, Mapping):
        yield from _branches(arguments[1])
    elif issubclass(origin, Iterable) and isinstance(part, int):
        yield from _branches(arguments[0])


def _branches(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union one by one, without ``Annotated`` around them."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _branches(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for branch in typing.get_args(annotation):
            yield from _branches(branch)
    else:
        yield annotation


def _is_tagged(kind: Any, tag: str | int) -> bool:
    if not _is_model(kind):
        return False
    literals = (typing.get_args(field.annotation) for field in kind.model_fields.values())
    return kind.__name__ == tag or any(tag in values for values in literals)


def _keys(kind: Any) -> Iterator[str]:
    if _is_model(kind):
        for name, field in kind.model_fields.items():
            yield field.alias or name


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
