"""The directory for tests at the wire; every test finds it as it was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_site import ENTRIES, Dialogue, certificates, many, settings


@pytest.fixture(scope="session")
def vzd_certificates(pki_cache: Path) -> PkiTree:
    return certificates(pki_cache)


@pytest.fixture(scope="session")
def start_vzd(
    start_role: Callable[..., Any],
    vzd_certificates: PkiTree,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Any]:
    """Return a function that starts a directory with other entries or settings."""

    def start(records: Any = None, **changes: Any) -> Any:
        if records is None:
            records = [*ENTRIES, *many(120)]
        directory = tmp_path_factory.mktemp("vzd")
        return start_role(
            "simulators.vzd", settings(vzd_certificates, directory, records, **changes)
        )

    return start


@pytest.fixture(scope="session")
def running_vzd(start_vzd: Callable[..., Any]) -> Any:
    return start_vzd()


@pytest.fixture
def vzd(running_vzd: Any) -> Any:
    """Return the shared directory, set back to its start."""
    running_vzd.ask("POST", "/reset")
    return running_vzd


@pytest.fixture
def connect(vzd_certificates: PkiTree) -> Callable[[Any], Dialogue]:
    """Return a function that opens a connection to a running directory."""
    return lambda role: Dialogue(role.address("ldap"), vzd_certificates.ca)


@pytest.fixture
def dialogue(vzd: Any, connect: Callable[[Any], Dialogue]) -> Iterator[Dialogue]:
    with connect(vzd) as opened:
        yield opened
