"""Shapes: what may stand in an element of a type, once all rules about it are put together.

A shape is made once for a type and the rules that meet in it, and kept: a bundle repeats few.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from .primitives import PRIMITIVES
from .tree import Rule, canonical

Rules = tuple[Rule, ...]
BASE = "FHIR R4"


@dataclass(frozen=True)
class Child:
    """A child of a FHIR type as the base specification has it; order is that of XML."""

    name: str
    minimum: int
    maximum: int | None
    types: tuple[str, ...]


@dataclass(frozen=True)
class Slicing:
    """How the repetitions of an element are told apart.

    ``path`` is the discriminator, ``slices`` the rules of each slice with its bounds.
    """

    path: str
    closed: bool
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Slice:
    """One kind of repetition: what it is recognised by (paths with values), how often it occurs."""

    name: str
    minimum: int
    maximum: int | None
    rules: Rules
    marks: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True)
class Slot:
    """A place in a shape: which elements stand there, how often, under which rules.

    ``tags`` are the XML names with the type each stands for (several for ``value[x]``), ``least``
    and ``most`` the rules that set the bounds.
    """

    name: str
    order: int
    repeats: bool
    minimum: int
    maximum: int | None
    least: str
    most: str
    tags: Mapping[str, str]
    rules: Rules
    by_tag: Mapping[str, Rules]
    slicing: Slicing | None


@dataclass(frozen=True)
class Shape:
    """What may stand in an element: slots in order, and the slot of each XML name."""

    slots: tuple[Slot, ...]
    by_tag: Mapping[str, Slot]


@dataclass
class Shapes:
    """All shapes under the rules of the profiles in *roots*; made on demand."""

    roots: Mapping[str, Rule]
    _types: Mapping[str, tuple[Child, ...]] = field(init=False)
    _made: dict[tuple[str, Rules], Shape] = field(init=False, default_factory=dict)
    _following: dict[Rules, Rules] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._types = _base_types()

    def known(self, type_: str) -> bool:
        """Say whether the children of *type_* are known."""
        return type_ in self._types

    def of(self, type_: str, rules: Rules) -> Shape:
        """Return the shape of an element of *type_* under *rules*."""
        key = (type_, rules)
        if key not in self._made:
            slots = tuple(
                self._slot(number, child, type_, rules)
                for number, child in enumerate(self._types.get(type_, ()))
            )
            self._made[key] = Shape(slots, {tag: slot for slot in slots for tag in slot.tags})
        return self._made[key]

    def followed(self, rules: Rules) -> Rules:
        """Return *rules* and the roots of the profiles that they demand."""
        if rules not in self._following:
            roots = (
                self.roots[profile]
                for rule in rules
                for _, profile in rule.profiled
                if profile in self.roots
            )
            self._following[rules] = tuple(dict.fromkeys((*rules, *roots)))
        return self._following[rules]

    def _slot(self, order: int, child: Child, type_: str, rules: Rules) -> Slot:
        own = tuple(rule.children[child.name] for rule in rules if child.name in rule.children)
        forbidding = [rule for rule in rules if child.name in rule.row.without]
        minimum, least = child.minimum, f"{BASE}:{type_}.{child.name}"
        maximum, most = child.maximum, least
        for rule in own:
            for one in (rule, *_choices(child, rule)):
                if one.row.minimum is not None and one.row.minimum >= minimum:
                    minimum, least = one.row.minimum, one.label
            if rule.row.maximum is not None and (maximum is None or rule.row.maximum <= maximum):
                maximum, most = rule.row.maximum, rule.label
        if forbidding:
            maximum, minimum, most = 0, 0, f"{forbidding[-1].label.rstrip(':.')}.{child.name}"
        tags = _tags(child, type_, own)
        return Slot(
            child.name,
            order,
            child.maximum != 1,
            minimum,
            maximum,
            least,
            most,
            tags,
            own,
            {
                tag: (*own, *(rule.slices[tag] for rule in own if tag in rule.slices))
                for tag in tags
            },
            self._slicing(child, own),
        )

    def _slicing(self, child: Child, rules: Rules) -> Slicing | None:
        names = dict.fromkeys(name for rule in rules for name in rule.slices)
        if not names or child.name.endswith("[x]"):
            return None
        said = next((rule.row.slicing for rule in rules if rule.row.slicing), None)
        path = (said or ("url" if child.name == "extension" else "")).rstrip("+")
        slices = [self._slice(name, rules, path) for name in names]
        return Slicing(path, said is None or not said.endswith("+"), tuple(slices))

    def _slice(self, name: str, rules: Rules, path: str) -> Slice:
        own = tuple(rule.slices[name] for rule in rules if name in rule.slices)
        bounds = self.followed(own)
        minimum = max(rule.row.minimum or 0 for rule in own)
        most = [rule.row.maximum for rule in bounds if rule.row.maximum is not None]
        return Slice(
            name, minimum, min(most, default=None), own, self._marks(bounds, path), own[-1].label
        )

    def _marks(self, rules: Rules, path: str) -> tuple[tuple[str, str], ...]:
        """Return by which values at *path* an element under *rules* is recognised."""
        found: dict[str, str] = {}
        for rule in rules:
            if path == "url" and rule.url is not None:
                found["url"] = rule.url
            elif path == "$this" and rule.row.fixed is not None:
                found["$this"] = rule.row.fixed
            elif path == "resource.meta.profile" and "resource" in rule.children:
                profiled = rule.children["resource"].profiled
                found |= {path: canonical(profiled[0][1])} if profiled else {}
            else:
                found |= dict(_fixed_at(rule, path))
        return tuple(found.items())


def _fixed_at(rule: Rule, path: str) -> Iterable[tuple[str, str]]:
    for step in path.split("."):
        if step not in rule.children:
            return ()
        rule = rule.children[step]
    return rule.fixed_below(path)


def _choices(child: Child, rule: Rule) -> Iterable[Rule]:
    return rule.slices.values() if child.name.endswith("[x]") else ()


def _tags(child: Child, type_: str, rules: Rules) -> dict[str, str]:
    """Return XML names and types of *child*; what a type is not told is found in the base."""
    allowed = [set(rule.types) for rule in rules if rule.types]
    types = [one for one in child.types if all(one in some for some in allowed)] or child.types
    if child.types == ("*",):
        types = [one for one in _ANY if all(one in some for some in allowed)]
    if child.name.endswith("[x]"):
        stem = child.name[:-3]
        return {f"{stem}{one[0].upper()}{one[1:]}": one for one in types}
    only = types[0]
    if only in ("BackboneElement", "Element"):
        only = f"{type_}.{child.name}"
    return {child.name: only.removeprefix("#")}


_ANY = (
    *PRIMITIVES,
    *("Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding"),
    *("ContactPoint", "Duration", "HumanName", "Identifier", "Money", "Period", "Quantity"),
    *("Range", "Ratio", "Reference", "Signature", "Timing", "Meta"),
)


def _base_types() -> Mapping[str, tuple[Child, ...]]:
    """Return the children of each type, by the path of the type (``Composition.section``)."""
    found: dict[str, list[Child]] = {}
    with (files(__package__) / "fhir_r4.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            parent, _, name = line["path"].rpartition(".")
            least, _, most = line["card"].partition("..")
            types = tuple(line["types"].split())
            child = Child(name, int(least), None if most == "*" else int(most), types)
            found.setdefault(parent, []).append(child)
    return {path: tuple(children) for path, children in found.items()}
