"""Clients that nobody here wrote meet the KAS: curl, and schemathesis with gematik's OpenAPI."""

from __future__ import annotations

import json
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

from tests.clientmodule_world import World
from tests.conftest import RunningRole
from tests.kas_client import KasClient, in_days
from tests.mail_providers import (
    FACHARZT,
    KLINIK,
    KV,
    PASSWORD,
    PRAXIS,
    RunningProvider,
    issue_certificates,
    provider_settings,
)

# Valid by the schema, but refused by what stands in prose: dates of RFC 5322, KIM addresses.
EXCLUDED = "positive_data_acceptance"
CONFIGURATION = """
[parameters]
"path.attachmentId" = "{link}"

# The OpenAPI has 404 and nothing else for HEAD, also when the header is missing.
[[operations]]
include-method = "HEAD"
checks.missing_required_header.enabled = false
"""


@pytest.fixture(scope="module")
def kas(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    pki_cache: Path,
) -> KasClient:
    tree = issue_certificates(pki_cache)
    settings = provider_settings(tree, "kv", KV, [PRAXIS, FACHARZT])
    # schemathesis sends no Content-Length in the parts of a form
    settings["kas"] = {"require_part_length": False, "max_downloads": 9}
    settings["listeners"] = {name: {"port": free_port()} for name in ("smtp", "pop3", "rest")}
    return KasClient(RunningProvider(start_role("simulators.mailserver", settings), tree, KV))


def identity(kas: KasClient) -> tuple[Path, Path]:
    found = kas.provider.tree.tls("arv")
    return found.certificate, found.key


def base(kas: KasClient) -> str:
    return "https://{}:{}/attachments/v2.4".format(*kas.provider.role.address("rest"))


def curl(kas: KasClient, tool: Callable[[str], str], *arguments: object) -> tuple[int, bytes]:
    """Return status and body of what curl is told."""
    certificate, key = identity(kas)
    command = [
        *(tool("curl"), "--silent", "--show-error", "--max-time", 30),
        *("--cacert", kas.provider.tree.ca, "--cert", certificate, "--key", key),
        *("--write-out", "\n%{http_code}", *arguments),
    ]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, timeout=60, check=False
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


def upload(kas: KasClient, tool: Callable[[str], str], file: Path) -> tuple[int, bytes]:
    length = f'headers="Content-Length: {file.stat().st_size}"'
    return curl(
        *(kas, tool, "--user", f"{PRAXIS}:{PASSWORD}", f"{base(kas)}/attachment/"),
        *("-F", "messageID=bde36ec8@example", "-F", f"expires={in_days(20)}"),
        *("-F", f"recipients={FACHARZT}", "-F", f"recipients={KLINIK}"),
        *("-F", f"attachment=@{file};type=application/octet-stream;{length}"),
    )


def test_curl_uploads_and_downloads(
    kas: KasClient, tool: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "attachment.enc"
    file.write_bytes(os.urandom(5 << 20))  # large enough for Expect: 100-continue
    status, body = upload(kas, tool, file)
    assert status == 201
    link = json.loads(body)["sharedLink"]
    for recipient, expected in ((KLINIK, 200), (PRAXIS, 403)):
        got = tmp_path / "got"
        status, _ = curl(kas, tool, link, "-H", f"recipient: {recipient}", "--output", got)
        assert status == expected
        assert (got.read_bytes() == file.read_bytes()) == (expected == 200)
    status, head = curl(kas, tool, link, "--head", "-H", f"recipient: {FACHARZT}")
    assert status == 200
    assert f"Content-Length: {5 << 20}".encode() in head
    login = ("--user", f"{PRAXIS}:{PASSWORD}")
    assert [curl(kas, tool, link, "-X", "DELETE", *login)[0] for _ in range(2)] == [200, 404]


def test_curl_is_told_413_before_it_sends(
    kas: KasClient, tool: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "attachment.enc"
    with file.open("wb") as sparse:
        sparse.truncate(734_003_201)
    status, body = upload(kas, tool, file)
    assert status == 413
    assert json.loads(body)["message"] == "Payload Too Large"
    assert kas.files() == []


def test_schemathesis_finds_no_violation(
    kas: KasClient, spec: Callable[[str], Path], tmp_path: Path
) -> None:
    link = kas.upload(b"data").link
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIGURATION.format(link=link))
    certificate, key = identity(kas)
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", config),
            *("run", spec("api-kim/openapi/AttachmentService.yaml"), "--url", base(kas)),
            *("--auth", f"{PRAXIS}:{PASSWORD}", "--tls-verify", kas.provider.tree.ca),
            *("--request-cert", certificate, "--request-cert-key", key),
            *("--exclude-checks", EXCLUDED, "--max-examples", "5", "--seed", "1", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in kas.provider.role.log()


def pem(kim: World, participant: str, directory: Path) -> Path:
    """Return certificate and key with which the participant's client module meets providers."""
    told = kim.endpoints.participants[participant]
    assert told.kim_certificate is not None
    assert told.kim_certificate_password is not None
    key, certificate, _ = pkcs12.load_key_and_certificates(
        kim.endpoints.file(told.kim_certificate).read_bytes(),
        told.kim_certificate_password.encode(),
    )
    assert key is not None
    assert certificate is not None
    path = directory / f"{participant}.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def test_link_of_a_world_is_read_by_a_recipient_of_another_provider(
    kim: World, tool: Callable[[str], str], tmp_path: Path
) -> None:
    sender, recipient = (kim.endpoints.participants[name] for name in ("praxis", "kasse"))
    kas = kim.endpoints.providers["erst.kim.telematik-test"].kas

    def ask(participant: str, *arguments: str) -> bytes:
        tls = ("--cacert", kim.endpoints.file("ca.pem"), "--cert", pem(kim, participant, tmp_path))
        command = [tool("curl"), "-sSf", "--max-time", "30", *tls, *arguments]
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout

    (tmp_path / "attachment.enc").write_bytes(b"Geheimtext")
    part = 'type=application/octet-stream;headers="Content-Length: 10"'
    answer = ask(
        *("praxis", f"{kas}/attachment/", "--user", f"{sender.address}:{sender.password}"),
        *("-F", "messageID=1@cm.test", "-F", f"expires={in_days(1)}"),
        *("-F", f"recipients={recipient.address}"),
        *("-F", f"attachment=@{tmp_path / 'attachment.enc'};{part}"),
    )
    link = json.loads(answer)["sharedLink"]
    assert link.startswith(f"{kas}/attachment/")
    assert ask("kasse", link, "-H", f"recipient: {recipient.address}") == b"Geheimtext"
