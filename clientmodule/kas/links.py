"""Which links a received mail may have followed: those to a KAS, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from simulators.process.errors import InputError
from simulators.process.guardrails import refuse_real_domain

from ..discovery import Discovery
from ..settings import ClientModuleSettings

HTTPS_PORT = 443
Place = tuple[str, int]


async def kas_address(
    link: str, settings: ClientModuleSettings, discovery: Discovery
) -> str | None:
    """Return the address to follow *link* to, None if that is no provider's KAS (A_19370-04).

    The sender writes the link, and the client module stands inside of a practice: it follows the
    link to no other host. Known are the KAS of the settings and those that DNS service discovery
    names; where neither names any, every host below ``domains`` counts as one. The name is
    resolved once: at the connection it may mean something else. Raises NamesUnavailable.
    """
    wanted = _place(link)
    if wanted is None:
        return None
    host, port = wanted
    known = [place for url in settings.kas.values() if (place := _place(url)) is not None]
    known += await discovery.kas_places()
    by_name = wanted in known if known else _is_below(host, settings.domains)
    try:
        address = await discovery.address(host) if by_name or known else None
        if by_name or (address, port) in [(await discovery.address(h), p) for h, p in known]:
            return address
    except OSError:
        pass
    return None


def _is_below(host: str, domains: Sequence[str]) -> bool:
    return any(f".{host}".endswith(domain.lower()) for domain in domains)


def _place(url: str) -> Place | None:
    """Return host and port of an https *url*; None for another, and for hosts of the real TI."""
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS_PORT
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    try:
        return refuse_real_domain(parts.hostname), port
    except InputError:
        return None
