"""A signature as it was found in a PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class EmbeddedSignature:
    """A signature in a PDF: its CMS, the bytes it covers, and whether that is all of the file.

    It covers the PDF from its beginning up to ``end``, without what stands in ``gap``. PAdES has
    its time and its Reason (the ShortText) in the PDF, not in the CMS.
    """

    cms: bytes
    gap: tuple[int, int]
    end: int
    covers_all: bool
    signing_time: datetime | None
    reason: str | None
    field_name: str

    def covered(self, pdf: bytes) -> bytes:
        """Return the bytes of *pdf*, in which it was found, that it signs."""
        return pdf[: self.gap[0]] + pdf[self.gap[1] : self.end]
