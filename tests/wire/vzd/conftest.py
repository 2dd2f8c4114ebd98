"""The directory for tests at the wire; every test finds it as it was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree
from tests.vzd_maintenance import Client, logged_in, maintenance_pki, maintenance_settings
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


@pytest.fixture(scope="session")
def running_maintained(
    start_role: Callable[..., Any], pki_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    records = [*ENTRIES, *(own(number) for number in range(130))]
    directory = tmp_path_factory.mktemp("maintained")
    return start_role("simulators.vzd", maintenance_settings(pki_cache, directory, records))


def own(number: int) -> dict[str, Any]:
    """Return an entry of the holder kammer, without certificate."""
    attributes = {
        "telematikID": [f"1-1{number:04d}"],
        "displayName": [f"Eigene {number:04d}"],
        "holder": ["kammer"],
        "professionOID": ["1.2.276.0.76.4.50"],
    }
    return {"uid": f"own{number:04d}", "attributes": attributes, "certificates": []}


@pytest.fixture
def maintained(running_maintained: Any) -> Any:
    """Return a directory that is maintained, set back to its start."""
    running_maintained.ask("POST", "/reset")
    return running_maintained


@pytest.fixture(scope="session")
def maintenance_tree(pki_cache: Path) -> PkiTree:
    return maintenance_pki(pki_cache)


@pytest.fixture
def provider(maintained: Any, maintenance_tree: PkiTree) -> Client:
    """Return the provider of the domain dox."""
    return Client(maintained.address("rest"), maintenance_tree, certificate="dox")


@pytest.fixture
def issuer(maintained: Any, maintenance_tree: PkiTree) -> Client:
    """Return the card issuer kammer, logged in."""
    return logged_in(maintained, maintenance_tree, "kammer")
