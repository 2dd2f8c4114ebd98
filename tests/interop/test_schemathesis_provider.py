"""Schemathesis with gematik's OpenAPI against Account Manager, AccountLimit, ServiceInformation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from simulators.pki.tree import PkiTree
from tests.account_manager_site import OWNED, AccountSite, b64, start_site
from tests.mail_providers import PASSWORD

BASES = {
    "AccountManager": "/AccountMgmt/v2.4",
    "AccountLimit": "/AccountLimit/v1.1",
    "ServiceInformation": "/ServiceInformation/v1.0",
}
# Valid by the schema, but refused by what the OpenAPI says in prose: the rules for names and
# passwords (420), the KIM version (422), codes (401), the order of the dates of a note (400).
EXCLUDED = "positive_data_acceptance"
ALL_PHASES = "examples,coverage,fuzzing,stateful"
PARAMETERS = f"""
[parameters]
"path.username" = "{OWNED}"
"header.password" = "{b64(PASSWORD)}"
"""


@pytest.fixture(scope="module")
def site(
    start_role: Callable[..., Any],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AccountSite:
    return start_site(
        *(start_role, free_port, pki_cache, tmp_path_factory.mktemp("directory")),
        profile={"profile": "gematik", "jwt_expiration": 21_600},
    )


def as_pem(tree: PkiTree, directory: Path) -> tuple[Path, Path]:
    """Return certificate and key of the client module as the PEM files that Python clients take."""
    file = tree.kim_certificate("praxis")
    key, certificate, _ = pkcs12.load_key_and_certificates(
        file.path.read_bytes(), file.password.encode()
    )
    assert key is not None
    assert certificate is not None
    paths = directory / "cm.crt.pem", directory / "cm.key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@pytest.mark.parametrize(
    ("interface", "known", "examples", "phases"),
    [
        ("AccountManager", True, 2, ALL_PHASES),
        ("AccountManager", False, 10, "fuzzing"),
        ("AccountLimit", True, 10, ALL_PHASES),
        ("ServiceInformation", True, 10, ALL_PHASES),
    ],
)
def test_schemathesis_finds_no_violation(
    site: AccountSite,
    spec: Callable[[str], Path],
    pki_cache: Path,
    tmp_path: Path,
    interface: str,
    *,
    known: bool,
    examples: int,
    phases: str,
) -> None:
    """With *known* it is told an account and its password, else it guesses them.

    Tables of characters, which take Hypothesis longer than some runs, are kept.
    """
    site.reset()
    certificate, key = as_pem(site.tree, tmp_path)
    config = tmp_path / "parameters.toml"
    config.write_text(PARAMETERS if known else "")
    authorization = (
        f"Basic {b64(f'{OWNED}:{PASSWORD}')}"
        if interface == "AccountLimit"
        else f"Bearer {site.token()}"
    )
    host, port = site.provider.role.address("rest")
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", config),
            *("run", spec(f"api-kim/openapi/{interface}.yaml")),
            *("--url", f"https://{host}:{port}{BASES[interface]}", "--tls-verify", site.tree.ca),
            *("--request-cert", certificate, "--request-cert-key", key),
            *(["-H", f"Authorization: {authorization}"]),
            *("--phases", phases, "--exclude-checks", EXCLUDED, "--max-examples", str(examples)),
            *("--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(pki_cache / "hypothesis")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in site.provider.role.log()
