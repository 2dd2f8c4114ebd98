"""SOAPAction, by which SOAP 1.1 over HTTP says what a call intends (WSDL of every service)."""

from __future__ import annotations

from ..operation import Service

HEADER = "SOAPAction"

# The published WSDL of EncryptionService gives DecryptDocument another path than all others.
_AS_PUBLISHED = {
    ("EncryptionService", "DecryptDocument"): (
        "http://ws.gematik.de/conn/crypt/EncryptionService/v6.1#DecryptDocument"
    )
}


def actions(service: Service, operation: str) -> tuple[str, ...]:
    """Return the values that stand for *operation*, that of the published WSDL first.

    The rule is ``http://ws.gematik.de/conn/<Service>/v<n>#<Operation>``, with the namespace of
    the messages before the number sign.
    """
    regular = f"{service.namespace}#{operation}"
    published = _AS_PUBLISHED.get((service.name, operation))
    return (regular,) if published is None else (published, regular)


def mistake(header: str | None, service: Service, operation: str) -> str | None:
    """Return, in German, what is wrong with the *header* of a call of *operation*; None if nothing.

    The value stands in quotation marks by the rules of SOAP 1.1; clients without them are
    understood everywhere, so that is none.
    """
    if header is None:
        return f"{HEADER} fehlt"
    value = header.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    known = actions(service, operation)
    return None if value in known else f"{HEADER} {value!r:.160} statt {known[0]!r}"
