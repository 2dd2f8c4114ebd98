"""The profiles of makes that are shipped, and what is known of each of their traits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import Field

from simulators.process.settings import Settings
from simulators.process.yaml_text import load_yaml

_FOLDER, _SUFFIX = "profiles", ".yaml"


class Profile(Settings):
    """A make as its file has it; its name is invented, real vendors are not named.

    ``make`` are settings of ``Make``. Every one of them stands in ``observed`` with where it was
    seen, or in ``unconfirmed``.
    """

    title: str
    observed: dict[str, str] = {}
    unconfirmed: list[str] = []
    make: dict[str, Any] = Field(default={})


@cache
def names() -> tuple[str, ...]:
    """Return the names of the profiles that are shipped."""
    folder = resources.files(__package__).joinpath(_FOLDER)
    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


@cache
def profile(name: str) -> Profile:
    """Return the profile *name*. Raises ValueError that names those there are."""
    if name not in names():
        raise ValueError(f"profile: {name!r:.40} gibt es nicht, nur {', '.join(names())}")
    file = resources.files(__package__).joinpath(_FOLDER, name + _SUFFIX)
    return Profile.model_validate(load_yaml(file.read_text(encoding="utf-8")))


def merged(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a make in *content*, laid over those of the profile it names.

    Tables are merged by key, at any depth; everything else is replaced. Raises ValueError for a
    profile that does not exist.
    """
    name = content.get("profile")
    if not isinstance(name, str):
        return dict(content)
    return _laid_over(profile(name).make, content)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = {str(key): value for key, value in below.items()}
    for number, value in above.items():
        key = str(number)
        under = result.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[key] = _laid_over(under, value) if both else value  # type: ignore[arg-type]
    return result
