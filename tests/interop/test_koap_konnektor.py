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
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.tree import PkiTree

from .konnektor_calls import CALLS, EVENT, SIGNATURE_5
from .konnektor_practice import practice_pki, start_practice

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("KIMULATOR_KOAP") or ROOT / "build" / "koap" / "bin" / "python")
CALLED = ["-".join((*service, name)) for service, calls in CALLS.items() for name in calls]


@pytest.fixture(scope="module")
def koap(start_role: Callable[..., Any], pki_cache: Path) -> Callable[..., dict[str, str]]:
    """Return a function that has koap call services, and says what became of each call."""
    if not PYTHON.exists():
        reason = f"no koap at {PYTHON}; .ci/run makes it, KIMULATOR_KOAP names another Python"
        if os.environ.get("KIMULATOR_TOOLS_EXPECTED"):
            pytest.fail(reason)
        pytest.skip(reason)
    return partial(_run, start_role, practice_pki(pki_cache))


def _run(
    start_role: Callable[..., Any], pki: PkiTree, method: str, services: Iterable[str]
) -> dict[str, str]:
    role = start_practice(start_role, pki, "basic" if method == "basic" else "certificate")
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
        "konnektor_auth_method": method,
        "konnektor_auth_basic_username": "pvs",
        "konnektor_auth_basic_password": "geheim",
        "konnektor_auth_cert_p12_filename": str(identity.path),
        "konnektor_auth_cert_p12_password": identity.password,
    }
    done = subprocess.run(
        [str(PYTHON), "koap_client.py", role.control, *services],
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


@pytest.fixture(scope="module")
def outcome(koap: Callable[..., dict[str, str]]) -> dict[str, str]:
    """Return what became of every call with a client certificate."""
    return koap("cert", [name for name, _ in CALLS])


@pytest.mark.parametrize("called", [*CALLED, "CETP"])
def test_call(outcome: dict[str, str], called: str) -> None:
    if called.startswith("-".join(SIGNATURE_5)):
        assert "No binding found" in outcome[called]  # of its own making: nothing was sent
    else:
        assert outcome[called] == ""


def test_basic_authentication(koap: Callable[..., dict[str, str]]) -> None:
    found = koap("basic", [EVENT[0]])
    assert set(found) == {"-".join((*EVENT, name)) for name in CALLS[EVENT]} | {"CETP"}
    assert not any(found.values()), found
