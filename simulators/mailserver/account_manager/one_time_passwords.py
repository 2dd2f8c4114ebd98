"""One-time passwords for porting, one to an account; kept as digests only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import Enum

from ..database import Connection
from ..store import Store

TABLE = (
    "CREATE TABLE IF NOT EXISTS one_time_password("
    " address TEXT PRIMARY KEY, digest BLOB NOT NULL, until REAL NOT NULL)"
)
OTP_BYTES = 18


class OtpResult(Enum):
    """What the check of a one-time password says."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"


class OneTimePasswords:
    """The one-time passwords of a provider's accounts, in its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> None:
        """Make the table."""
        await self._store.database.write(_make_table)

    async def issue(self, address: str, now: datetime, holds: timedelta) -> str:
        """Return a new password for *address*; an older one ends with it (FAQ)."""
        password = secrets.token_urlsafe(OTP_BYTES)
        values = (address, _digest(password), (now + holds).timestamp())

        def job(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO one_time_password(address, digest, until) VALUES (?,?,?)"
                " ON CONFLICT(address) DO UPDATE SET digest=excluded.digest, until=excluded.until",
                values,
            )

        await self._store.database.write(job)
        return password

    async def check(self, address: str, password: str, now: datetime) -> OtpResult:
        """Compare *password* with the one of *address*; only a right one may be expired."""
        select = "SELECT digest, until FROM one_time_password WHERE address=?"
        row = await self._store.database.read(lambda c: c.execute(select, (address,)).fetchone())
        if row is None or not hmac.compare_digest(bytes(row[0]), _digest(password)):
            return OtpResult.WRONG
        return OtpResult.RIGHT if now.timestamp() < row[1] else OtpResult.EXPIRED

    async def reset(self) -> None:
        """Forget all."""
        await self._store.database.write(_clear)


def forget_otp(connection: Connection, address: str) -> None:
    """Delete the password of *address* as a part of another change."""
    connection.execute("DELETE FROM one_time_password WHERE address=?", (address,))


def _make_table(connection: Connection) -> None:
    connection.execute(TABLE)


def _clear(connection: Connection) -> None:
    connection.execute("DELETE FROM one_time_password")


def _digest(password: str) -> bytes:
    """A random password of 144 bits needs no slow hash."""
    return hashlib.sha256(password.encode()).digest()
