"""TLS handshakes that go wrong on purpose: another certificate, or none at all."""

from __future__ import annotations

import ssl

from simulators.process.role import Process
from simulators.process.tls import server_context

from .faults import CERTIFICATE, HANDSHAKE_EFFECTS
from .settings import VzdSettings


def listener_context(process: Process[VzdSettings], name: str) -> ssl.SSLContext:
    """Return the TLS of the listener *name*, whose handshakes faults know as ``TLS.NAME``.

    ``certificate`` shows the one that ``value`` names in ``fault_certificates``, ``refused`` ends
    the handshake and the connection. Only ``rest`` asks clients for a certificate.
    """
    settings = process.settings
    client_ca = settings.client_ca if name == "rest" else None
    others = {
        fault: server_context(identity, client_ca)
        for fault, identity in settings.fault_certificates.items()
    }
    context = server_context(settings.tls, client_ca)

    def choose(tls: ssl.SSLObject, server_name: str | None, _: ssl.SSLContext) -> int | None:
        if not process.faults.active:
            return None
        effect = process.faults.pick(f"TLS.{name.upper()}", HANDSHAKE_EFFECTS, name=server_name)
        if effect is None:
            return None
        if effect.kind != CERTIFICATE:
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        other = others.get(effect.value or "")
        if other is None:
            process.log.error("no certificate %r in fault_certificates", effect.value)
        else:
            tls.context = other
        return None

    context.sni_callback = choose  # called without a server name, too
    return context
