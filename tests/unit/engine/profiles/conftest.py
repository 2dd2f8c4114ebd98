"""The KBV's examples, parsed once; documents are changed in copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from scenarios.engine.profiles.validator import Validator, from_packages, shipped

Spec = Callable[[str], Path]


@pytest.fixture(scope="session")
def examples(spec: Spec) -> Mapping[str, etree._Element]:
    """Return the roots of all 24 examples by their names, the shortest first."""
    paths = sorted(spec("eau/examples").glob("*.xml"), key=lambda path: path.stat().st_size)
    assert len(paths) == 24
    return {path.stem.partition("__")[2]: etree.parse(str(path)).getroot() for path in paths}


@pytest.fixture
def example(examples: Mapping[str, etree._Element]) -> Callable[[str], etree._Element]:
    """Return a function from a part of a name to a copy of that example."""

    def copy(name: str) -> etree._Element:
        return deepcopy(next(root for known, root in examples.items() if name in known))

    return copy


@pytest.fixture(scope="session")
def by_tables() -> Validator:
    return shipped()


@pytest.fixture(scope="session")
def by_packages(spec: Spec) -> Validator:
    return from_packages(spec("eau/packages"))
