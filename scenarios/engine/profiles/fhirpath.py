"""The invariants of FHIR packages, evaluated by fhirpathpy.

It counts a repeating primitive with extensions twice and loses its extensions: what is said about
lines of an address is judged by our own code. `resolve()` is ours, as it knows no bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhirpathpy import compile as compile_path
from fhirpathpy.models import models
from lxml import etree

from simulators.process.errors import one_line

from .document import Document, children, name_of
from .invariants import ADDRESSES, Invariant, catalogue, judged_by_code
from .primitives import PRIMITIVES
from .shapes import Shapes
from .structure import Broken
from .tree import Rule

JSON = dict[str, Any]
_NUMBERS: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "integer": int,
    "positiveInt": int,
    "unsignedInt": int,
    "decimal": float,
}
# The fixed value of the profile says the same: one broken rule is one finding.
_SAID_TWICE = ("eau-versionComposition",)


class Expressions:
    """The constraints of packages: compiled when first needed, kept from then on."""

    def __init__(self, expressions: Mapping[str, str], shapes: Shapes) -> None:
        self._expressions = expressions
        self._shapes = shapes
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._document: Document | None = None
        self._bundle: JSON = {}
        self._targets: dict[str, Any] = {}

    def judge(
        self, rule: Rule, key: str, element: etree._Element, document: Document
    ) -> Broken | None:
        """Judge the invariant *key* of *rule* at *element*."""
        if key in ADDRESSES:
            return judged_by_code(rule, key, element, document)
        expression = self._expressions.get(f"{rule.row.profile}:{rule.row.path}:{key}")
        if expression is None or key in _SAID_TWICE:
            return None
        if document is not self._document:
            self._document, self._targets = document, {}
            self._bundle = self._whole(document)
        context = self._bundle if element is document.root else self._json_at(element)
        own = judged_by_code(rule, key, element, document)
        try:
            holds = self._holds(expression, context)
        except Exception:  # whatever the parser makes of a foreign expression: ours decides
            return own
        if holds:
            return None
        known = catalogue().get(key)
        text = f"dass gilt: {one_line(expression, 200)}"
        invariant = known or Invariant(key, text, "Angaben in Einklang bringen")
        return own or invariant.broken(element)

    def _holds(self, expression: str, context: Any) -> bool:
        if expression not in self._compiled:
            options = {"userInvocationTable": {"resolve": {"fn": self._resolve, "arity": {0: []}}}}
            self._compiled[expression] = compile_path(expression, models["r4"], options)
        variables = {"resource": self._bundle, "context": context}
        result = self._compiled[expression](context, variables)
        return bool(result != [False])

    def _whole(self, document: Document) -> JSON:
        found = self._json(document.root, name_of(document.root))
        return found if isinstance(found, dict) else {}

    def _json_at(self, element: etree._Element) -> Any:
        """Return *element* as JSON, typed by its way down from the nearest resource."""
        steps: list[etree._Element] = [element]
        while not self._is_resource(steps[-1]):
            parent = steps[-1].getparent()
            if parent is None:
                return {}
            steps.append(parent)
        type_ = name_of(steps.pop())
        while steps:
            type_ = self._type(type_, steps.pop())
        return self._json(element, type_)

    def _is_resource(self, element: etree._Element) -> bool:
        parent = element.getparent()
        return parent is None or name_of(parent) == "resource"

    def _type(self, type_: str, child: etree._Element) -> str:
        slot = self._shapes.of(type_, ()).by_tag.get(name_of(child))
        return "Element" if slot is None else slot.tags[name_of(child)]

    def _json(self, element: etree._Element, type_: str) -> Any:
        if type_ == "Resource":
            inside = next(children(element), None)
            return None if inside is None else self._json(inside, name_of(inside))
        if type_ in PRIMITIVES:
            return self._primitive(element, type_)
        made: JSON = {"resourceType": type_} if self._is_resource(element) else {}
        if (url := element.get("url")) is not None:
            made["url"] = url
        shape = self._shapes.of(type_, ())
        for child in children(element):
            name = name_of(child)
            slot = shape.by_tag.get(name)
            if slot is None:
                continue
            kind = slot.tags[name]
            self._put(made, name, self._json(child, kind), repeats=slot.repeats)
            if kind in PRIMITIVES:
                self._put(made, f"_{name}", self._json(child, "Element"), repeats=slot.repeats)
        return made

    @staticmethod
    def _put(made: JSON, name: str, content: Any, *, repeats: bool) -> None:
        if content is None or content == {}:
            return
        if repeats:
            made.setdefault(name, []).append(content)
        else:
            made[name] = content

    @staticmethod
    def _primitive(element: etree._Element, type_: str) -> Any:
        given = element.get("value")
        if given is None:
            return None
        try:
            return _NUMBERS.get(type_, str)(given)
        except ValueError:
            return given

    def _resolve(self, inputs: list[Any]) -> list[Any]:
        """Return what the references *inputs* lead to, in the bundle that is judged."""
        contents = [getattr(node, "data", node) for node in inputs]
        references = [one.get("reference") if isinstance(one, dict) else one for one in contents]
        found = [self._target(one) for one in references if isinstance(one, str)]
        return [one for one in found if one is not None]

    def _target(self, reference: str) -> Any:
        if reference not in self._targets:
            target = None if self._document is None else self._document.target(reference)
            made = None if target is None else self._json(target, name_of(target))
            self._targets[reference] = made
        return self._targets[reference]
