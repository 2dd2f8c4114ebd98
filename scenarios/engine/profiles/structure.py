"""Judging elements by their shapes: what stands where, how often, with which value.

A finding names the rule that is broken and no consequence of it: of elements that fit no slice,
the one that is meant is found first, and then judged as that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from lxml import etree

from .document import Document, at, children, line_of, name_of, path_of, profile_of, value, values
from .finding import Finding, shown
from .packages import short
from .primitives import PRIMITIVES, fits
from .shapes import BASE, Rules, Shapes, Slice, Slicing, Slot
from .slices import assigned, same
from .tree import Rule

Codes = Mapping[str, frozenset[tuple[str, str]]]
Where = tuple[str, etree._Element]
"""A place: its path, and the element there, or in which it is missing."""
Condition = Callable[[Rule, str, etree._Element, Document], "Broken | None"]
MAX_FINDINGS = 200
SHOWN_CODES = 12


@dataclass(frozen=True)
class Broken:
    """What an invariant found: the key, what is demanded, what stands there, how to mend it."""

    key: str
    expected: str
    found: str
    remedy: str
    at: etree._Element


@dataclass
class Structure:
    """One pass over a document; ``findings`` are those made so far."""

    shapes: Shapes
    codes: Codes
    requirements: Mapping[str, str]
    document: Document
    condition: Condition | None = None
    findings: list[Finding] = field(default_factory=list)

    def resource(self, element: etree._Element, rules: Rules, path: str) -> None:
        """Judge the resource *element*."""
        type_ = name_of(element)
        if not self.shapes.known(type_) or "." in type_:
            text = f"die Ressource {shown(type_)}"
            self._say(BASE, (path, element), "eine Ressource der eAU", text, "Ressource entfernen")
            return
        self.element(element, type_, rules, path)

    def element(self, element: etree._Element, type_: str, rules: Rules, path: str) -> None:
        """Judge *element* of *type_* under *rules*."""
        if len(self.findings) >= MAX_FINDINGS or type_ == "xhtml":
            return
        rules = self.shapes.followed(rules)
        self._attributes(element, type_, rules, path)
        if type_ in PRIMITIVES:
            self._primitive(element, type_, rules, path)
        elif self.shapes.known(type_):
            self._complex(element, type_, rules, path)
        for rule in rules:
            if rule.row.codes in self.codes:
                self._coded(rule, element, path)
            if rule.targets and self.document.is_bundle:
                self._target(rule, element, path)
            if self.condition is not None:
                self._conditions(rule, element, path, self.condition)

    def _attributes(self, element: etree._Element, type_: str, rules: Rules, path: str) -> None:
        allowed = {"id", "url" if type_ == "Extension" else "value"}
        for name in element.attrib:
            if name not in allowed:
                text = f"das Attribut {shown(str(name))}"
                self._say(
                    BASE, (path, element), "nur value, url und id", text, "Attribut entfernen"
                )
        if type_ != "Extension":
            return
        demanded = next((rule for rule in rules if rule.url is not None), None)
        if demanded is not None and element.get("url") != demanded.url:
            self._say(
                demanded.label,
                (f"{path}.url", element),
                f"die url {shown(demanded.url)}",
                shown(element.get("url")),
                "url der Erweiterung berichtigen",
            )
        elif not element.get("url"):
            self._say(BASE, (f"{path}.url", element), "eine url", "nichts", "url ergänzen")

    def _primitive(self, element: etree._Element, type_: str, rules: Rules, path: str) -> None:
        given = element.get("value")
        extended = any(name_of(child) == "extension" for child in children(element))
        if given is None and not extended:
            self._say(BASE, (path, element), f"ein Wert ({type_})", "nichts", "Wert ergänzen")
        if given is not None and not fits(type_, given):
            text = f"ein Wert der Art {type_}"
            self._say(f"{BASE}:{type_}", (path, element), text, shown(given), "Wert berichtigen")
        elif given is not None:
            self._restricted(element, given, rules, path)
        self._complex(element, "Element", rules, path)

    def _restricted(self, element: etree._Element, given: str, rules: Rules, path: str) -> None:
        for rule in rules:
            fixed, most = rule.row.fixed, rule.row.length
            if fixed is not None and given != fixed:
                wanted = shown(fixed)
                self._say(
                    rule.label,
                    (path, element),
                    wanted,
                    shown(given),
                    f"den Wert {wanted} schreiben",
                )
            if most is not None and len(given) > most:
                text = f"höchstens {most} Zeichen"
                self._say(rule.label, (path, element), text, f"{len(given)} Zeichen", "Text kürzen")

    def _complex(self, element: etree._Element, type_: str, rules: Rules, path: str) -> None:
        shape = self.shapes.of(type_, rules)
        standing: dict[str, list[etree._Element]] = {}
        last, before = -1, ""
        for child in children(element):
            name = name_of(child)
            slot = shape.by_tag.get(name)
            if slot is None:
                self._unknown(shape.slots, child, name, path)
                continue
            if slot.order < last:
                text = f"{name} hinter {before}"
                remedy = f"{name} vor {before} schreiben"
                rule = f"{BASE}:{type_}"
                self._say(rule, (f"{path}.{name}", child), "die Reihenfolge von FHIR", text, remedy)
            elif slot.order > last:
                last, before = slot.order, name
            standing.setdefault(slot.name, []).append(child)
        said = len(self.findings)
        for slot in shape.slots:
            self._slot(slot, standing.get(slot.name, []), element, path)
        if not standing and type_ != "Element" and len(self.findings) == said:
            self._say(
                BASE, (path, element), "Inhalt", "ein leeres Element", "füllen oder weglassen"
            )

    def _unknown(self, slots: Iterable[Slot], child: etree._Element, name: str, path: str) -> None:
        for slot in slots:
            stem = slot.name.removesuffix("[x]")
            if stem != slot.name and name.startswith(stem) and name[len(stem) :][:1].isupper():
                rule = slot.rules[-1].label if slot.rules else slot.least
                text = " oder ".join(slot.tags)
                self._say(rule, (f"{path}.{name}", child), text, name, "in der Art berichtigen")
                return
        known = "ein Element, das FHIR hier kennt"
        self._say(BASE, (f"{path}.{name}", child), known, shown(name), "Element entfernen")

    def _slot(
        self, slot: Slot, standing: list[etree._Element], parent: etree._Element, path: str
    ) -> None:
        if not standing and not slot.minimum and slot.slicing is None:
            return
        if slot.maximum == 0 and standing:
            text = f"kein {slot.name}"
            self._say(
                slot.most, (f"{path}.{slot.name}", standing[0]), text, "eines", "Element entfernen"
            )
            return
        missing = False
        if slot.slicing is not None:
            missing = self._sliced(slot, slot.slicing, standing, (path, parent))
        else:
            for index, child in enumerate(standing):
                place = self._place(slot, child, index, path)
                self._child(slot, child, slot.by_tag[name_of(child)], place)
        if len(standing) < slot.minimum and not missing:
            self._missing(slot, None, (path, parent), len(standing))
        if slot.maximum is not None and len(standing) > slot.maximum:
            text, have = f"höchstens {slot.maximum} {slot.name}", f"{len(standing)}"
            extra = standing[slot.maximum]
            self._say(
                slot.most, (f"{path}.{slot.name}", extra), text, have, "überzählige entfernen"
            )

    def _child(self, slot: Slot, child: etree._Element, rules: Rules, path: str) -> None:
        type_ = slot.tags[name_of(child)]
        if type_ != "Resource":
            self.element(child, type_, rules, path)
            return
        inside = list(children(child))
        if len(inside) != 1:
            self._say(BASE, (path, child), "eine Ressource", f"{len(inside)}", "eine schreiben")
            return
        demanded = next((rule for rule in rules for _ in rule.profiled), None)
        kinds = self._kinds(rules)
        if demanded is not None and kinds and name_of(inside[0]) not in kinds:
            have = shown(name_of(inside[0]))
            text = " oder ".join(sorted(kinds))
            self._say(demanded.label, (path, inside[0]), text, have, "Ressource berichtigen")
            return
        self.resource(inside[0], rules, f"{path}.{name_of(inside[0])}")

    def _kinds(self, rules: Rules) -> set[str]:
        """Return the types of resource that *rules* allow; empty if they allow any."""
        profiles = [profile for rule in rules for _, profile in rule.profiled]
        return {type_ for profile in profiles for type_ in self._root_types(profile)}

    def _sliced(
        self, slot: Slot, slicing: Slicing, standing: list[etree._Element], where: Where
    ) -> bool:
        """Judge the repetitions of a sliced element; return whether a slice is missing."""
        path = where[0]
        kinds = assigned(slicing, standing, partial(self._distance, slot))
        count = Counter(kind.name for kind in kinds if kind is not None)
        for index, (child, kind) in enumerate(zip(standing, kinds, strict=True)):
            place = self._place(slot, child, index, path)
            rules = slot.by_tag[name_of(child)]
            if kind is None and slicing.closed:
                self._foreign(slot, slicing, child, place)
            else:
                self._child(slot, child, rules if kind is None else (*rules, *kind.rules), place)
        missing = False
        for kind in slicing.slices:
            if kind.marks and count[kind.name] < kind.minimum:
                missing = True
                self._missing(slot, kind, where, count[kind.name])
            if kind.maximum is not None and count[kind.name] > kind.maximum:
                extra = [one for one, its in zip(standing, kinds, strict=True) if its is kind]
                self._say(
                    kind.label,
                    (f"{path}.{slot.name}", extra[kind.maximum]),
                    f"höchstens {kind.maximum} {slot.name} ({kind.name})",
                    f"{count[kind.name]}",
                    "überzählige entfernen",
                )
        return missing

    def _distance(self, slot: Slot, element: etree._Element, kind: Slice) -> int:
        """Return how far *element* is from *kind*: the number of findings as one of it."""
        resource = next(iter(at(element, "resource")), None)
        kinds = {
            one
            for rule in kind.rules
            for child in rule.children.values()
            for one in self._kinds((child,))
        }
        if resource is not None and kinds and name_of(resource) not in kinds:
            return MAX_FINDINGS
        trial = replace(self, condition=None, findings=[])
        trial._child(slot, element, (*slot.by_tag[name_of(element)], *kind.rules), "")
        return len(trial.findings)

    def _foreign(self, slot: Slot, slicing: Slicing, child: etree._Element, path: str) -> None:
        marks = [(where, wanted) for kind in slicing.slices for where, wanted in kind.marks]
        allowed: dict[str, list[str]] = {}
        for where, wanted in marks:
            allowed.setdefault(where, []).append(wanted)
        for where, wanted_ones in allowed.items():
            given = values(child, where)
            if any(same(where, one, wanted) for one in given for wanted in wanted_ones):
                continue
            text = " oder ".join(shown(one) for one in dict.fromkeys(wanted_ones))
            place = path if where == "$this" else f"{path}.{where}"
            found = next(iter(at(child, where)), child) if where not in ("url", "$this") else child
            have = shown(given[0] if given else None)
            self._say(_slices_rule(slot), (place, found), text, have, "berichtigen oder entfernen")
            return
        rule = _slices_rule(slot)
        text = f"nur vorgesehene {slot.name}"
        self._say(rule, (path, child), text, "ein anderes", "berichtigen oder entfernen")

    def _missing(self, slot: Slot, kind: Slice | None, where: Where, have: int) -> None:
        path, parent = where
        name = next(iter(slot.tags)) if len(slot.tags) == 1 else slot.name
        least = slot.minimum if kind is None else kind.minimum
        number = "" if least == 1 else f"mindestens {least} "
        which = f" ({kind.name})" if kind else ""
        marks = ", ".join(f"{place} = {wanted}" for place, wanted in kind.marks) if kind else ""
        self._say(
            slot.least if kind is None else kind.label,
            (f"{path}.{name}", parent),
            f"{number}{name}{which}",
            f"{have}" if have else "es fehlt",
            f"{name} einfügen" + (f" mit {marks}" if marks else ""),
        )

    def _coded(self, rule: Rule, element: etree._Element, path: str) -> None:
        members = self.codes[rule.row.codes or ""]
        codings = at(element, "coding") if at(element, "coding") else [element]
        pairs = [
            (system, code, coding)
            for coding in codings
            for system in values(coding, "system")
            for code in values(coding, "code")
        ]
        if not pairs or any((system, code) in members for system, code, _ in pairs):
            return
        system, code, coding = pairs[0]
        same = sorted(one for its, one in members if its == system)
        step = "code" if same else "system"
        allowed = same or sorted({its for its, _ in members})
        text = ", ".join(allowed[:SHOWN_CODES]) + (" …" if len(allowed) > SHOWN_CODES else "")
        where = f"{path}.coding[{codings.index(coding)}]" if coding is not element else path
        self._say(
            rule.label,
            (f"{where}.{step}", at(coding, step)[0]),
            f"{step} aus {rule.row.codes}: {text}",
            shown(code if same else system),
            f"einen {step} der Liste verwenden",
        )

    def _target(self, rule: Rule, element: etree._Element, path: str) -> None:
        """Judge where a reference leads; a target that is missing or broken is said once, there."""
        kinds = {type_ for one in rule.targets for type_ in self._root_types(one)}
        for reference in at(element, "reference"):
            given = value(reference) or ""
            target = self.document.target(given)
            wanted, place = " oder ".join(rule.targets), f"{path}.reference"
            if target is None:
                if any(self.document.resources(kind) for kind in kinds):
                    text = f"einen Verweis auf {wanted} im Bundle"
                    remedy = "auf eine fullUrl verweisen"
                    self._say(rule.label, (place, reference), text, shown(given), remedy)
                continue
            profile = short(profile_of(target))
            broken = profile not in self.shapes.roots and name_of(target) in kinds
            if profile not in rule.targets and not broken:
                have = f"{name_of(target)} {shown(profile_of(target))}"
                self._say(rule.label, (place, reference), wanted, have, "Verweis berichtigen")

    def _root_types(self, profile: str) -> tuple[str, ...]:
        root = self.shapes.roots.get(profile)
        return () if root is None else root.types

    def _conditions(
        self, rule: Rule, element: etree._Element, path: str, condition: Condition
    ) -> None:
        for key in rule.row.constraints:
            broken = condition(rule, key, element, self.document)
            if broken is not None:
                place = path if broken.at is element else path_of(broken.at)
                requirement = self._requirement(rule.row.profile)
                where = (key, requirement, place, line_of(broken.at))
                self.findings.append(Finding(*where, broken.expected, broken.found, broken.remedy))

    def _place(self, slot: Slot, child: etree._Element, index: int, path: str) -> str:
        return f"{path}.{name_of(child)}" + (f"[{index}]" if slot.repeats else "")

    def _say(self, rule: str, where: Where, expected: str, found: str, remedy: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            path, element = where
            requirement = self._requirement(rule.partition(":")[0])
            place = (rule, requirement, path, line_of(element))
            self.findings.append(Finding(*place, expected, found, remedy))

    def _requirement(self, profile: str) -> str:
        return self.requirements.get(profile, "P310-01")


def _slices_rule(slot: Slot) -> str:
    return slot.rules[-1].label if slot.rules else slot.most
