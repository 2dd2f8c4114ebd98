"""The LDAP proxy of the Konnektor: searches are passed on to the directory (konnektor 10)."""

from __future__ import annotations

import ssl
from typing import Any

from simulators.process.role import Process


class LdapProxy:
    """Passes searches of the Konnektor's clients on to the directory.

    Search, abandon, unbind and the anonymous bind are served, every other operation is answered
    with unwillingToPerform (53). ``directory`` is the ``ldaps://`` URL of the directory and
    ``directory_tls`` the context to reach it with; ``tls`` is the context for the clients, None
    for plain LDAP (port 389 of a real Konnektor). The listener is ``ldap`` of *process*.
    """

    def __init__(
        self,
        process: Process[Any],
        *,
        directory: str,
        directory_tls: ssl.SSLContext | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._process = process

    async def start(self) -> None:
        """Serve on the listener ``ldap``; the directory is not contacted before a search."""

    async def stop(self) -> None:
        """Close the port, the clients' connections and those to the directory."""
