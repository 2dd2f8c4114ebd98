"""What the DNS server is told: its zones and their records."""

from __future__ import annotations

from pydantic import Field, field_validator

from simulators.process.errors import InputError
from simulators.process.guardrails import refuse_real_domain
from simulators.process.settings import Listener, Listeners, ProcessSettings, Settings


class NamesListeners(Listeners):
    """``dns`` is served over UDP and TCP on the same port."""

    dns: Listener = Listener()


class RecordSettings(Settings):
    """A resource record; ``data`` in presentation format (RFC 1035, 5.1), ``ttl`` in seconds.

    For example ``{"name": "kv.dox.kim.telematik-test", "type": "MX", "data": "10 mail.…"}``.
    """

    name: str = Field(max_length=255)
    type: str = Field(pattern=r"^(A|AAAA|CNAME|MX|PTR|SRV|TXT)$")
    data: str = Field(max_length=4096)
    ttl: int = Field(default=60, ge=0, le=604_800)


class NamesSettings(ProcessSettings):
    """Settings of the DNS server.

    It answers for names at and below ``zones`` and refuses all others. ``negative_ttl`` is how
    long a resolver may keep "there is no such name" (RFC 2308), in seconds.
    """

    listeners: NamesListeners = NamesListeners()
    zones: list[str] = ["kim.telematik-test"]
    records: list[RecordSettings] = Field(default=[], max_length=100_000)
    negative_ttl: int = Field(default=5, ge=0, le=86_400)
    max_connections: int = Field(default=100, ge=1)
    idle_seconds: float = Field(default=30, gt=0)

    @field_validator("zones")
    @classmethod
    def _guard(cls, zones: list[str]) -> list[str]:
        try:
            return [refuse_real_domain(zone) for zone in zones]
        except InputError as error:
            raise ValueError(str(error)) from None
