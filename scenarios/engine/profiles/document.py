"""A FHIR document in XML as the rules see it: names, values, places, what a reference means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

FHIR = "http://hl7.org/fhir"
_PREFIX = f"{{{FHIR}}}"


def children(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the elements in *element*, without comments."""
    return (child for child in element if isinstance(child.tag, str))


def name_of(element: etree._Element) -> str:
    """Return the name of *element*; one of another namespace keeps that before its name."""
    return str(element.tag).removeprefix(_PREFIX)


def value(element: etree._Element | None) -> str | None:
    """Return the value of a primitive element."""
    return None if element is None else element.get("value")


def first(found: Iterable[etree._Element]) -> etree._Element | None:
    """Return the first of *found*, None if there is none."""
    return next(iter(found), None)


def at(element: etree._Element, path: str) -> list[etree._Element]:
    """Return the elements at *path* below *element*; ``resource`` steps into the resource."""
    found = [element]
    for step in path.split("."):
        tag = f"{_PREFIX}{step}"
        found = [child for one in found for child in one.iterchildren(tag)]
        if step == "resource":
            found = [child for one in found for child in children(one)]
    return found


def values(element: etree._Element, path: str) -> list[str]:
    """Return the values at *path*; ``url`` is the attribute, ``$this`` the element's own."""
    if path == "url":
        given = element.get("url")
    elif path == "$this":
        given = element.get("value")
    else:
        return [text for one in at(element, path) if (text := one.get("value")) is not None]
    return [] if given is None else [given]


def extensions(element: etree._Element, url: str) -> list[etree._Element]:
    """Return the extensions of *element* with this *url*."""
    return [one for one in at(element, "extension") if one.get("url") == url]


def line_of(element: etree._Element) -> int:
    """Return the line of *element* in its file, from 1."""
    line: object = element.sourceline
    return line if isinstance(line, int) else 0


def path_of(element: etree._Element) -> str:
    """Return the path of *element*, with the index of each that stands beside others like it."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None:
        parent = current.getparent()
        same = [] if parent is None else list(parent.iterchildren(str(current.tag)))
        index = f"[{same.index(current)}]" if len(same) > 1 else ""
        steps.append(f"{name_of(current)}{index}")
        current = parent
    return ".".join(reversed(steps))


@dataclass(frozen=True)
class Document:
    """A resource, in a bundle with those beside it, by their full URLs."""

    root: etree._Element
    _targets: dict[str, etree._Element] = field(init=False, default_factory=dict)
    _unnamed: dict[str, etree._Element] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for entry in at(self.root, "entry"):
            for resource in at(entry, "resource"):
                urls = values(entry, "fullUrl")
                names, known = (
                    (urls, self._targets) if urls else (values(resource, "id"), self._unnamed)
                )
                for name in names:
                    known.setdefault(name, resource)

    @property
    def is_bundle(self) -> bool:
        """Whether references can be followed."""
        return name_of(self.root) == "Bundle"

    def resources(self, name: str) -> list[etree._Element]:
        """Return the resources of the type *name* in the bundle."""
        return [one for one in at(self.root, "entry.resource") if name_of(one) == name]

    def target(self, reference: str) -> etree._Element | None:
        """Return what *reference* leads to: a full URL, or one relative to the others'.

        A resource without full URL, which is a mistake of its own, is found by its id.
        """
        found = self._targets.get(reference)
        if found is None and ":" not in reference and reference.count("/") == 1:
            ending = f"/{reference}"
            found = first(one for url, one in self._targets.items() if url.endswith(ending))
        return self._unnamed.get(re.split("[/:]", reference)[-1]) if found is None else found


def profile_of(resource: etree._Element) -> str:
    """Return the first profile that *resource* claims, empty if none."""
    return next(iter(values(resource, "meta.profile")), "")
