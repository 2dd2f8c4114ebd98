"""Code catalogues of KIM: X-KIM-Fehlermeldung, X-KIM-DecryptionResult, X-KIM-IntegrityCheckResult.

The texts are short German descriptions for testers and trainers; the prescribed texts of mails
belong to the client module. Vendor codes begin with ``X`` and stand in no catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class KimCode:
    """A code, what it means, the requirement that asks for it, and where that was read."""

    code: str
    text: str
    requirement: str
    source: str


_CM = "gemSpec_CM_KOMLE V1.16"
_FAQ = "gematik/api-kim, FAQ"


def _catalogue(*entries: KimCode) -> Mapping[str, KimCode]:
    return MappingProxyType({entry.code: entry for entry in entries})


FEHLERMELDUNG = _catalogue(
    KimCode("4001", "Empfänger entfernt: KIM-Version passt nicht", "A_19356-06", _CM),
    KimCode("4002", "E-Mail-Daten konnten nicht zum KAS übertragen werden", "A_20650-05", _CM),
    KimCode(
        "4003",
        "Keine eindeutige Telematik-ID mit Verschlüsselungszertifikat gefunden",
        "A_20650-05",
        _CM,
    ),
    KimCode(
        "4004",
        "Nachricht konnte nicht für alle Empfänger verschlüsselt werden",
        "KOM-LE-A_2024-01",
        _CM,
    ),
    KimCode(
        "4005",
        "Verschlüsselungszertifikate mit verschiedenen Telematik-IDs für einen Empfänger",
        "KOM-LE-A_2192-01",
        _CM,
    ),
    KimCode("4006", "E-Mail-Daten konnten nicht vom KAS heruntergeladen werden", "A_19370-04", _CM),
    KimCode("4007", "E-Mail-Daten konnten nicht entschlüsselt werden", "A_19371-04", _CM),
    KimCode("4008", "KIM-Version der Nachricht wird nicht unterstützt", "A_21391-02", _CM),
    KimCode("4009", "Schlüssel zum Entschlüsseln nicht verfügbar", "KOM-LE-A_2047-02", _CM),
    KimCode("4010", "Falsches Format: nicht entschlüsselbar", "KOM-LE-A_2047-02", _CM),
    KimCode("4011", "Konnektor zum Entschlüsseln nicht erreichbar", "KOM-LE-A_2047-02", _CM),
    KimCode("4012", "Hashwert der E-Mail-Daten stimmt nicht überein", "A_19372-03", _CM),
    KimCode("4013", "KAS lehnt ab: zu viele Abrufe", "A_22412-01", _CM),
    KimCode("4014", "Nachricht nach dem Verschlüsseln verändert", "A_20650-05", _CM),
    KimCode(
        "4015",
        "Signaturprüfung: Nachricht verändert, so dass ein anderer Nutzer sie entschlüsselt",
        "A_20650-05",
        _CM,
    ),
    KimCode("4016", "PKCS#12 konnte nicht erneuert werden", "A_21381", _CM),
    KimCode(
        "4017",
        "Version des Clientmoduls niedriger als im Verzeichnis eingetragen",
        "A_21387-01",
        _CM,
    ),
    KimCode("4018", "Große Nachricht, deren Empfang nicht aktiviert ist", "A_23512", _CM),
)
"""X-KIM-Fehlermeldung (A_20650-05), by code."""

DECRYPTION_RESULT = _catalogue(
    KimCode("00", "Die Nachricht wurde entschlüsselt", "KOM-LE-A_2179-01", _FAQ),
    KimCode("01", "Schlüssel nicht verfügbar", "KOM-LE-A_2047-02", _CM),
    KimCode("02", "Falsches Format", "KOM-LE-A_2047-02", _CM),
    KimCode("03", "Konnektor nicht verfügbar", "KOM-LE-A_2047-02", _CM),
)
"""X-KIM-DecryptionResult, by code."""

INTEGRITY_CHECK_RESULT = _catalogue(
    KimCode("01", "Signatur erfolgreich geprüft", "KOM-LE-A_2050-05", _CM),
    KimCode("02", "Integrität verletzt (Konnektor 4115)", "KOM-LE-A_2048-01", _CM),
    KimCode("03", "Keine Signatur vorhanden (Konnektor 4253)", "KOM-LE-A_2048-01", _CM),
    KimCode("04", "Signatur im falschen Format (Konnektor 4112)", "KOM-LE-A_2048-01", _CM),
    KimCode("05", "Zertifikatspfad ungültig (Konnektor 4206)", "KOM-LE-A_2048-01", _CM),
    KimCode("06", "Anderer Fehlercode des Konnektors", "KOM-LE-A_2048-01", _CM),
    KimCode(
        "07",
        "Signatur in Ordnung, Zertifikatsstatus nicht prüfbar (Konnektor 4264)",
        "KOM-LE-A_2050-05",
        _CM,
    ),
    KimCode(
        "08",
        "Kopfzeilen der äußeren und inneren Nachricht unterscheiden sich",
        "KOM-LE-A_2048-01",
        _CM,
    ),
    KimCode(
        "09",
        "recipient-emails in Signatur und Umschlag unterscheiden sich",
        "KOM-LE-A_2048-01",
        _CM,
    ),
)
"""X-KIM-IntegrityCheckResult, by code."""
