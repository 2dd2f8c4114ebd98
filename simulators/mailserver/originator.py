"""Who may be named as the sender of a mail (A_23422)."""

from __future__ import annotations

import re

from simulators.formats.headers import Headers, addresses, same_address

_EMPTY_GROUP = re.compile(r"[^:;@<>]*:\s*;\s*")
KIM_DOMAINS = (".kim.telematik", ".kim.telematik-test")


def is_kim_address(address: str) -> bool:
    """Tell whether the address lies in the TI (A_23422, KOM-LE-A_2185)."""
    return address.rpartition("@")[2].lower().endswith(KIM_DOMAINS)


def broken_rule(headers: Headers, sender: str, recipients: list[str], user: str) -> str | None:
    """Return what in a mail of the logged-in *user* breaks A_23422, or None.

    From must be there and equal MAIL FROM (*sender*), a Sender must equal it, a Reply-To must
    lie in the TI. A mail that only goes to the user who sends it is exempt: so a client module
    reports its failures.
    """
    if len(recipients) == 1 and same_address(recipients[0], user):
        return None
    for name, needed in (("From", True), ("Sender", False)):
        named = [address for value in headers.get_all(name) for address in addresses(value)]
        if not named and (needed or headers.get(name) is not None):
            return f"the header {name} names nobody"
        if not all(same_address(address, sender) for address in named):
            return f"the header {name} differs from MAIL FROM"
        if len(headers.get_all(name)) > 1:
            return f"the header {name} stands more than once"
    if not all(_stays_in_ti(value) for value in headers.get_all("Reply-To")):
        return "the header Reply-To leaves the TI"
    return None


def _stays_in_ti(reply_to: str) -> bool:
    """Tell whether a Reply-To holds KIM addresses only, or nothing.

    What we read no address in might be one for others (encoded words, a missing domain).
    """
    named = addresses(reply_to)
    if not named:
        return not reply_to.strip() or _EMPTY_GROUP.fullmatch(reply_to) is not None
    return all(is_kim_address(address) for address in named)
