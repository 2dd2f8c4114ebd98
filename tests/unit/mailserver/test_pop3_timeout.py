from __future__ import annotations

import asyncio
from pathlib import Path

from simulators.mailserver.accounts import Accounts
from simulators.mailserver.pop3 import Pop3Session
from simulators.mailserver.provider import Provider
from simulators.mailserver.retention import Retention
from simulators.mailserver.routing import Routing
from simulators.mailserver.service import ROLE
from simulators.mailserver.settings import MailserverSettings
from simulators.mailserver.store import Store
from simulators.process.role import Process


def test_silent_client_is_told_and_its_mailbox_is_free_again(tmp_path: Path) -> None:
    settings = MailserverSettings.model_validate(
        {
            "name": "kv",
            "data_dir": tmp_path,
            "domain": "kv.dox.kim.telematik-test",
            "host_name": "mail",
            "tls": {"certificate": "c", "key": "k"},
            "ca": "ca",
            "client_ca": "ca",
            "accounts": [
                {"address": "a@kv.dox.kim.telematik-test", "password": "x", "telematik_id": "1"}
            ],
        }
    ).model_copy(update={"pop3_timeout_seconds": 0.2})  # a setting may not be below 600

    async def check() -> None:
        store = Store(tmp_path / "mail.sqlite3")
        process = Process(ROLE, settings)
        provider = Provider(process, store, Accounts(process, store), Routing(settings, None))
        await provider.accounts.load()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await Pop3Session(provider, Retention(provider), reader, writer).run()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"USER a@kv.dox.kim.telematik-test\r\nPASS x\r\n")
        for _ in range(3):
            assert (await reader.readline()).startswith(b"+OK")
        assert not await store.open_mailbox("a@kv.dox.kim.telematik-test")
        assert await reader.read() == b"-ERR timeout\r\n"
        await provider.finish(1)
        assert await store.open_mailbox("a@kv.dox.kim.telematik-test")
        writer.close()
        server.close()
        await store.close()
        process.close()

    asyncio.run(check())
