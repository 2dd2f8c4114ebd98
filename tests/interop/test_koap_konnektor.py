"""koap 0.4.0, a Konnektor client nobody here wrote, in an environment of its own.

It pins pydantic 1; ``.ci/run`` makes the environment in ``build/koap``, ``KIMULATOR_KOAP`` names
another Python that has it. koap brings the official WSDLs. Its receiver of CETP needs
requests-pkcs12 before 1.19. What it cannot: it looks for the WSDL of a SignatureService under a
name that the official files do not have, and takes that of 7.4.0 instead: 7.4 without Crypt, and
7.5 not at all.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .konnektor_calls import CALLS, SIGNATURE_5
from .konnektor_practice import practice_pki, start_practice

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("KIMULATOR_KOAP") or ROOT / "build" / "koap" / "bin" / "python")
CALLED = ["-".join((*service, name)) for service, calls in CALLS.items() for name in calls]


@pytest.fixture(scope="module", params=["cert", "basic"])
def outcome(
    request: Any, start_role: Callable[..., Any], pki_cache: Path, tmp_path_factory: Any
) -> dict[str, str]:
    """Return what became of each call: an error, or nothing."""
    if not PYTHON.exists():
        reason = f"no koap at {PYTHON}; .ci/run makes it, KIMULATOR_KOAP names another Python"
        if os.environ.get("KIMULATOR_TOOLS_EXPECTED"):
            pytest.fail(reason)
        pytest.skip(reason)
    pki = practice_pki(pki_cache)
    authentication = {"cert": "certificate", "basic": "basic"}[request.param]
    role = start_practice(start_role, pki, authentication)
    host, port = role.address("soap")
    identity = pki.client("pvs")
    environment = {
        "PATH": os.environ["PATH"],
        "REQUESTS_CA_BUNDLE": str(pki.ca),
        "konnektor_base_url": f"https://{host}:{port}",
        "konnektor_mandant_id": "m1",
        "konnektor_client_system_id": "cs1",
        "konnektor_workplace_id": "w1",
        "konnektor_user_id": "eva",
        "konnektor_auth_method": request.param,
        "konnektor_auth_basic_username": "pvs",
        "konnektor_auth_basic_password": "geheim",
        "konnektor_auth_cert_p12_filename": str(identity.path),
        "konnektor_auth_cert_p12_password": identity.password,
    }
    done = subprocess.run(
        [str(PYTHON), "koap_client.py", role.control],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("called", [*CALLED, "CETP"])
def test_call(outcome: dict[str, str], called: str) -> None:
    if called.startswith("-".join(SIGNATURE_5)):
        assert "No binding found" in outcome[called]  # of its own making: nothing was sent
    else:
        assert outcome[called] == ""
