"""Schemathesis with gematik's OpenAPI against the directory's maintenance interfaces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.vzd_maintenance import (
    ADMINISTRATION,
    APPLICATION,
    DOMAIN,
    Client,
    maintenance_pki,
    maintenance_settings,
)

# Valid by the schema, but refused by what the OpenAPI says in prose (addresses, versions, holders).
EXCLUDED = "positive_data_acceptance"
PARAMETERS = f"""
[parameters]
"path.telematikID" = "1-20012345678"
"path.fad" = "{DOMAIN}"
"path.uid" = "praxis"

# The OpenAPI describes a JSON body for 204, which HTTP does not allow.
[[operations]]
include-operation-id = "stateSwitch_Directory_Entry"
checks.content_type_conformance.enabled = false
checks.response_schema_conformance.enabled = false
"""


@pytest.mark.parametrize("interface", [APPLICATION, ADMINISTRATION])
def test_schemathesis_finds_no_violation(
    start_role: Callable[..., Any],
    spec: Callable[[str], Path],
    pki_cache: Path,
    tmp_path: Path,
    interface: str,
) -> None:
    vzd = start_role("simulators.vzd", maintenance_settings(pki_cache, tmp_path))
    tree = maintenance_pki(pki_cache)
    (tmp_path / "parameters.toml").write_text(PARAMETERS)
    host, port = vzd.address("rest")
    if interface == ADMINISTRATION:
        answer = Client((host, port), tree).log_in("tsp")
        known = ["-H", f"Authorization: Bearer {answer.content['access_token']}"]
    else:
        identity = tree.tls("dox")
        known = ["--request-cert", identity.certificate, "--request-cert-key", identity.key]
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file"),
            *(tmp_path / "parameters.toml", "run", spec(f"api-vzd/{interface[1:]}.yaml")),
            *("--url", f"https://{host}:{port}{interface}", "--tls-verify", tree.ca, *known),
            *("--exclude-checks", EXCLUDED, "--max-examples", "2", "--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(pki_cache / "hypothesis")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in vzd.log()
