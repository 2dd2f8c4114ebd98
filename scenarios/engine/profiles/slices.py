"""Telling the repetitions of an element apart: which slice each of them is, or is meant to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from lxml import etree

from .document import values
from .shapes import Slice, Slicing

MANY = 50
"""So many repetitions are compared with slices that they do not match."""


def assigned(
    slicing: Slicing,
    standing: list[etree._Element],
    distance: Callable[[etree._Element, Slice], int],
) -> list[Slice | None]:
    """Return the slice of each element: by its marks, else the missing one it comes nearest.

    *distance* is the number of findings about an element as one of a slice. An element that says
    itself what it is, is none of the optional slices by similarity.
    """
    kinds = [next((k for k in slicing.slices if _marked(one, k)), None) for one in standing]
    for index, one in enumerate(standing[:MANY]):
        if kinds[index] is not None:
            continue
        count = Counter(kind.name for kind in kinds if kind is not None)
        wanted = [k for k in slicing.slices if k.marks and count[k.name] < k.minimum]
        if not wanted and not _says_what(one, slicing):
            wanted = [
                k
                for k in slicing.slices
                if k.marks and (k.maximum is None or count[k.name] < k.maximum)
            ]
        if wanted:
            nearest = [(distance(one, kind), number) for number, kind in enumerate(wanted)]
            kinds[index] = wanted[min(nearest)[1]]
    return kinds


def same(path: str, given: str, wanted: str) -> bool:
    """Say whether *given* is the mark *wanted*; profiles are compared without version."""
    if path == "resource.meta.profile":
        given = given.partition("|")[0]
    return given == wanted


def _marked(element: etree._Element, kind: Slice) -> bool:
    return bool(kind.marks) and all(
        any(same(where, one, wanted) for one in values(element, where))
        for where, wanted in kind.marks
    )


def _says_what(element: etree._Element, slicing: Slicing) -> bool:
    """Say whether *element* has a value wherever slices are told from."""
    places = {where for kind in slicing.slices for where, _ in kind.marks}
    return all(values(element, where) for where in places)
