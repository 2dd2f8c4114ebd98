"""The KAS with its data in an object storage: moto's S3 server, in an environment of its own.

``.ci/run`` makes the environment in ``build/moto``, ``KIMULATOR_MOTO`` names another program.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, RunningRole
from tests.kas_client import KIND, PATH, KasClient, attachment, basic, fields, form
from tests.mail_providers import (
    FACHARZT,
    KV,
    PRAXIS,
    RunningProvider,
    issue_certificates,
    provider_settings,
    wait_until,
)

SERVER = Path(os.environ.get("KIMULATOR_MOTO") or ROOT / "build" / "moto" / "bin" / "moto_server")
MB = 1 << 20


@dataclass
class Storage:
    """The object storage and the bucket ``kas`` in it, looked at over plain HTTP."""

    url: str

    def ask(self, method: str, path: str) -> str:
        request = urllib.request.Request(f"{self.url}/kas{path}", method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.read().decode()

    def keys(self) -> list[str]:
        return re.findall(r"<Key>(.*?)</Key>", self.ask("GET", "?list-type=2"))

    def uploads(self) -> list[str]:
        return re.findall(r"<UploadId>(.*?)</UploadId>", self.ask("GET", "?uploads"))


@pytest.fixture(scope="module")
def storage(free_port: Callable[[], int], tmp_path_factory: Any) -> Iterator[Storage]:
    if not SERVER.exists():
        reason = f"no moto at {SERVER}; .ci/run makes it, KIMULATOR_MOTO names another"
        if os.environ.get("KIMULATOR_TOOLS_EXPECTED"):
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    with subprocess.Popen(
        [SERVER, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log
    ) as process:
        found = Storage(f"http://127.0.0.1:{port}")

        def made() -> bool:
            try:
                found.ask("PUT", "")
            except OSError:
                return False
            return True

        wait_until(made)
        yield found
        process.terminate()


@pytest.fixture(scope="module")
def kas(
    storage: Storage,
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KasClient]:
    credentials = tmp_path_factory.mktemp("s3") / "credentials"
    credentials.write_text("[default]\naws_access_key_id=test\naws_secret_access_key=geheim\n")
    tree = issue_certificates(pki_cache)
    settings = provider_settings(tree, "kv", KV, [PRAXIS, FACHARZT])
    settings["listeners"] = {name: {"port": free_port()} for name in ("smtp", "pop3", "rest")}
    settings["kas"] = {
        "storage": "s3://kas/kv",
        "s3": {"endpoint": storage.url, "credentials": str(credentials)},
        "idle_seconds": 2,
    }
    role = start_role("simulators.mailserver", settings)
    yield KasClient(RunningProvider(role, tree, KV))
    assert "Traceback" not in role.log()
    assert "geheim" not in role.log()


@pytest.mark.parametrize("size", [0, 1000, 8 * MB, 20 * MB + 1])
def test_objects_come_back_as_they_went(kas: KasClient, storage: Storage, size: int) -> None:
    data = os.urandom(size)
    link = kas.upload(data).link
    assert storage.keys() == [f"kv/{link}"]
    assert kas.read(link).body == data
    assert kas.delete(link).status == 200
    assert storage.keys() == []
    assert storage.uploads() == []


def begin(kas: KasClient, size: int, sent: int) -> http.client.HTTPSConnection:
    """Send the first *sent* bytes of an upload of *size* bytes."""
    body = form([*fields(), attachment(bytes(size))])
    headers = {
        "Content-Type": KIND,
        "Content-Length": str(len(body)),
        **basic(PRAXIS),
    }
    connection = kas.connect()
    connection.request("POST", PATH, body[:sent], headers)
    return connection


def test_a_broken_upload_leaves_nothing(kas: KasClient, storage: Storage) -> None:
    connection = begin(kas, 20 * MB, 12 * MB)
    wait_until(lambda: storage.uploads() != [])
    connection.close()
    wait_until(lambda: storage.uploads() == [])
    assert (storage.keys(), kas.stored()) == ([], [])


def test_what_a_killed_process_left_is_cleaned_up(kas: KasClient, storage: Storage) -> None:
    stays = kas.upload(b"stays").link
    connection = begin(kas, 20 * MB, 12 * MB)
    wait_until(lambda: storage.uploads() != [])
    kas.provider.role.kill()
    connection.close()
    assert len(storage.uploads()) == 1
    kas.provider.role.restart()
    assert (storage.keys(), storage.uploads()) == ([f"kv/{stays}"], [])
    assert kas.read(stays).body == b"stays"
    assert kas.provider.role.ask("POST", "/reset")[0] == 204
    assert storage.keys() == []


def test_a_large_transfer_needs_little_memory(kas: KasClient) -> None:
    def most() -> int:
        status = Path(f"/proc/{kas.provider.role.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    kas.read(kas.upload(bytes(9 * MB)).link)
    before = most()
    link = kas.upload(bytes(64 * MB)).link
    assert len(kas.read(link).body) == 64 * MB
    assert most() - before < 32 * MB
    assert kas.provider.role.ask("POST", "/reset")[0] == 204


def test_an_object_that_is_gone_is_500(
    kas: KasClient, storage: Storage, tool: Callable[[str], str]
) -> None:
    link = kas.upload(b"data").link
    signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "test:geheim")
    subprocess.run(
        [tool("curl"), "-sSf", *signed, "-X", "DELETE", f"{storage.url}/kas/kv/{link}"], check=True
    )
    assert kas.read(link).status == 500
    assert kas.provider.role.ask("POST", "/reset")[0] == 204


def test_a_bucket_that_is_not_there_is_one_line(
    kas: KasClient, start_role: Callable[[str, dict[str, Any]], RunningRole]
) -> None:
    settings = {k: v for k, v in kas.provider.role.settings.items() if k != "data_dir"}
    settings["listeners"] = {}
    settings["kas"] = {**settings["kas"], "storage": "s3://other/kv"}
    with pytest.raises(AssertionError, match="s3://other/kv: cannot be used as storage") as failed:
        start_role("simulators.mailserver", settings)
    assert "Traceback" not in str(failed.value)
