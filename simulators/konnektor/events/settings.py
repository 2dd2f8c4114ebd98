"""What the event service is told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from simulators.process.settings import Settings


class EventSettings(Settings):
    """How events are delivered and how long subscriptions last.

    ``tls``: events go by TLS (gemSpec_Kon TIP1-A_4595) where SOAP needs it (``as_soap``, for both
    follow ANCL_TLS_MANDATORY), ``always`` or ``never``. The Konnektor shows its own certificate
    (C.AK.AUT, A_21760-02) to a sink that asks for one. ``ca`` is the trust for the certificates
    of sinks (TIP1-A_5009: path, not name); without it they are not checked.

    ``sinks``: events go to hosts of the local network only (``private``: loopback, private and
    link-local addresses), for nothing of a test belongs on the internet; or ``anywhere``. A sink
    beyond it is one that cannot be reached.

    ``max_try`` is EVT_MAX_TRY: after so many failed deliveries in a row the subscriptions of the
    sink end (TIP1-A_4611, which names no default: 3 is unconfirmed). ``connect_timeout`` and
    ``write_timeout`` are real seconds; the first one includes the TLS handshake.
    ``segments`` is into how many TCP segments an event is divided (the first one ends within the
    length field), ``segment_gap`` the real seconds between them; a fault ``segments`` on purpose
    divides single events.

    ``queue`` bounds the events that wait for one sink, ``max_subscriptions`` the subscriptions
    (TIP1-A_4612 asks for 999). ``boot_seconds`` is how long the services are out of reach after
    ``POST /reboot``, real seconds. ``expiration_warn_days`` is CERT_EXPIRATION_WARN_DAYS, 0
    switches the warnings off; the check is made once a day on the virtual clock.
    """

    tls: Literal["as_soap", "always", "never"] = "as_soap"
    ca: Path | None = None
    sinks: Literal["private", "anywhere"] = "private"
    max_try: int = Field(default=3, ge=1, le=1000)
    connect_timeout: float = Field(default=2, gt=0, le=60)
    write_timeout: float = Field(default=2, gt=0, le=60)
    segments: int = Field(default=1, ge=1, le=100)
    segment_gap: float = Field(default=0.01, ge=0, le=5)
    queue: int = Field(default=200, ge=1, le=10_000)
    max_subscriptions: int = Field(default=999, ge=1, le=10_000)
    boot_seconds: float = Field(default=0, ge=0, le=600)
    expiration_warn_days: int = Field(default=90, ge=0, le=180)
