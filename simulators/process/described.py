"""What can stand in the settings file of a role: every key with its default."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .settings import Settings

ANY_NAME = "NAME"
"""Stands for a key that the writer of the file chooses."""


def description(model: type[Settings]) -> Iterator[str]:
    """Yield the lines that describe *model*: what its parts are, then a line for each key.

    ``konnektors.NAME.ldap  (needed)`` is a key inside of one that the user names. Behind a key
    stands the name that a specification gives it, where there is one.
    """
    for part in (model, *_parts(model)):
        yield f"{inspect.cleandoc(part.__doc__ or part.__name__)}\n"
    width = max(len(key) for key, _ in _keys(model))
    for key, field in _keys(model):
        named = f"  {field.title}" if field.title else ""
        yield f"{key:{width}}  {_default(field)}{named}".rstrip()


def _keys(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield before + name, field
        else:
            named = f"{before}{name}.{ANY_NAME}." if _is_mapping(field) else f"{before}{name}."
            yield from _keys(inner, named)


def _parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the models inside of *model*, each once, the outer ones first."""
    found: dict[type[BaseModel], None] = {}
    for field in model.model_fields.values():
        inner = _model_in(field.annotation)
        if inner is not None:
            found.setdefault(inner)
            found.update(dict.fromkeys(_parts(inner)))
    return list(found)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := _model_in(a))), None)


def _is_mapping(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    if field.default is PydanticUndefined:
        return "(follows from others)"
    return json.dumps(field.default, default=str)
