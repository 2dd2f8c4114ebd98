"""How decryption and integrity check end: result headers, error codes, texts."""

from __future__ import annotations

from dataclasses import dataclass

from .. import texts

DECRYPTION_HEADER = "X-KIM-DecryptionResult"
INTEGRITY_HEADER = "X-KIM-IntegrityCheckResult"
DECRYPTED = "00"
INTACT = "01"
INTACT_UNCHECKED = "07"
HEADERS_DIFFER = "08"
RECIPIENTS_DIFFER = "09"
NO_SIGNATURE = "03"
OTHER_FAULT = "06"

INTEGRITY_CODES = {4115: "02", 4253: "03", 4112: "04", 4206: "05", 4264: "07"}
"""Konnektor code -> X-KIM-IntegrityCheckResult (Tab_Verm_Sig_Prüf)."""

INTEGRITY_ERRORS = {"02": "4014", "08": "4014", "09": "4015"}
"""X-KIM-IntegrityCheckResult -> X-KIM-Fehlermeldung (A_20650-05)."""


@dataclass(frozen=True)
class DecryptionFailure:
    """Why a message could not be decrypted (Tab_Fehlertext_Entschl).

    ``result`` is X-KIM-DecryptionResult, ``error`` X-KIM-Fehlermeldung; in ``text`` the name
    ``{address}`` stands for the fetching user's address.
    """

    result: str
    error: str
    text: str


KEY_MISSING = DecryptionFailure("01", "4009", texts.KEY_MISSING)
WRONG_FORMAT = DecryptionFailure("02", "4010", texts.WRONG_FORMAT)
KONNEKTOR_UNAVAILABLE = DecryptionFailure("03", "4011", texts.KONNEKTOR_UNAVAILABLE)


def other_fault(code: int) -> DecryptionFailure:
    """Return the failure for a Konnektor's code that the table does not know (KOM-LE-A_2047-02)."""
    return DecryptionFailure(f"X{code}", f"X{code}", texts.KONNEKTOR_FAULT.format(code=code))


class NotDecrypted(Exception):
    """The message is not decrypted; ``failure`` says why."""

    def __init__(self, failure: DecryptionFailure) -> None:
        super().__init__(failure.result)
        self.failure = failure
