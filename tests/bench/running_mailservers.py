"""The mail server under measurement, and Debian's Postfix and Dovecot beside it where installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulators.pki.tree import PkiTree
from tests.conftest import RunningRole
from tests.mail_providers import KV, issue_certificates, provider_settings

OWNER = "mail"
DEADLINE_SECONDS = 20.0
POSTFIX_SERVICES = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
"""


@contextmanager
def running_mailserver(directory: Path, users: list[str]) -> Iterator[tuple[RunningRole, PkiTree]]:
    """Start the mail server with accounts for *users*."""
    tree = issue_certificates(directory / "keys")
    home = directory / "mailserver"
    home.mkdir()
    names = ("smtp", "pop3", "rest", "control")
    settings = {
        **provider_settings(tree, "kv", KV, users),
        "data_dir": str(home / "data"),
        "listeners": {name: {"host": "127.0.0.1", "port": free_port()} for name in names},
    }
    role = RunningRole("simulators.mailserver", settings, home)
    try:
        yield role, tree
    finally:
        role.stop()


def can_run(program: str) -> bool:
    """Tell whether *program* is installed; its processes change users, which takes root."""
    return shutil.which(program) is not None and os.geteuid() == 0


@contextmanager
def running_dovecot(directory: Path, tree: PkiTree, mails: dict[str, list[bytes]]) -> Iterator[int]:
    """Start Dovecot on *mails* (user and texts) in Maildirs; give the port of POP3 with TLS."""
    for user, texts in mails.items():
        for folder in ("cur", "new", "tmp"):
            (directory / "mail" / user / folder).mkdir(parents=True)
        for number, text in enumerate(texts):
            stored = text.replace(b"\r\n", b"\n")
            name = f"{number}.bench,S={len(stored)},W={len(text)}"
            (directory / "mail" / user / "new" / name).write_bytes(stored)
    subprocess.run(["chown", "-R", OWNER, directory / "mail"], check=True)
    directory.chmod(0o755)
    port, owner = free_port(), pwd.getpwnam(OWNER)
    identity = tree.tls("kv")
    configuration = directory / "dovecot.conf"
    configuration.write_text(
        f"base_dir = {directory}/run\nlog_path = {directory}/log\nprotocols = pop3\n"
        f"listen = 127.0.0.1\nssl = required\nssl_cert = <{identity.certificate}\n"
        f"ssl_key = <{identity.key}\nmail_location = maildir:{directory}/mail/%u\n"
        "service pop3-login {\n service_count = 0\n inet_listener pop3 {\n  port = 0\n }\n"
        f" inet_listener pop3s {{\n  port = {port}\n  ssl = yes\n }}\n}}\n"
        "passdb {\n driver = static\n args = nopassword=y\n}\n"
        f"userdb {{\n driver = static\n args = uid={owner.pw_uid} gid={owner.pw_gid}"
        f" home={directory}/mail/%u\n}}\nfirst_valid_uid = 1\n",
        encoding="utf-8",
    )
    server = subprocess.Popen(["dovecot", "-F", "-c", configuration])
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def running_postfix(directory: Path, tree: PkiTree) -> Iterator[tuple[int, Path]]:
    """Start Postfix with one Maildir for the domain; give its port and where mails come in."""
    directory.chmod(0o755)
    queue, data, box = (directory / name for name in ("queue", "data", "mail"))
    for place, owner in ((queue, "root"), (data, "postfix"), (box, OWNER)):
        place.mkdir()
        shutil.chown(place, owner)
    port, owner = free_port(), pwd.getpwnam(OWNER)
    identity = tree.tls("kv")
    (directory / "main.cf").write_text(
        "compatibility_level = 3.6\nmydestination =\nmynetworks = 127.0.0.0/8\n"
        f"queue_directory = {queue}\ndata_directory = {data}\nmyhostname = mail.{KV}\n"
        f"virtual_mailbox_domains = {KV}\nvirtual_mailbox_base = {box}\n"
        f"virtual_mailbox_maps = static:all/\nvirtual_uid_maps = static:{owner.pw_uid}\n"
        f"virtual_minimum_uid = 1\nvirtual_gid_maps = static:{owner.pw_gid}\n"
        f"smtpd_tls_cert_file = {identity.certificate}\n"
        f"smtpd_tls_key_file = {identity.key}\nsmtpd_tls_wrappermode = yes\n"
        f"smtpd_tls_security_level = encrypt\nmaillog_file = {directory}/log\n"
        f"maillog_file_prefixes = {directory}\ninet_interfaces = 127.0.0.1\n"
        "smtpd_client_connection_count_limit = 0\nmessage_size_limit = 40000000\n",
        encoding="utf-8",
    )
    (directory / "master.cf").write_text(
        f"127.0.0.1:{port} inet n - n - - smtpd\npostlog unix-dgram n - n - 1 postlogd\n"
        + POSTFIX_SERVICES,
        encoding="utf-8",
    )
    subprocess.run(["postfix", "-c", directory, "start"], check=True, capture_output=True)
    try:
        _wait_for(port)
        yield port, box / "all" / "new"
    finally:
        subprocess.run(["postfix", "-c", directory, "stop"], check=True, capture_output=True)


def _wait_for(port: int, server: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline or (server is not None and server.poll() is not None):
                raise SystemExit(f"nobody answers at port {port}") from None
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
