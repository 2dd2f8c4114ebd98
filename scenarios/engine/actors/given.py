"""Documents whose content the scenario gives, as text or as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import reason

from ..documents.identities import Identities
from ..scenario.failure import StepFailed

MAX_BYTES = 64 << 20
UUID, NOW, TODAY = "{uuid}", "{now}", "{today}"


def content(text: str | None, file: Path | None, identities: Identities, now: datetime) -> bytes:
    """Return the content of a given document: *file* as it is, *text* filled in.

    In a text ``{uuid}`` is the document's own UUID, ``{now}`` and ``{today}`` the world's time.
    """
    if text is not None:
        filled = text.replace(UUID, str(identities.uuid("bundle")))
        filled = filled.replace(NOW, now.isoformat(timespec="seconds"))
        return filled.replace(TODAY, f"{now:%Y-%m-%d}").encode()
    if file is None:
        raise StepFailed("weder Text noch Datei")
    try:
        return read_bounded(file, MAX_BYTES)
    except FileTooLarge as error:
        raise StepFailed(f"{file}: größer als {error.limit} Bytes") from None
    except OSError as error:
        raise StepFailed(f"{file}: nicht lesbar: {reason(error)}") from None
