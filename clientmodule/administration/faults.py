"""Every error of the administration module, as one German line: what, where, what to do (A_19462).

The lines are shown as they are, on the terminal and by the control API (A_21396).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from simulators.process.errors import one_line

from ..konnektor.faults import (
    CONTEXT_REFUSED,
    KonnektorError,
    KonnektorFault,
    NoCard,
    PinNotVerified,
)

MAX_MESSAGE: Final = 300


class AdministrationFault(Exception):
    """A step that was not carried out.

    ``line`` is for the person in front of the screen, ``kind`` for programs. ``status`` and
    ``message`` are what the Account Manager answered, where it did.
    """

    def __init__(
        self, kind: str, line: str, *, status: int | None = None, message: str | None = None
    ) -> None:
        super().__init__(line)
        self.kind = kind
        self.line = line
        self.status = status
        self.message = message


@dataclass(frozen=True)
class _Answer:
    """What an HTTP status of the OpenAPI means, and what the user can do."""

    what: str
    advice: str


_COMMON: Final[Mapping[int, _Answer]] = MappingProxyType(
    {
        400: _Answer(
            "der Anbieter nimmt die Angaben nicht an",
            "prüfen Sie, was in der Meldung des Anbieters genannt ist",
        ),
        401: _Answer(
            "Passwort, Karte und Konto passen nicht zusammen, oder das Konto ist gesperrt",
            "prüfen Sie das Passwort und wählen Sie die Karte, mit der das Konto registriert ist",
        ),
        404: _Answer("das Konto gibt es beim Anbieter nicht", "prüfen Sie die KIM-Adresse"),
        420: _Answer(
            "Adresse oder Passwort entsprechen nicht den Regeln des Anbieters",
            "ändern Sie, was in der Meldung des Anbieters genannt ist",
        ),
        422: _Answer(
            "der Anbieter kennt oder unterstützt die KIM-Version nicht",
            "wählen Sie eine andere KIM-Version oder fragen Sie den Anbieter",
        ),
        423: _Answer(
            "Ihr Eintrag im Verzeichnisdienst ist gesperrt",
            "lassen Sie ihn von der Stelle freischalten, die Ihre Karte herausgegeben hat",
        ),
        500: _Answer(
            "beim Anbieter ist eine Störung",
            "versuchen Sie es später noch einmal, sonst wenden Sie sich an den Anbieter",
        ),
        502: _Answer(
            "der Anbieter erreicht den Verzeichnisdienst nicht",
            "versuchen Sie es später noch einmal",
        ),
    }
)

_SPECIAL: Final[Mapping[tuple[str, int], _Answer]] = MappingProxyType(
    {
        ("registerAccount", 401): _Answer(
            "Registrierungscode, Startpasswort und Karte passen nicht zusammen",
            "prüfen Sie die Unterlagen Ihres Anbieters und ob die richtige Karte gewählt ist",
        ),
        ("registerAccount", 409): _Answer(
            "die KIM-Adresse ist schon vergeben", "wählen Sie eine andere Adresse"
        ),
        ("revokeDeregistration", 403): _Answer(
            "das Konto ist nicht deregistriert", "es gibt nichts zurückzunehmen"
        ),
        ("setTID", 401): _Answer(
            "Passwort oder neue Karte werden nicht angenommen",
            "prüfen Sie das Passwort und wählen Sie die neue Karte",
        ),
        ("setTID", 403): _Answer(
            "das Einmalpasswort gilt nicht",
            "fordern Sie mit der bisherigen Karte ein neues Einmalpasswort an",
        ),
        ("setTID", 408): _Answer(
            "das Einmalpasswort ist abgelaufen",
            "fordern Sie mit der bisherigen Karte ein neues Einmalpasswort an",
        ),
        ("createCert", 401): _Answer(
            "Passwort, Karte und Konto passen nicht zusammen, oder das Konto hat schon ein "
            "Zertifikat, das hier fehlt",
            "prüfen Sie Adresse, Passwort und Karte; ein Zertifikat, das es schon gibt, holen Sie "
            "mit dem Schritt import herüber",
        ),
        ("createCert", 502): _Answer(
            "der Anbieter erreicht den Dienst nicht, der Zertifikate ausstellt",
            "versuchen Sie es später noch einmal",
        ),
    }
)

_BLOCKED = (
    "die PIN ist gesperrt, weil sie zu oft falsch eingegeben wurde; entsperren Sie sie mit der PUK"
)
_NO_PIN = (
    "die PIN ist nicht freigeschaltet; geben Sie sie am Kartenterminal ein, wenn Sie es noch "
    "einmal versuchen"
)
_PIN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "REJECTED": "die PIN war falsch; nach drei falschen Eingaben ist sie gesperrt",
        "BLOCKED": _BLOCKED,
        "NOWBLOCKED": _BLOCKED,
        "WASBLOCKED": _BLOCKED,
        "TRANSPORT_PIN": "sie hat noch ihre Transport-PIN; geben Sie ihr zuerst eine eigene PIN",
        "EMPTY_PIN": "sie hat noch keine PIN; geben Sie ihr zuerst eine eigene PIN",
    }
)
"""What the state of a PIN, or the result of VerifyPin, means."""

OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "getServiceInformation": "Angaben des Anbieters",
        "registerAccount": "Registrierung",
        "setAccount": "Änderung des Kontos",
        "getAccount": "Anzeige des Kontos",
        "deregisterAccount": "Deregistrierung",
        "revokeDeregistration": "Rücknahme der Deregistrierung",
        "createCert": "Zertifikat",
        "getOTP": "Einmalpasswort",
        "setTID": "Portierung",
        "getOutOfOffice": "Abwesenheitsnotiz",
        "updateOutOfOffice": "Abwesenheitsnotiz",
    }
)
"""What the operations of the interface are called on the screen."""


def refused(operation: str, where: str, status: int, message: str) -> AdministrationFault:
    """Return what the Account Manager's *status* and *message* mean; *where* is its domain."""
    answer = _SPECIAL.get((operation, status)) or _COMMON.get(status)
    if answer is None:
        answer = _Answer("der Anbieter antwortet unerwartet", "wenden Sie sich an den Anbieter")
    said = one_line(message, MAX_MESSAGE)
    end = f" (HTTP {status}: {said})" if said else f" (HTTP {status})"
    line = f"{OPERATIONS[operation]} bei {where}: {answer.what}; {answer.advice}{end}"
    return AdministrationFault(f"account-manager-{status}", line, status=status, message=said)


def unreachable(operation: str, where: str, reason: str) -> AdministrationFault:
    """Return that the Account Manager of the domain *where* gives no answer."""
    return AdministrationFault(
        "account-manager-unreachable",
        f"{OPERATIONS[operation]} bei {where}: der Account Manager ist nicht erreichbar "
        f"({reason}); prüfen Sie die Verbindung zur TI und versuchen Sie es noch einmal",
    )


def bad_answer(operation: str, where: str, reason: str) -> AdministrationFault:
    """Return that the Account Manager's answer is not as the OpenAPI says."""
    return AdministrationFault(
        "account-manager-answer",
        f"{OPERATIONS[operation]} bei {where}: die Antwort des Anbieters ist nicht lesbar "
        f"({reason}); wenden Sie sich an den Anbieter",
    )


def unknown_provider(domain: str) -> AdministrationFault:
    """Return that no Account Manager is found for *domain* (A_19523)."""
    return AdministrationFault(
        "provider-unknown",
        f"Anbieter {domain}: unter dieser Domain ist kein Account Manager zu finden; "
        "prüfen Sie die Domain Ihres Anbieters",
    )


def names_unavailable(domain: str) -> AdministrationFault:
    """Return that the DNS server does not answer."""
    return AdministrationFault(
        "names-unavailable",
        f"Anbieter {domain}: der DNS-Server antwortet nicht; prüfen Sie die Verbindung zur TI "
        "und die Einstellung names",
    )


def of_konnektor(error: KonnektorError) -> AdministrationFault:
    """Return what went wrong at the Konnektor or with the card."""
    match error:
        case KonnektorFault(code=code) if code in CONTEXT_REFUSED:
            return AdministrationFault(
                "context-refused",
                f"Aufrufkontext: der Konnektor lehnt Mandant, Clientsystem oder Arbeitsplatz ab "
                f"(Fehler {code}); vergleichen Sie sie mit dem Informationsmodell des Konnektors",
            )
        case KonnektorFault(code=code, text=text):
            return AdministrationFault(
                "konnektor-fault",
                f"Konnektor: {error.operation} scheitert (Fehler {code}: {one_line(text, 120)}); "
                "prüfen Sie Karte und Konnektor und versuchen Sie es noch einmal",
            )
        case NoCard():
            return AdministrationFault(
                "card-missing",
                "Karte: die gewählte Karte steckt nicht, oder der Aufrufkontext erreicht sie "
                "nicht; stecken Sie sie und lesen Sie die Karten noch einmal",
            )
        case PinNotVerified(state=state):
            return AdministrationFault("pin-not-verified", f"Karte: {_PIN.get(state, _NO_PIN)}")
    return AdministrationFault(
        "konnektor-unreachable",
        "Konnektor: er antwortet nicht; prüfen Sie Adresse, Anmeldung und Verbindung in den "
        "Einstellungen (konnektors)",
    )


def no_fitting_card() -> AdministrationFault:
    """Return that there is no card to choose."""
    return AdministrationFault(
        "card-missing",
        "Karte: keine passende SMC-B und kein HBA ist erreichbar; stecken Sie die Karte, für den "
        "HBA nennen Sie auch den Benutzer",
    )


def directory_unreachable() -> AdministrationFault:
    """Return that the directory does not answer."""
    return AdministrationFault(
        "directory-unreachable",
        "Verzeichnisdienst: er antwortet nicht; prüfen Sie den LDAP-Proxy des Konnektors und "
        "versuchen Sie es noch einmal",
    )


def wrong_input(where: str, what: str) -> AdministrationFault:
    """Return that an answer of the user cannot be used; *what* says what is expected."""
    return AdministrationFault("input", f"{where}: {what}")


NO_ADDRESS = "erwartet wird eine KIM-Adresse, zum Beispiel praxis@anbieter.kim.telematik-test"
WRONG_PKCS12 = (
    "die Datei lässt sich mit diesem Passwort nicht als PKCS#12 mit Schlüssel und Zertifikat "
    "lesen; prüfen Sie Datei und Passwort"
)
EXPIRED_PKCS12 = "das Zertifikat in der Datei ist abgelaufen; was abgelegt ist, bleibt"
INCOMPLETE_NOTE = "es gibt noch keine; die erste braucht Beginn, Ende und Text"
UNUSABLE_KEY = (
    "Schlüsselspeicher: das PKCS#12 des Kontos lässt sich nicht lesen; prüfen Sie accounts und "
    "key_store_password in den Einstellungen, oder legen Sie es mit dem Schritt import neu ab"
)
UNCONFIRMED_LARGE_MAILS = "bestätigen Sie zuerst, dass Sie den Hinweis gelesen haben"
UNCONFIRMED_DEREGISTRATION = "bestätigen Sie zuerst, dass das Konto in 30 Tagen endet"
