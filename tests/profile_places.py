"""Where in a document a row of the rules applies: found by XPath, without the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from scenarios.engine.profiles.packages import KBV
from scenarios.engine.profiles.rows import Row, merge, read_table

NAMES = {"f": "http://hl7.org/fhir"}
Rows = Mapping[tuple[str, str], Row]


def shipped_rows() -> tuple[Row, ...]:
    """Return the rows of the shipped tables."""
    return merge(read_table("kbv_basis.csv"), read_table("kbv_profiles.csv"))


def by_place(rows: tuple[Row, ...]) -> Rows:
    return {(row.profile, row.path): row for row in rows}


def places(root: etree._Element, row: Row, rows: Rows) -> list[etree._Element]:
    """Return the elements in *root* that *row* is about."""
    steps = row.path.split(".")
    found = list(_instances(root, row.profile))
    for number, step in enumerate(steps):
        path = ".".join(steps[: number + 1])
        found = [child for one in found for child in _step(one, step, row.profile, path, rows)]
    return found


def parents(root: etree._Element, row: Row, rows: Rows) -> list[etree._Element]:
    """Return the elements in which what *row* is about stands."""
    parent = Row(row.profile, row.path.rpartition(".")[0])
    if not parent.path:
        return list(_instances(root, row.profile))
    return places(root, parent, rows)


def _instances(root: etree._Element, profile: str) -> Iterator[etree._Element]:
    url = f"{KBV}{profile}"
    if "_EX_" in profile:
        query = f"//f:extension[@url='{url}']"
    else:
        query = f"//*[f:meta/f:profile[starts-with(@value, '{url}|')]]"
    found = root.xpath(query, namespaces=NAMES)
    assert isinstance(found, list)
    yield from (one for one in found if isinstance(one, etree._Element))


def _step(
    element: etree._Element, step: str, profile: str, path: str, rows: Rows
) -> Iterator[etree._Element]:
    name, _, slice_ = step.partition(":")
    if element.tag == "{http://hl7.org/fhir}resource":
        element = next(element.iterchildren("*"))
    stem = name.removesuffix("[x]")
    for child in element:
        tag = str(child.tag).removeprefix("{http://hl7.org/fhir}")
        if name.endswith("[x]"):
            if tag == slice_ or (not slice_ and tag.startswith(stem) and tag != stem):
                yield child
        elif tag == name and (not slice_ or _marked(child, profile, path, rows)):
            yield child


def _marked(element: etree._Element, profile: str, path: str, rows: Rows) -> bool:
    """Say whether *element* has every value that is fixed where its slice is told from."""
    base = path.rpartition(":")[0]
    row = rows.get((profile, path), Row(profile, path))
    said = rows.get((profile, base), Row(profile, base)).slicing or "url"
    told = said.rstrip("+")
    if told == "url":
        wanted = [one.partition("=")[2] for one in row.types if "=" in one]
        fixed = rows.get((profile, f"{path}.url"))
        wanted += [fixed.fixed] if fixed is not None and fixed.fixed else []
        known = [f"{KBV}{one}" if one.startswith("KBV_") else one for one in wanted]
        return element.get("url") in known
    if told == "resource.meta.profile":
        types = rows[profile, f"{path}.resource"].types
        claimed = element.xpath("string(f:resource/*/f:meta/f:profile/@value)", namespaces=NAMES)
        return str(claimed).partition("|")[0] in [f"{KBV}{one.partition('=')[2]}" for one in types]
    if told == "$this":
        return element.get("value") == row.fixed
    below = [
        (key[1], one.fixed)
        for key, one in rows.items()
        if key[0] == profile and one.fixed and f"{key[1]}.".startswith(f"{path}.{told}.")
    ]
    queries = {place.removeprefix(f"{path}."): value for place, value in below}
    return bool(queries) and all(
        value in [one.get("value") for one in _at(element, place)]
        for place, value in queries.items()
    )


def _at(element: etree._Element, place: str) -> list[etree._Element]:
    found = [element]
    for step in place.split("."):
        found = [child for one in found for child in one.findall(f"f:{step}", NAMES)]
    return found
