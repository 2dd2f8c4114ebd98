"""What a connection leaves behind when it is closed."""

from __future__ import annotations

import asyncio
import gc
import poplib
import smtplib
import time
from asyncio.sslproto import SSLProtocol
from pathlib import Path

from simulators.mailserver.service import ROLE
from simulators.mailserver.settings import MailserverSettings
from simulators.process.role import Process
from simulators.process.tls import client_context, load_pkcs12
from tests.mail_providers import KV, PASSWORD, PRAXIS, issue_certificates, mail, provider_settings

CONNECTIONS = 5
DEADLINE_SECONDS = 3.0  # less than a client is given that takes no goodbye


def test_closed_connection_keeps_no_memory(pki_cache: Path, tmp_path: Path) -> None:
    tree = issue_certificates(pki_cache)
    context = client_context(tree.ca)
    certificate = tree.kim_certificate("praxis")
    load_pkcs12(context, certificate.path, certificate.password)
    content = {**provider_settings(tree, "kv", KV, [PRAXIS]), "data_dir": str(tmp_path)}
    process = Process(ROLE, MailserverSettings.model_validate(content))

    def use() -> None:
        (host, smtp), (_, pop3) = process.address("smtp"), process.address("pop3")
        for _ in range(CONNECTIONS):
            with smtplib.SMTP_SSL(host, smtp, context=context) as sender:
                sender.login(PRAXIS, PASSWORD)
                sender.sendmail(PRAXIS, [PRAXIS], mail(recipient=PRAXIS))
            receiver = poplib.POP3_SSL(host, pop3, context=context)
            receiver.user(PRAXIS)
            receiver.pass_(PASSWORD)
            receiver.quit()

    def left() -> int:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (more := _tls_connections() - before) > 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        return more

    async def serve() -> None:
        async with ROLE.serve(process), asyncio.timeout(30):
            await asyncio.to_thread(use)
            assert await asyncio.to_thread(left) <= 0, "each holds 300 KB"

    gc.collect()
    before = _tls_connections()
    gc.disable()
    try:
        asyncio.run(serve())
    finally:
        gc.enable()
        process.close()


def _tls_connections() -> int:
    return sum(isinstance(found, SSLProtocol) for found in gc.get_objects())
