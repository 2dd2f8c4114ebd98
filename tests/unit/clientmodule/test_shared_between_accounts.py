"""What the accounts of one client module share, and what each has for itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from clientmodule.installation import Installation
from clientmodule.key_store import KeyMaterial
from clientmodule.konnektor.konnektor import Konnektor, TlsContexts
from clientmodule.lines import LineStream
from clientmodule.mta import Mta
from clientmodule.sending.report_delivery import Account
from clientmodule.service import ROLE
from clientmodule.settings import ClientModuleSettings
from clientmodule.user_name import CallContext, UserName
from simulators.process.role import Process

DOMAIN = "anbieter.kim.telematik-test"
NOW = datetime.now(UTC)


def material() -> KeyMaterial:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CM")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyMaterial(key, certificate)


@pytest.fixture
def process(tmp_path: Path) -> Process[ClientModuleSettings]:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(material().certificate.public_bytes(Encoding.PEM))
    access = {"service_directory": "http://k/sds", "ldap": "ldap://k", "authentication": "none"}
    settings = {
        "name": "clientmodule",
        "data_dir": str(tmp_path / "data"),
        "ca": str(ca),
        "client_tls": False,
        "konnektors": {"default": {**access, "ca": str(ca)}},
    }
    return Process(ROLE, ClientModuleSettings.model_validate(settings))


@pytest.mark.requirement("KOM-LE-A_2074", "A_22348")
def test_each_key_is_for_its_account_and_strangers_cost_nothing(
    process: Process[ClientModuleSettings],
) -> None:
    """Who is not logged in yet may name any address: nothing is kept for each of them."""

    async def check() -> None:
        installation = Installation(process)
        provider = installation.provider
        for name in ("eins", "zwei"):
            installation.keys.put(f"{name}@{DOMAIN}", material())
        strangers = [await provider.tls_context(f"x{n}@{DOMAIN}") for n in range(3)]
        own = [await provider.tls_context(f"{name}@{DOMAIN}") for name in ("eins", "zwei", "EINS")]
        assert strangers[0] is strangers[1] is strangers[2]
        assert own[0] is own[2]
        assert len({id(context) for context in (strangers[0], *own)}) == 3
        installation.keys.put(f"x1@{DOMAIN}", material())
        assert await provider.tls_context(f"x1@{DOMAIN}") is not strangers[1]
        await installation.close()

    asyncio.run(check())
    process.close()


@pytest.mark.requirement("KOM-LE-A_2024-01")
def test_report_that_another_session_overtakes(process: Process[ClientModuleSettings]) -> None:
    """A second session of the account looks for reports while one is on its way, and fails."""
    told: list[bytes] = []
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        last = (await reader.readline()).startswith(b"NOOP last")
        writer.write(b"250 OK\r\n")
        while line := await reader.readline():
            if last:
                asked.set()
                await gone.wait()
                break
            told.append(line)
            writer.write(b"354 go\r\n" if line == b"DATA\r\n" else b"250 OK\r\n")
            if line == b"DATA\r\n":
                told.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 OK\r\n")
        writer.close()

    async def connect(port: int, first: str) -> Mta:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        mta = Mta(LineStream(reader, writer, seconds=5))
        await mta.command(first)
        return mta

    async def check() -> None:
        installation = Installation(process)
        access = process.settings.konnektors["default"]
        konnektor = Konnektor(
            access, process.settings, process.clock, TlsContexts(None, None), process.in_thread
        )
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user = UserName(f"eins@{DOMAIN}", "127.0.0.1", 1, CallContext("m", "c", "w"))
        account = Account(installation, konnektor, user, "x")
        operation, reports = installation.operation(), installation.reports
        failing, working = await connect(port, "NOOP last"), await connect(port, "NOOP")
        report = b"Subject: Bericht\r\n\r\nx\r\n"
        sending = asyncio.create_task(
            reports.send(account, operation, failing, to=user.address, report=report)
        )
        await asked.wait()
        await reports.deliver(account, operation, working)
        gone.set()
        await sending
        await reports.deliver(account, operation, working)
        assert told[-1].startswith(report)
        await working.stream.close()
        server.close()
        await konnektor.close()
        await installation.close()

    asyncio.run(check())
    process.close()
