"""What a DNS answer can say went wrong (RFC 1035, 6891), and how the server misbehaves."""

from __future__ import annotations

import dns.rcode

from simulators.process.errors import InputError, one_line
from simulators.process.faults import Effect

RCODE, EMPTY, TRUNCATED = "rcode", "empty", "truncated"
EFFECTS = frozenset({RCODE, EMPTY, TRUNCATED})
OPERATION = "query"


def rcode_of(effect: Effect) -> dns.rcode.Rcode:
    """Return the response code that an effect asks for by ``text`` (SERVFAIL) or ``code``.

    SERVFAIL where it names none. Raises InputError for one that does not exist.
    """
    if effect.text is None:
        return dns.rcode.SERVFAIL if effect.code is None else _of_number(effect.code)
    try:
        return dns.rcode.from_text(effect.text)
    except (dns.rcode.UnknownRcode, ValueError):
        raise InputError(f"rcode {one_line(effect.text, 40)}: no such response code") from None


def _of_number(code: int) -> dns.rcode.Rcode:
    if not 0 <= code <= 0xFFF:
        raise InputError(f"rcode {code}: expected 0 to 4095")
    return dns.rcode.Rcode(code)
