"""Error codes of ``eAU;Fehler-Kasse`` (code system KBV_CS_SFHIR_EAU_AU_ERROR_KASSE 1.00)."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_EAU_AU_ERROR_KASSE"


@dataclass(frozen=True)
class ErrorCode:
    """A code with its official display; ``by_message_id`` if the mail is what it names."""

    code: str
    display: str
    by_message_id: bool = False


@dataclass(frozen=True)
class Pair:
    """The two codes of one cause: for an eAU and for a Storno."""

    eau: ErrorCode
    storno: ErrorCode

    def of(self, storno: bool) -> ErrorCode:
        """Return the code for the kind of document."""
        return self.storno if storno else self.eau


NOT_INSURED = ErrorCode(
    "100", "Der Patient ist nicht bei der adressierten Krankenkasse versichert."
)
UNREADABLE = Pair(
    ErrorCode("101", "Die übermittelte eAU entspricht nicht den Vorgaben und ist nicht lesbar."),
    ErrorCode(
        "102", "Die übermittelte Stornomeldung entspricht nicht den Vorgaben und ist nicht lesbar."
    ),
)
CHARACTER_SET = Pair(
    ErrorCode("103", "Die übermittelte eAU besitzt einen falschen Zeichensatz."),
    ErrorCode("104", "Die übermittelte Stornomeldung besitzt einen falschen Zeichensatz."),
)
ALREADY_REJECTED = ErrorCode(
    "105",
    "Die zu stornierende eAU wurde von der Krankenkasse bereits als fehlerhaft abgewiesen.",
)
BAD_CERTIFICATE = Pair(
    ErrorCode(
        "201",
        "Die Signatur der eAU ist nicht gültig, da ein fehlerhaftes Zertifikat verwendet wurde.",
    ),
    ErrorCode(
        "203",
        "Die Signatur der Stornomeldung ist nicht gültig, da ein fehlerhaftes Zertifikat "
        "verwendet wurde.",
    ),
)
BAD_SIGNATURE = Pair(
    ErrorCode(
        "202",
        "Die Signatur der eAU ist nicht gültig, da die übermittelten Daten nicht den signierten "
        "Daten entsprechen.",
    ),
    ErrorCode(
        "204",
        "Die Signatur der Stornomeldung ist nicht gültig, da die übermittelten Daten nicht den "
        "signierten Daten entsprechen.",
    ),
)
WRONG_ENCRYPTION = Pair(
    ErrorCode(
        "307", "Die KIM-Nachricht für der eAU ist in einem falschen Format verschlüsselt.", True
    ),
    ErrorCode(
        "301",
        "Die KIM-Nachricht für die Stornomeldung ist in einem falschen Format verschlüsselt.",
        True,
    ),
)
MAIL_UNSIGNED = Pair(
    ErrorCode("309", "KIM-Nachricht der eAU besitzt keine Signatur."),
    ErrorCode("303", "KIM-Nachricht der Stornomeldung besitzt keine Signatur."),
)
MAIL_SIGNATURE_FORMAT = Pair(
    ErrorCode("310", "Die Signatur für die KIM-Nachricht der eAU hat das falsche Format."),
    ErrorCode(
        "304", "Die Signatur für die KIM-Nachricht der Stornomeldung hat das falsche Format."
    ),
)
MAIL_SIGNATURE_BROKEN = Pair(
    ErrorCode(
        "311",
        "Die Signaturprüfung der KIM-Nachricht der eAU hat ergeben, dass der Nachrichteninhalt "
        "nicht mit der Signatur übereinstimmt.",
    ),
    ErrorCode(
        "305",
        "Die Signaturprüfung der KIM-Nachricht der Stornomeldung hat ergeben, dass der "
        "Nachrichteninhalt nicht mit der Signatur übereinstimmt.",
    ),
)
NO_KEY = Pair(
    ErrorCode(
        "313",
        "Die KIM-Nachricht der eAU konnte aufgrund es nicht verfügbaren Schlüssels nicht "
        "entschlüsselt werden.",
        True,
    ),
    ErrorCode(
        "314",
        "Die KIM-Nachricht der Stornomeldung konnte aufgrund es nicht verfügbaren Schlüssels "
        "nicht entschlüsselt werden.",
        True,
    ),
)

ALL: tuple[ErrorCode, ...] = (
    NOT_INSURED,
    ALREADY_REJECTED,
    *(
        code
        for pair in (
            UNREADABLE,
            CHARACTER_SET,
            BAD_CERTIFICATE,
            BAD_SIGNATURE,
            WRONG_ENCRYPTION,
            MAIL_UNSIGNED,
            MAIL_SIGNATURE_FORMAT,
            MAIL_SIGNATURE_BROKEN,
            NO_KEY,
        )
        for code in (pair.eau, pair.storno)
    ),
)


def named(code: str) -> ErrorCode:
    """Return the code *code* of the table, or one that no table knows (PF11)."""
    for known in ALL:
        if known.code == code:
            return known
    return ErrorCode(code, "Unbekannter Fehler")
