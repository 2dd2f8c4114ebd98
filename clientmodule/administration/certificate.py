"""Keys for TLS with the provider: fetched by createCert, or imported; then in the key store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

from simulators.process.errors import InputError

from ..installation import Installation
from ..key_store import ClientIdentity, KeyMaterial, read_material
from ..operation import Operation
from . import faults
from .account_manager import AccountManager, Login
from .faults import AdministrationFault
from .rest import Who

P = ParamSpec("P")
R = TypeVar("R")
PASSWORD_BYTES = 32
"""From the system's source, not the seeded one: it protects a key."""
MAX_COMMON_NAME = 61
"""What ``#CM`` leaves of the 64 characters of a common name (RFC 5280)."""


def container_password() -> str:
    """Return a password for one PKCS#12 on its way (A_21382): 256 random bits, as text."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


async def fetch_certificate(
    installation: Installation,
    account_manager: AccountManager,
    operation: Operation,
    who: Who,
    login: Login,
) -> ClientIdentity:
    """Have a new certificate made for *login* and store it (A_19468-02, A_19453, A_19513).

    A provider may give the first certificate only once. So nothing is asked for before there is
    a place to keep it, and what was asked for is stored even if the caller gives up meanwhile.
    Raises AdministrationFault.
    """
    await _in_key_store(installation, installation.keys.prepare)
    work = asyncio.create_task(_fetch(installation, account_manager, operation, who, login))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})  # every call in it ends by itself
        raise


async def _fetch(
    installation: Installation,
    account_manager: AccountManager,
    operation: Operation,
    who: Who,
    login: Login,
) -> ClientIdentity:
    """Fetch and store; the PKCS#12 comes under a password made for it alone (A_21382)."""
    password = container_password()
    name = login.address.rpartition("@")[0][:MAX_COMMON_NAME]
    container = await account_manager.create_certificate(operation, who, login, name, password)
    try:
        material = await installation.process.in_thread(read_material, container, password)
    except ValueError:
        raise faults.bad_answer("createCert", login.domain, "PKCS#12") from None
    if material.certificate.not_valid_after_utc <= installation.clock.now():
        raise faults.bad_answer("createCert", login.domain, "abgelaufen")
    return await store(installation, login.address, material)


async def import_certificate(
    installation: Installation, address: str, content: bytes, password: str
) -> ClientIdentity:
    """Store the PKCS#12 *content* for *address* (A_18783), unless its certificate has ended.

    It takes the place of what was stored, which no provider gives twice. Raises
    AdministrationFault.
    """
    try:
        material = await installation.process.in_thread(read_material, content, password)
    except ValueError:
        raise faults.wrong_input("Import", faults.WRONG_PKCS12) from None
    if material.certificate.not_valid_after_utc <= installation.clock.now():
        raise faults.wrong_input("Import", faults.EXPIRED_PKCS12)
    return await store(installation, address, material)


async def store(installation: Installation, address: str, material: KeyMaterial) -> ClientIdentity:
    """Put *material* into the key store (KOM-LE-A_2065). Raises AdministrationFault."""
    return await _in_key_store(installation, installation.keys.put, address, material)


async def expires(installation: Installation, address: str) -> datetime | None:
    """Return the end of the certificate of *address*, None without one.

    Raises AdministrationFault when its file cannot be used.
    """
    identity = await _in_key_store(installation, installation.keys.identity, address)
    return None if identity is None else identity.expires


async def _in_key_store(
    installation: Installation, do: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    try:
        return await installation.process.in_thread(do, *args, **kwargs)
    except InputError as error:
        raise AdministrationFault("key-store", str(error)) from None
