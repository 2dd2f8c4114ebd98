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


@dataclass(frozen=True)
class LargeMailFailure:
    """Why the mail data of a large mail are not delivered.

    ``error`` is X-KIM-Fehlermeldung; in ``text`` the name ``{address}`` stands for the fetching
    user's address. With a ``subject`` the report holds the message as it came, so that it can be
    fetched again; without one the text takes the place of its body. ``integrity`` stands in place
    of the message's own X-KIM-IntegrityCheckResult.
    """

    error: str
    text: str
    subject: str | None = None
    integrity: str | None = None


NOT_ENABLED = LargeMailFailure("4018", texts.NOT_ENABLED, texts.SUBJECT_NOT_ENABLED)
NOT_DOWNLOADED = LargeMailFailure("4006", texts.NOT_DOWNLOADED, texts.SUBJECT_NOT_DOWNLOADED)
TOO_MANY_DOWNLOADS = LargeMailFailure(
    "4013", texts.TOO_MANY_DOWNLOADS, texts.SUBJECT_NOT_DOWNLOADED
)
DATA_NOT_DECRYPTED = LargeMailFailure("4007", texts.DATA_NOT_DECRYPTED)
DATA_DIFFER = LargeMailFailure("4012", texts.DATA_DIFFER)
OTHER_ORIGINATOR = LargeMailFailure(
    INTEGRITY_ERRORS[HEADERS_DIFFER], texts.INTEGRITY_FAILED, integrity=HEADERS_DIFFER
)
"""The mail data name another originator than the signed message (KOM-LE-A_2048-01, our reading)."""
AMBIGUOUS = LargeMailFailure("X19369", texts.AMBIGUOUS)
"""A_19369-02 names no code, so it is a vendor's (A_20650-05)."""


class NotRestored(Exception):
    """A large mail is not delivered; ``failure`` says why."""

    def __init__(self, failure: LargeMailFailure) -> None:
        super().__init__(failure.error)
        self.failure = failure
