"""Links and their blobs together: what is removed, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from .attachments import Attachment, Attachments
from .blobs import Blobs


class KasStore:
    """Everything that the KAS keeps.

    A link is made when its blob is durable and unmade before its blob is deleted, so that a
    process that is killed at any point leaves no link without data and no data without a trace.
    """

    def __init__(self, attachments: Attachments, blobs: Blobs) -> None:
        self.attachments = attachments
        self.blobs = blobs

    async def prepare(self) -> None:
        """Clean up what an earlier run left behind. Raises OSError."""
        await self.attachments.prepare()
        await self.attachments.give_up_abandoned(starting=True)
        await self._delete_blobs()

    async def remove(self, ids: Sequence[str]) -> None:
        """Unmake links and delete their blobs; raises OSError, then the blobs go later."""
        if ids:
            await self.attachments.give_up(ids)
            await self._delete_blobs()

    async def sweep(self, now: float) -> list[Attachment]:
        """Remove what must be deleted by *now* (A_19385), and what ended processes left behind."""
        await self.attachments.give_up_abandoned(starting=False)
        expired = await self.attachments.expired(now)
        await self.attachments.give_up([attachment.id for attachment in expired])
        await self._delete_blobs()
        return expired

    async def clear(self) -> None:
        """Remove every link."""
        await self.remove([attachment.id for attachment in await self.attachments.all()])

    async def _delete_blobs(self) -> None:
        for id_ in await self.attachments.gone():
            await self.blobs.delete(id_)
            await self.attachments.forget(id_)
