"""Mail programs that nobody here wrote meet the provider: swaks, curl, fetchmail, openssl."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tests.conftest import RunningRole
from tests.mail_providers import (
    FACHARZT,
    KV,
    PASSWORD,
    PRAXIS,
    RunningProvider,
    issue_certificates,
    mail,
    provider_settings,
)

Tool = Callable[[str], str]


@pytest.fixture(scope="module")
def running(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    pki_cache: Path,
) -> RunningProvider:
    tree = issue_certificates(pki_cache)
    settings = provider_settings(tree, "kv", KV, [PRAXIS, FACHARZT])
    ports = {listener: {"port": free_port()} for listener in ("smtp", "pop3", "rest")}
    role = start_role("simulators.mailserver", {**settings, "listeners": ports})
    return RunningProvider(role, tree, KV)


@pytest.fixture
def kv(running: RunningProvider) -> Iterator[RunningProvider]:
    assert running.role.ask("POST", "/reset")[0] == 204
    yield running
    assert "Traceback" not in running.role.log()


@pytest.fixture
def identity(kv: RunningProvider, tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key of the client module as PEM files, as foreign tools want them."""
    file = kv.tree.kim_certificate("praxis")
    key, certificate, _ = pkcs12.load_key_and_certificates(
        file.path.read_bytes(), file.password.encode()
    )
    assert key is not None
    assert certificate is not None
    paths = tmp_path / "cm.crt", tmp_path / "cm.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def run(*command: object, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, input=text, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends(
    kv: RunningProvider, tool: Tool, identity: tuple[Path, Path], tmp_path: Path, mechanism: str
) -> None:
    address = "{}:{}".format(*kv.role.address("smtp"))
    (tmp_path / "mail").write_bytes(mail().replace(b"\r\n", b"\n"))
    tls = (
        f"{tool('openssl')} s_client -quiet -verify_quiet -connect {address} -CAfile {kv.tree.ca}"
        f" -verify_return_error -cert {identity[0]} -key {identity[1]}"
    )
    done = run(
        *(tool("swaks"), "--pipe", tls),  # its own TLS needs a Perl module that may be missing
        *("--auth", mechanism, "--auth-user", PRAXIS, "--auth-password", PASSWORD),
        *("--from", PRAXIS, "--to", FACHARZT, "--data", f"@{tmp_path / 'mail'}"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert kv.mails(FACHARZT)[0].rstrip().endswith(mail().rstrip())


def test_curl_sends_and_fetches(
    kv: RunningProvider, tool: Tool, identity: tuple[Path, Path], tmp_path: Path
) -> None:
    tls = ("--cacert", kv.tree.ca, "--cert", identity[0], "--key", identity[1])
    curl = (tool("curl"), "--silent", "--show-error", "--max-time", 30, *tls)
    body = b".Punkt\r\n" * 20_000
    (tmp_path / "mail").write_bytes(mail(body=body))
    smtp = "smtps://{}:{}/cm.test".format(*kv.role.address("smtp"))
    sent = run(
        *(*curl, smtp, "--mail-from", PRAXIS, "--mail-rcpt", FACHARZT),
        *("--user", f"{PRAXIS}:{PASSWORD}", "--upload-file", tmp_path / "mail"),
    )
    assert sent.returncode == 0, sent.stderr
    pop3 = "pop3s://{}:{}".format(*kv.role.address("pop3"))
    login = ("--user", f"{FACHARZT}:{PASSWORD}")
    listed = run(*curl, *login, f"{pop3}/")
    assert listed.stdout.split() == [b"1", str(kv.mailbox(FACHARZT)[0]["size"]).encode()]
    for options in ((), ("--login-options", "AUTH=PLAIN"), ("--sasl-ir",)):
        fetched = run(*curl, *login, *options, f"{pop3}/1")
        assert fetched.stdout == kv.mails(FACHARZT)[0], fetched.stderr
    deleted = run(*curl, *login, "--head", "--request", "DELE", f"{pop3}/1")
    assert deleted.returncode == 0, deleted.stderr
    assert kv.mailbox(FACHARZT) == []


def test_curl_asks_for_the_limits(
    kv: RunningProvider, tool: Tool, identity: tuple[Path, Path]
) -> None:
    url = "https://{}:{}/AccountLimit/v1.1/limit".format(*kv.role.address("rest"))
    done = run(
        *(tool("curl"), "--silent", "--fail", "--cacert", kv.tree.ca, "--cert", identity[0]),
        *("--key", identity[1], "--user", f"{PRAXIS}:{PASSWORD}", url),
    )
    assert b'"dataTimeToLive": 90' in done.stdout


def test_fetchmail_empties_the_mailbox(
    kv: RunningProvider, tool: Tool, identity: tuple[Path, Path], tmp_path: Path
) -> None:
    with kv.smtp(PRAXIS) as client:
        for number in range(3):
            text = mail(message_id=f"<{number}@cm.test>", body=b".\r\n..\r\n")
            client.sendmail(PRAXIS, [FACHARZT], text)
    _, port = kv.role.address("pop3")
    box = tmp_path / "box"
    configuration = tmp_path / "fetchmailrc"
    configuration.write_text(
        f'poll localhost service {port} proto pop3 uidl user "{FACHARZT}" password "{PASSWORD}"\n'
        f' ssl sslcertck sslcertfile "{kv.tree.ca}"\n'
        f' sslcert "{identity[0]}" sslkey "{identity[1]}"\n'
        f" nokeep fetchall no rewrite mda \"cat >> '{box}'\"\n",
        encoding="utf-8",
    )
    configuration.chmod(0o600)
    own = ("--idfile", tmp_path / "ids", "--pidfile", tmp_path / "pid", "-f", configuration)
    done = run(tool("fetchmail"), *own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert box.read_bytes().count(b"Message-ID: <") == 3
    assert kv.mailbox(FACHARZT) == []


@pytest.mark.parametrize("listener", ["smtp", "pop3", "rest"])
@pytest.mark.parametrize("protocol", ["-tls1_2", "-tls1_3"])
def test_openssl_completes_a_mutual_handshake(
    kv: RunningProvider,
    tool: Tool,
    identity: tuple[Path, Path],
    listener: str,
    protocol: str,
) -> None:
    address = "{}:{}".format(*kv.role.address(listener))
    client = (tool("openssl"), "s_client", "-connect", address, "-CAfile", kv.tree.ca, protocol)
    certificate = ("-cert", identity[0], "-key", identity[1])
    done = run(*client, "-verify_return_error", *certificate, text=b"QUIT\r\n")
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert b"Requested Signature Algorithms" in done.stdout, "a client certificate is asked for"


@pytest.mark.parametrize("protocol", ["-tls1", "-tls1_1"])
def test_openssl_gets_no_old_protocol(kv: RunningProvider, tool: Tool, protocol: str) -> None:
    address = "{}:{}".format(*kv.role.address("smtp"))
    old = ("-cipher", "ALL:@SECLEVEL=0")
    done = run(tool("openssl"), "s_client", "-connect", address, protocol, *old, text=b"QUIT\r\n")
    assert b"Cipher is (NONE)" in done.stdout
