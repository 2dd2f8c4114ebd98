"""Which links a received mail may have followed: those to a KAS, and nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

from simulators.process.errors import InputError
from simulators.process.guardrails import refuse_real_domain

from ..discovery import Discovery
from ..settings import ClientModuleSettings

HTTPS_PORT = 443
Place = tuple[str, int]


async def leads_to_kas(link: str, settings: ClientModuleSettings, discovery: Discovery) -> bool:
    """Tell whether *link* leads to the KAS of any provider (A_19370-04).

    The sender writes the link, and the client module stands inside of a practice: it follows the
    link to no other host. Known are the KAS of the settings and those that DNS service discovery
    names; where neither names any, every host below ``domains`` counts as one. Raises
    NamesUnavailable.
    """
    wanted = _place(link)
    if wanted is None:
        return False
    host, port = wanted
    known = [place for url in settings.kas.values() if (place := _place(url)) is not None]
    known += await discovery.kas_places()
    if not known:
        return any(f".{host}".endswith(domain.lower()) for domain in settings.domains)
    if wanted in known:
        return True
    try:
        address = await discovery.address(host)
        return (address, port) in [(await discovery.address(h), p) for h, p in known]
    except OSError:
        return False


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
