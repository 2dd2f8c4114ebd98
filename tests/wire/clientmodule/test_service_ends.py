"""Start and end of the process ``python -m clientmodule``."""

from __future__ import annotations

import json
import poplib
import re
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from clientmodule.settings import ClientModuleSettings
from simulators.process.errors import InputError
from simulators.process.settings import read_settings
from simulators.process.tls import load_pkcs12

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

ROOT = Path(__file__).resolve().parents[3]


def settings_of(kim: World, site: str) -> dict[str, Any]:
    """Return the settings of a client module of the world, without its ports and directory."""
    written = (kim.directory / "settings" / f"clientmodule-{site}.json").read_text()
    settings: dict[str, Any] = json.loads(written)
    del settings["data_dir"]
    settings["listeners"] = {"smtp": {}, "pop3": {}}
    return settings


def test_sigterm_with_idle_sessions(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """Idle client systems do not keep it, and it ends without a traceback."""
    role = start_role("clientmodule", settings_of(kim, "praxis"))
    sessions = []
    for _ in range(5):
        smtp = smtplib.SMTP_SSL(*role.address("smtp"), timeout=20, context=kim.context)
        smtp.login(*kim.user("praxis"))
        sessions.append(smtp)
    assert role.stop() == 0
    assert "Traceback" not in role.log()
    for smtp in sessions:
        smtp.close()


@pytest.mark.requirement("KOM-LE-A_2066", "KOM-LE-A_2067")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tls": None}, "tls: certificate and key are needed"),
        ({"client_tls": False, "allow_all_addresses": True}, "on loopback only"),
        ({"konnektors": {}}, "konnektors: needs the entry 'default'"),
        ({"domains": [".kim.telematik"]}, "domains of the real TI"),
        ({"release": "neu"}, "release"),
        ({"unbekannt": 1}, "unbekannt"),
    ],
)
def test_settings_that_cannot_be(
    kim: World, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(
        json.dumps({**settings_of(kim, "praxis"), "data_dir": str(tmp_path / "data"), **change})
    )
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        read_settings(ClientModuleSettings, file)
    assert "\n" not in str(refused.value)


@pytest.mark.requirement("A_18783")
def test_wrong_password_of_the_konnektor_key(kim: World, tmp_path: Path) -> None:
    settings = settings_of(kim, "praxis")
    settings["konnektors"]["default"]["client_certificate_password"] = "falsch"
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({**settings, "data_dir": str(tmp_path / "data")}))
    done = subprocess.run(
        [sys.executable, "-m", "clientmodule", "--settings", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not readable as PKCS#12" in done.stderr


@pytest.mark.requirement("KOM-LE-A_2066", "KOM-LE-A_2067", "KOM-LE-A_2181")
def test_client_certificate_of_the_practice_software(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """KOM-LE-A_2066, 2067: with client_ca set, a client system without certificate is sent away."""
    settings = settings_of(kim, "praxis")
    authority = Path(settings["ca"]).with_name("clients-ca.pem")
    role = start_role("clientmodule", {**settings, "client_ca": str(authority)})
    without = ssl.create_default_context(cafile=str(kim.directory / "ca.pem"))
    refusals = (ssl.SSLError, ConnectionError, smtplib.SMTPServerDisconnected, poplib.error_proto)
    with pytest.raises(refusals):
        smtplib.SMTP_SSL(*role.address("smtp"), timeout=20, context=without)
    with pytest.raises(refusals):
        poplib.POP3_SSL(*role.address("pop3"), timeout=20, context=without)
    access = kim.endpoints.sites["praxis"].konnektor
    assert access.client_certificate is not None
    known = ssl.create_default_context(cafile=str(kim.directory / "ca.pem"))
    load_pkcs12(
        known, kim.directory / access.client_certificate, access.client_certificate_password or ""
    )
    with smtplib.SMTP_SSL(*role.address("smtp"), timeout=20, context=known) as smtp:
        assert smtp.login(*kim.user("praxis"))[0] == 235
    assert role.stop() == 0
    assert "Traceback" not in role.log()


@pytest.mark.requirement("KOM-LE-A_2065", "KOM-LE-A_2301-02", "A_18783")
def test_the_provider_s_pkcs12_towards_client_systems(
    kim: World, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    """The key of the account's PKCS#12, protected by a password, serves client systems, too."""
    settings = settings_of(kim, "praxis")
    given = settings["accounts"][kim.address("praxis")]
    role = start_role("clientmodule", {**settings, "tls": given})
    _, certificate, _ = pkcs12.load_key_and_certificates(
        Path(given["pkcs12"]).read_bytes(), given["password"].encode()
    )
    assert certificate is not None
    served = ssl.get_server_certificate(role.address("smtp"), timeout=20)
    assert x509.load_pem_x509_certificate(served.encode()) == certificate
