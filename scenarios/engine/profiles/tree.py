"""The rules of a profile as a tree: elements, their slices, and what holds for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .packages import KBV
from .rows import Row


@dataclass(eq=False)
class Rule:
    """What a profile says about an element, and in it about its children and slices."""

    row: Row
    children: dict[str, Rule] = field(default_factory=dict)
    slices: dict[str, Rule] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The rule's name: profile and element."""
        return f"{self.row.profile}:{self.row.path or '.'}"

    @cached_property
    def url(self) -> str | None:
        """The URL of the extension that this rule is about, if it says so."""
        if (child := self.children.get("url")) is not None and child.row.fixed is not None:
            return child.row.fixed
        return next((canonical(name) for _, name in self.profiled), None)

    @cached_property
    def profiled(self) -> tuple[tuple[str, str], ...]:
        """Types that have to follow a profile: type and profile."""
        pairs = (type_.partition("=") for type_ in self.row.types)
        return tuple((kind, profile) for kind, is_, profile in pairs if is_)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Profiles that the target of this reference may follow."""
        pairs = (type_.partition(">") for type_ in self.row.types)
        return tuple(profile for _, is_, profile in pairs if is_)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """FHIR types that are allowed; empty says nothing."""
        return tuple(type_.replace(">", "=").partition("=")[0] for type_ in self.row.types)

    def fixed_below(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Yield path and value of everything fixed here and below, outside slices."""
        if self.row.fixed is not None:
            yield prefix, self.row.fixed
        for name, child in self.children.items():
            yield from child.fixed_below(f"{prefix}.{name}" if prefix else name)


def canonical(profile: str) -> str:
    """Return the address of the profile that rows call *profile*."""
    return profile if "://" in profile else KBV + profile


def trees(rows: Iterable[Row]) -> Mapping[str, Rule]:
    """Return the tree of each profile; every row finds its place, whatever the order."""
    found: dict[str, Rule] = {}
    for row in rows:
        rule = found.setdefault(row.profile, Rule(Row(row.profile, "")))
        for name, slice_, path in _steps(row.path):
            whole = path.removesuffix(f":{slice_}") if slice_ else path
            rule = rule.children.setdefault(name, Rule(Row(row.profile, whole)))
            if slice_:
                rule = rule.slices.setdefault(slice_, Rule(Row(row.profile, path)))
        rule.row = row
    return found


def _steps(path: str) -> Iterator[tuple[str, str, str]]:
    """Yield name and slice of each step of *path*, and the path up to there."""
    done = ""
    for step in path.split(".") if path else ():
        name, _, slice_ = step.partition(":")
        done = f"{done}.{step}" if done else step
        yield name, slice_, done
