"""What the client module is delivered with: the parameters of Tab_Konf_Param, and no keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clientmodule.settings import ClientModuleSettings, KonnektorAccess
from simulators.process.errors import InputError
from simulators.process.settings import read_settings

ROOT = Path(__file__).resolve().parents[3]
TABLE = {
    "konnektor_timeout": 60,
    "smtp_timeout_server": 5 * 60,
    "smtp_timeout_client": 5 * 60,
    "pop3_timeout_server": 5 * 60,
    "pop3_timeout_client": 5 * 60,
    "ttl_enc_cert_hours": 12,
    "ttl_email_iccsn_days": 30,
    "ttl_prots_days": 30,
    "prot_perf": True,
    "cm_kas_timeout": 30,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def settings(file: Path, **change: object) -> ClientModuleSettings:
    access = {"service_directory": "https://k/connector.sds", "ldap": "ldaps://k"}
    content: dict[str, object] = {
        "name": "clientmodule",
        "data_dir": str(file.parent / "data"),
        "ca": str(file),
        "client_tls": False,
        "konnektors": {"default": {**access, "client_certificate": str(file)}},
        **change,
    }
    file.write_text(json.dumps(content))
    return read_settings(ClientModuleSettings, file)


@pytest.mark.requirement("KOM-LE-A_2184", "KOM-LE-A_2071")
def test_the_defaults_are_those_of_the_table(file: Path) -> None:
    delivered = settings(file)
    assert {name: getattr(delivered, name) for name in TABLE} == TABLE
    assert delivered.konnektors["default"].authentication == "certificate"


@pytest.mark.requirement("KOM-LE-A_2091-01")
def test_each_parameter_can_be_set_in_the_file(file: Path) -> None:
    changed = {name: False if value is True else value * 2 for name, value in TABLE.items()}
    read = settings(file, **changed)
    assert {name: getattr(read, name) for name in TABLE} == changed
    assert {"service_directory", "authentication"} <= set(KonnektorAccess.model_fields)


@pytest.mark.requirement("KOM-LE-A_2300")
def test_no_key_is_shipped() -> None:
    """Neither as PEM nor as PKCS#12, in whatever file of the packages that are installed."""
    packages = [ROOT / name for name in ("clientmodule", "simulators", "scenarios")]
    files = [path for package in packages for path in package.rglob("*") if path.is_file()]
    shipped = [path for path in files if "__pycache__" not in path.parts]
    assert len(shipped) > 100
    for path in shipped:
        assert path.suffix not in (".p12", ".pfx", ".pem", ".key", ".jks"), path
        assert b"PRIVATE KEY-----\nM" not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["account_manager", "account_limit", "kas"])
def test_no_password_is_sent_without_tls(file: Path, name: str) -> None:
    domain = "anbieter.kim.telematik-test"
    assert settings(file, **{name: {domain: "https://anbieter.example/x"}})
    with pytest.raises(InputError, match="expected an https URL"):
        settings(file, **{name: {domain: "http://anbieter.example/x"}})
