"""The errors of the maintenance interfaces: status, attribute, text, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What is wrong with an attribute (schema InnerError)."""

    attribute: str
    text: str


class RestError(Exception):
    """An answer other than success (schema Error); ``headers`` go with it."""

    def __init__(
        self, status: int, message: str, *faults: Fault, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.faults = faults
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the content of the answer."""
        inner = [{"attributeName": f.attribute, "attributeError": f.text} for f in self.faults]
        return {"message": self.message, **({"errors": inner[:50]} if inner else {})}


def bad_request(attribute: str, text: str) -> RestError:
    """Return the error 400 for *attribute*."""
    return RestError(400, "Bad Request", Fault(attribute, text))


def unprocessable(attribute: str, text: str) -> RestError:
    """Return the error 422 for *attribute*."""
    return RestError(422, "Unprocessable Entity", Fault(attribute, text))


def conflict(attribute: str, text: str) -> RestError:
    """Return the error 409 for *attribute*."""
    return RestError(409, "Conflict", Fault(attribute, text))


def not_found(text: str) -> RestError:
    """Return the error 404."""
    return RestError(404, text)


def forbidden(text: str) -> RestError:
    """Return the error 403."""
    return RestError(403, text)


def unauthorized(text: str, *, oauth: bool) -> RestError:
    """Return the error 401; for bearer tokens its WWW-Authenticate is set to OAuth."""
    return RestError(401, text, headers={"WWW-Authenticate": "OAuth"} if oauth else None)


TOO_MANY_ADDRESSES = bad_request("mail", "maxKOMLEadr wurde überschritten")
UNKNOWN_VERSION = bad_request("version", "Unzulässiger Wert")
ADDRESSES_DIFFER = bad_request("mail", "Inkonsistenz zwischen FAD1.mail und FAD1.komLeData.mail")
ENTRY_EXISTS = conflict("telematikID", "DirectoryEntry already exists")
CERTIFICATE_EXISTS = conflict("userCertificate", "userCertificate already exists")
LAST_CERTIFICATE = conflict("userCertificate", "das letzte Zertifikat des Eintrags")
HAS_ADDRESSES = conflict("mail", "dem Eintrag ist noch eine KIM-Adresse zugeordnet")
OTHER_TELEMATIK_ID = unprocessable("telematikID", "weicht von der des Zertifikats ab")
UNKNOWN_HOLDER = unprocessable("holder", "Unzulässiger Wert")
OTHER_ENTRY_TYPE = bad_request("entryType", "weicht von dem der Zertifikate ab")
WRONG_HEADERS = RestError(405, "Accept und Authorization müssen gültig sein")
LOCKED = RestError(423, "Der Eintrag ist inaktiv")
SYNC_BUSY = RestError(503, "Eine andere Synchronisation läuft", headers={"Retry-After": "1"})
INTERNAL = RestError(500, "Internal Server Error")
