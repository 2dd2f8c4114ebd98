"""The moment at which data must be deleted: the date-time of RFC 5322, obsolete forms included."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

MAX_LENGTH = 128
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONES = {
    **{"ut": 0, "gmt": 0, "z": 0},
    **{"edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8},
}
_DATE_TIME = re.compile(
    r"\s*(?:(?P<name>[a-z]{3})\s*,)?"
    r"\s*(?P<day>\d{1,2})\s+(?P<month>[a-z]{3})\s+(?P<year>\d{4}|\d{2,3})"
    r"\s+(?P<hour>\d{2})\s*:\s*(?P<minute>\d{2})(?:\s*:\s*(?P<second>\d{2}))?"
    r"\s+(?P<zone>[+-]\d{4}|[a-z]{1,3})"
    r"\s*(?:\([^()\\]*\)\s*)?",
    re.IGNORECASE | re.ASCII,
)


def read_date_time(text: str) -> datetime:
    """Return the moment that *text* names, UTC; raises ValueError when it is no date-time.

    gematik's own example has the year with two digits (RFC 5322 4.3). A name of a day must be
    right; a zone that nobody knows means UTC.
    """
    matched = _DATE_TIME.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if matched is None:
        raise ValueError("expected a date-time of RFC 5322")
    month = _MONTHS.index(matched["month"].lower()) + 1
    second = min(int(matched["second"] or 0), 59)  # a leap second has no place in a datetime
    if int(matched["second"] or 0) > 60:
        raise ValueError("a minute has no such second")
    moment = datetime(
        _year(matched["year"]),
        month,
        int(matched["day"]),
        int(matched["hour"]),
        int(matched["minute"]),
        second,
        tzinfo=_zone(matched["zone"].lower()),
    )
    name = matched["name"]
    if name is not None and name.lower() != _DAYS[moment.weekday()]:
        raise ValueError("the day of the week does not fit the date")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time") from None


def _year(digits: str) -> int:
    """Return the year; of two digits 00 to 49 are of this century, of three all of the last."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _zone(zone: str) -> timezone:
    if zone[0] not in "+-":
        return timezone(timedelta(hours=_ZONES.get(zone, 0)))
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    if int(zone[3:5]) > 59 or minutes >= 24 * 60:
        raise ValueError("no such time zone")
    return timezone(timedelta(minutes=minutes if zone[0] == "+" else -minutes))
