"""The client module alone, by the settings that its documentation shows."""

from __future__ import annotations

import json
import poplib
import re
import smtplib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clientmodule.settings import ClientModuleSettings
from simulators.process.described import description
from simulators.process.errors import InputError
from simulators.process.settings import read_settings

if TYPE_CHECKING:
    from tests.clientmodule_world import World

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "clientmodule.md"


def example() -> dict[str, Any]:
    """Return the settings that the page shows."""
    found = re.search(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert found is not None
    content: dict[str, Any] = yaml.safe_load(found[1])
    return content


def written(kim: World, directory: Path, ports: dict[str, int]) -> Path:
    """Write the page's settings for the Konnektor and the provider of the world, as a user would.

    Files lie beside the settings and are named without a directory.
    """
    site, account = kim.endpoints.sites["praxis"], kim.endpoints.participants["praxis"]
    provider = kim.endpoints.providers["erst.kim.telematik-test"]
    content = example()
    access = content["konnektors"]["default"]
    access["KONNEKTOR_URI"] = site.konnektor.service_directory
    access["ldap"] = site.konnektor.ldap
    access["client_certificate_password"] = site.konnektor.client_certificate_password
    (identity,) = content["accounts"].values()
    identity["password"] = account.kim_certificate_password
    (directory / "kaputt.p12").write_bytes(b"kein PKCS#12")
    content["accounts"] = {
        "andere@erst.kim.telematik-test": {"pkcs12": "kaputt.p12", "password": ""},
        account.address: identity,
    }
    content["account_limit"] = {"erst.kim.telematik-test": provider.account_limit}
    content["listeners"] = {name: {"port": port} for name, port in ports.items()}
    files = {
        content["ca"]: kim.directory / "ca.pem",
        access["ca"]: kim.directory / "ca.pem",
        access["client_certificate"]: kim.directory / str(site.konnektor.client_certificate),
        identity["pkcs12"]: kim.directory / str(account.kim_certificate),
    }
    for name, source in files.items():
        (directory / name).write_bytes(source.read_bytes())
    file = directory / "clientmodule.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.mark.requirement("KOM-LE-A_2003", "KOM-LE-A_2091-01")
def test_as_documented(kim: World, tmp_path: Path, free_port: Callable[[], int]) -> None:
    """From the page's example to a mail that is sent and fetched, started from elsewhere."""
    ports = {"smtp": free_port(), "pop3": free_port()}
    file = written(kim, tmp_path, ports)
    command = [sys.executable, "-m", "clientmodule", "--settings", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "ready" not in said:
                said += (line := process.stderr.readline())
                assert line, said
            address = kim.address("praxis")
            with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=20) as smtp:
                smtp.login(*kim.user("praxis"))
                smtp.send_message(kim.mail("praxis", "praxis"), address, [address])
            kim.stored("praxis")
            pop3 = poplib.POP3("127.0.0.1", ports["pop3"], timeout=20)
            user, password = kim.pop3_user("praxis")
            pop3.user(user)
            pop3.pass_(password)
            assert b"X-KIM-IntegrityCheckResult: 01" in pop3.retr(1)[1]
            pop3.quit()
        finally:
            process.terminate()
        said += process.stderr.read()
        assert process.wait(20) == 0
    assert f"{tmp_path / 'kaputt.p12'}: not readable as PKCS#12" in said
    assert "Traceback" not in said
    assert (tmp_path / "data" / "logs").is_dir(), "beside the settings file"


def test_the_page_names_every_setting() -> None:
    page = PAGE.read_text(encoding="utf-8")
    keys = {line.split()[0] for line in description(ClientModuleSettings) if "  " in line}
    for key in keys:
        name = key.partition(".")[0]
        if name in ClientModuleSettings.model_fields:
            assert re.search(rf"\b{name}\b", page), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KONNEKTOR_TIMOUT": 30}, "KONNEKTOR_TIMOUT: there is no such setting"),
        ({"konnektor_timeout": 30}, "konnektor_timeout and KONNEKTOR_TIMEOUT are the same setting"),
        ({"KONNEKTOR_TIMEOUT": "lang"}, "konnektor_timeout: Input should be a valid number"),
        ({"ca": None}, "ca: Input is not a valid path"),
        ({"client_tls": True}, "top level: tls: certificate and key are needed"),
        ({"names": "nirgends"}, "names: "),
        ({"accounts": {"a@b": {"pkcs12": "x"}}}, "accounts.a@b.password: is needed"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = tmp_path / "clientmodule.json"
    file.write_text(json.dumps({**example(), **change}))
    with pytest.raises(InputError) as refused:
        read_settings(ClientModuleSettings, file)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_trust_that_is_not_there(kim: World, tmp_path: Path, free_port: Callable[[], int]) -> None:
    file = written(kim, tmp_path, {"smtp": free_port(), "pop3": free_port()})
    (tmp_path / example()["ca"]).unlink()
    done = subprocess.run(
        [sys.executable, "-m", "clientmodule", "--settings", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{tmp_path / example()['ca']}: cannot be used as trust" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(kim: World, tmp_path: Path, free_port: Callable[[], int]) -> None:
    host, _, port = kim.endpoints.sites["kasse"].clientmodule.smtp.rpartition(":")  # type: ignore[union-attr]
    file = written(kim, tmp_path, {"smtp": int(port), "pop3": free_port()})
    done = subprocess.run(
        [sys.executable, "-m", "clientmodule", "--settings", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"listeners.smtp: {host}:{port}" in done.stderr
    assert "Traceback" not in done.stderr
