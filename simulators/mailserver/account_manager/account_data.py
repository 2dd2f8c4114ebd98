"""The JSON objects of the OpenAPI: read strictly, and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import faults
from ..account import Account
from ..faults import RestRefused
from .authentication import decoded, is_address

MAX_TEXT = 256
KIM_VERSION_LENGTH = 4
DATA_TIME_TO_LIVE = range(10, 366)
MAX_MAIL_SIZE = 734_003_200
"""The only value that the OpenAPI allows here; AccountLimit tells the account's own."""
MAX_INT64 = 2**63 - 1
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


@dataclass(frozen=True)
class AccountData:
    """What a client says of an account; None is not said.

    regStat, deregDate and maxMailSize are the provider's to say: they are checked and passed
    over (FAQ: regStat cannot be set by the client).
    """

    reference_id: str | None = None
    username: str | None = None
    password: str | None = None
    kim_version: str | None = None
    data_time_to_live: int | None = None
    no_vzd_mail_entry: bool | None = None


def read_account(content: Mapping[str, Any]) -> AccountData:
    """Read the schema Account; raises RestRefused (400) that names the property."""
    text(content, "regStat", choices=("registered", "deregistered"))
    integer(content, "deregDate", range(-MAX_INT64 - 1, MAX_INT64 + 1))
    integer(content, "maxMailSize", range(MAX_MAIL_SIZE, MAX_MAIL_SIZE + 1))
    username = text(content, "username", MAX_TEXT)
    if username is not None and not is_address(username):
        raise _wrong("username", "expected an e-mail address")
    password = text(content, "password", MAX_TEXT)
    return AccountData(
        reference_id=text(content, "referenceID", MAX_TEXT),
        username=username,
        password=None if password is None else decoded(password, "password"),
        kim_version=text(content, "kimVersion", KIM_VERSION_LENGTH),
        data_time_to_live=integer(content, "dataTimeToLive", DATA_TIME_TO_LIVE),
        no_vzd_mail_entry=boolean(content, "noVzdMailEntry"),
    )


def write_account(account: Account) -> dict[str, Any]:
    """Return the schema Account as getAccount answers it, without the password."""
    content: dict[str, Any] = {
        "username": account.shown,
        "kimVersion": account.kim_version,
        "regStat": "registered" if account.deregistered is None else "deregistered",
        "dataTimeToLive": account.data_time_to_live,
        "maxMailSize": MAX_MAIL_SIZE,
        "noVzdMailEntry": not account.in_directory,
    }
    if account.reference_id:
        content["referenceID"] = account.reference_id
    if account.deregistered is not None:
        content["deregDate"] = int(account.deregistered)
    return content


def text(
    content: Mapping[str, Any],
    name: str,
    longest: int | None = None,
    *,
    choices: tuple[str, ...] = (),
) -> str | None:
    """Return the string *name*, None if it is missing; raises RestRefused (400)."""
    if name not in content:
        return None
    value = content[name]
    if not isinstance(value, str):
        raise _wrong(name, "expected a string")
    if longest is not None and len(value) > longest:
        raise _wrong(name, f"longer than {longest}")
    if choices and value not in choices:
        raise _wrong(name, f"expected {' or '.join(choices)}")
    return value


def integer(content: Mapping[str, Any], name: str, allowed: range) -> int | None:
    """Return the integer *name*, None if it is missing; raises RestRefused (400).

    JSON knows one kind of number: 90.0 is an integer, too.
    """
    if name not in content:
        return None
    value = content[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "expected an integer")
    if value not in allowed:
        raise _wrong(name, f"expected {allowed.start} to {allowed.stop - 1}")
    return value


def boolean(content: Mapping[str, Any], name: str) -> bool | None:
    """Return the boolean *name*, None if it is missing; raises RestRefused (400)."""
    value = content.get(name)
    if name in content and not isinstance(value, bool):
        raise _wrong(name, "expected true or false")
    return value


def moment(content: Mapping[str, Any], name: str) -> datetime | None:
    """Return the date-time *name* (RFC 3339), None if it is missing; raises RestRefused (400).

    Whole seconds, as they are written: a fraction before the year 10000 has no number of its own.
    """
    value = text(content, name, MAX_TEXT)
    if value is None:
        return None
    try:
        if _MOMENT.fullmatch(value) is None:
            raise ValueError
        return datetime.fromisoformat(value.upper()).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise _wrong(name, "expected a date and time (RFC 3339)") from None


def _wrong(name: str, expectation: str) -> RestRefused:
    return RestRefused(faults.REST_INPUT.saying(f"{name}: {expectation}"))
