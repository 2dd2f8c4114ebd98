"""The SOAP services, one module per service of the WSDL."""

from __future__ import annotations

from ..operation import Service
from . import (
    auth_signature_service,
    card_service,
    card_terminal_service,
    certificate_service,
    encryption_service,
    event_service,
    signature_service,
)


def all_services() -> tuple[Service, ...]:
    """Return every service in every version that is served, versions of one service together."""
    return (
        event_service.SERVICE,
        card_service.SERVICE,
        card_terminal_service.SERVICE,
        certificate_service.SERVICE,
        signature_service.SERVICE_7_4,
        signature_service.SERVICE_7_5,
        encryption_service.SERVICE,
        auth_signature_service.SERVICE,
    )
