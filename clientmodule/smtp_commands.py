"""MAIL FROM and RCPT TO taken apart (RFC 5321 4.1.2, RFC 3461)."""

from __future__ import annotations

import re

from .mta import Recipient

MAX_ADDRESS = 320
MAX_PARAMETERS = 10

_PATH = r"<(?:@[^:<>\s]+:)?(?P<address>[^<>\s]*)>"
_MAIL = re.compile(rf"FROM:\s*{_PATH}(?P<parameters>(?:\s.*)?)", re.IGNORECASE)
_RCPT = re.compile(rf"TO:\s*{_PATH}(?P<parameters>(?:\s.*)?)", re.IGNORECASE)
_ADDRESS = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.\-_\[\]:]{1,255}")
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(=[!-<>-~]+)?")

MAIL_FORWARDED = frozenset({"RET", "ENVID"})
MAIL_CONSUMED = frozenset({"SIZE", "BODY", "AUTH"})
RCPT_FORWARDED = frozenset({"NOTIFY", "ORCPT"})

_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})"
_NOTIFY = r"(?:SUCCESS|FAILURE|DELAY)"
_VALUES = {
    "SIZE": re.compile(r"[0-9]{1,20}"),
    "BODY": re.compile(r"7BIT|8BITMIME", re.IGNORECASE),
    "RET": re.compile(r"FULL|HDRS", re.IGNORECASE),
    "ENVID": re.compile(rf"{_XTEXT}{{1,100}}"),
    "NOTIFY": re.compile(rf"NEVER|{_NOTIFY}(?:,{_NOTIFY})*", re.IGNORECASE),
    "ORCPT": re.compile(rf"[A-Za-z0-9-]+;{_XTEXT}{{1,500}}"),
}
"""What the values of parameters look like (RFC 1870, 6152, 3461)."""


class CommandError(ValueError):
    """The arguments cannot be read, or a parameter is not known."""


def read_mail(argument: str) -> tuple[str, tuple[str, ...], int]:
    """Return sender, parameters for the MTA, and the announced size (0 if none).

    RET and ENVID go on; SIZE, BODY and AUTH are the client module's, for the message it sends is
    another one. Raises CommandError.
    """
    address, parameters = _read(_MAIL, argument)
    size = 0
    forwarded = []
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.upper() == "SIZE":
            size = int(value)
        if name.upper() in MAIL_FORWARDED:
            forwarded.append(parameter)
        elif name.upper() not in MAIL_CONSUMED:
            raise CommandError("unknown parameter")
    return address, tuple(forwarded), size


def read_rcpt(argument: str) -> Recipient:
    """Return the recipient with NOTIFY and ORCPT (KOM-LE-A_2018). Raises CommandError."""
    address, parameters = _read(_RCPT, argument)
    if not address:
        raise CommandError("no address")
    if any(parameter.partition("=")[0].upper() not in RCPT_FORWARDED for parameter in parameters):
        raise CommandError("unknown parameter")
    return Recipient(address, parameters)


def _read(pattern: re.Pattern[str], argument: str) -> tuple[str, tuple[str, ...]]:
    matched = pattern.fullmatch(argument.strip())
    if matched is None:
        raise CommandError("no path")
    address = matched["address"]
    if address and (len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address)):
        raise CommandError("no address")
    parameters = tuple(matched["parameters"].split())
    if len(parameters) > MAX_PARAMETERS or not all(map(_PARAMETER.fullmatch, parameters)):
        raise CommandError("malformed parameter")
    names = set()
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        known = _VALUES.get(name.upper())
        if name.upper() in names or (known is not None and not known.fullmatch(value)):
            raise CommandError("a parameter is given twice, or with a value that it cannot have")
        names.add(name.upper())
    return address, parameters
