"""The practice's Konnektor for tests at the wire; every test finds it as it was started."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.formats.signed_data import Signer, key_signer
from simulators.pki.tree import PkiTree
from tests.fault_coverage import reached_by
from tests.konnektor_site import SEEN, Site, site_pki, site_settings


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that does not reach the codes for which ``fault_coverage.csv`` names it."""
    result = yield
    missing = reached_by(item.nodeid) - SEEN[item.nodeid]
    if missing:
        pytest.fail(f"fault_coverage.csv says that this test reaches {sorted(missing)}")
    return result


@pytest.fixture(scope="session")
def site_certificates(pki_cache: Path) -> PkiTree:
    """Return cards and certificates of the practice."""
    return site_pki(pki_cache)


@pytest.fixture(scope="session")
def ocsp(start_role: Callable[..., Any], site_certificates: PkiTree) -> Any:
    """Return the running OCSP responder of the practice's certificates."""
    settings = {"pki": str(site_certificates.directory), "listeners": {"ocsp": {}}}
    return start_role("simulators.pki", settings)


@pytest.fixture(scope="session")
def start_site(
    start_role: Callable[..., Any],
    site_certificates: PkiTree,
    ocsp: Any,
    spec: Callable[[str], Path],
) -> Callable[..., Site]:
    """Return a function that starts a Konnektor with changed settings, or gives one that runs
    with the same ones already, set back to its start.
    """
    running: dict[str, Any] = {}

    def start(*, client: str | None = "pvs", **changes: Any) -> Site:
        host, port = ocsp.address("ocsp")
        changes = {"ocsp_url": f"http://{host}:{port}/ocsp", **changes}
        settings = site_settings(site_certificates, **changes)
        asked = json.dumps(settings, sort_keys=True, default=str)
        role = running.get(asked)
        if role is None or role.process.poll() is not None:
            role = running[asked] = start_role("simulators.konnektor", settings)
        else:
            role.ask("POST", "/reset")
        return Site(role, site_certificates, client, schemas=spec)

    return start


@pytest.fixture(scope="session")
def running_site(start_site: Callable[..., Site]) -> Site:
    """Return the Konnektor with mutual TLS that most tests share."""
    return start_site()


@pytest.fixture
def site(running_site: Site, ocsp: Any) -> Iterator[Site]:
    """Return the shared Konnektor, set back to its start."""
    running_site.role.ask("POST", "/reset")
    yield running_site
    ocsp.ask("POST", "/reset")


@pytest.fixture(scope="session")
def foreign_signer() -> Signer:
    """Return a signer whose certificate nobody issued but its own key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fremd TEST-ONLY")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key_signer(certificate, key)
