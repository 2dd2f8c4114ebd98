"""Accounts in the database: theirs, those that have ended, the log of what became of them."""

from __future__ import annotations

from dataclasses import astuple, fields, replace

from .account import Account
from .database import Connection

_TABLES = (
    "CREATE TABLE IF NOT EXISTS kim_account("
    " address TEXT PRIMARY KEY, telematik_id TEXT NOT NULL, password BLOB,"
    " data_time_to_live INTEGER NOT NULL, max_mail_size INTEGER NOT NULL, quota INTEGER,"
    " kim_version TEXT NOT NULL, reference_id TEXT NOT NULL, deregistered REAL,"
    " in_directory INTEGER NOT NULL, certified INTEGER NOT NULL, given BLOB,"
    " locked INTEGER NOT NULL DEFAULT 0, spelling TEXT NOT NULL DEFAULT '')",
    "CREATE TABLE IF NOT EXISTS former_address("
    " address TEXT PRIMARY KEY, ended REAL NOT NULL, telematik_id TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS account_log("
    " at REAL NOT NULL, event TEXT NOT NULL, address TEXT NOT NULL, telematik_id TEXT NOT NULL)",
)
"""``account_log`` keeps registrations and deregistrations (KOM-LE-A_2158)."""
_COLUMNS = ", ".join(field.name for field in fields(Account))

Event = tuple[float, str, str, str]
"""What became of an account: when, the event, its address, its Telematik-ID."""


def make_tables(connection: Connection) -> None:
    """Make the tables where they are missing."""
    for statement in _TABLES:
        connection.execute(statement)


def read(connection: Connection) -> tuple[dict[str, Account], dict[str, str]]:
    """Return the accounts by address, and of former addresses whose they were (Telematik-ID)."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM kim_account")  # noqa: S608 (names of ours)
    accounts = {row[0]: _account(row) for row in rows.fetchall()}
    former = connection.execute("SELECT address, telematik_id FROM former_address")
    return accounts, dict(former.fetchall())


def write(
    connection: Connection, account: Account, *, new: bool = False, unless_changed: bool = False
) -> bool:
    """Store *account*; tell whether it was stored.

    A *new* one must not be there: raises Conflict. *unless_changed* by its owner: then it stays.
    """
    values = [int(v) if isinstance(v, bool) else v for v in astuple(account)]
    marks = ",".join("?" * len(values))
    statement = f"INSERT INTO kim_account({_COLUMNS}) VALUES ({marks})"  # noqa: S608
    if not new:
        changed = ", ".join(f"{c.name}=excluded.{c.name}" for c in fields(Account))
        statement += f" ON CONFLICT(address) DO UPDATE SET {changed}"
    if unless_changed:
        statement += " WHERE kim_account.given IS NULL"
    return connection.execute(statement, values).rowcount == 1


def end(connection: Connection, account: Account, at: float) -> None:
    """Remove *account*, whose address is a former one from now on."""
    connection.execute("DELETE FROM kim_account WHERE address=?", (account.address,))
    connection.execute(
        "INSERT INTO former_address(address, ended, telematik_id) VALUES (?,?,?)"
        " ON CONFLICT(address) DO UPDATE"
        " SET ended=excluded.ended, telematik_id=excluded.telematik_id",
        (account.address, at, account.telematik_id),
    )
    note(connection, at, "ended", account)


def note(connection: Connection, at: float, event: str, account: Account) -> None:
    """Log *event* (KOM-LE-A_2158)."""
    connection.execute(
        "INSERT INTO account_log(at, event, address, telematik_id) VALUES (?,?,?,?)",
        (at, event, account.address, account.telematik_id),
    )


def read_log(connection: Connection) -> list[Event]:
    """Return what was logged, oldest first."""
    select = "SELECT at, event, address, telematik_id FROM account_log ORDER BY at"
    return connection.execute(select).fetchall()


def clear(connection: Connection) -> None:
    """Forget all of it."""
    for table in ("kim_account", "former_address", "account_log"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of ours)


def _account(row: tuple[object, ...]) -> Account:
    account = Account(*row)  # type: ignore[arg-type]  # the columns are the fields
    return replace(
        account,
        in_directory=bool(account.in_directory),
        certified=bool(account.certified),
        locked=bool(account.locked),
    )
