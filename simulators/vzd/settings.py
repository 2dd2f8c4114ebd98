"""Settings of the directory."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from simulators.process.settings import Listener, Listeners, ProcessSettings, TlsIdentity


class VzdListeners(Listeners):
    """``ldap`` speaks LDAPS only (TIP1-A_5566)."""

    ldap: Listener = Listener()


class VzdSettings(ProcessSettings):
    """What a directory process is told.

    ``entries`` is a JSON file: a list of ``{"uid": …, "attributes": {name: [values]},
    "certificates": [PEM files]}``; paths of certificates are relative to that file.
    ``size_limit`` is the number of hits a search gives without paging, ``page_limit`` the largest
    page; ``idle_seconds`` is how long a connection may stay silent (TIP1-A_5567: 15 minutes),
    ``search_seconds`` the longest time a search may take.
    """

    listeners: VzdListeners = VzdListeners()
    tls: TlsIdentity
    entries: Path
    base: str = "dc=data,dc=vzd"
    size_limit: int = Field(default=100, ge=1)
    page_limit: int = Field(default=100, ge=1)
    idle_seconds: float = Field(default=900, gt=0)
    search_seconds: float = Field(default=30, gt=0)
