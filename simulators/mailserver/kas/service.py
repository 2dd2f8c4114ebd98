"""How the KAS is put together, started and ended inside its provider's process."""

from __future__ import annotations

from contextlib import AsyncExitStack

from simulators.process.errors import InputError, one_line

from ..provider import Provider
from ..rest import Rest
from .attachments import Attachments
from .blobs import Files
from .control import KasControl
from .expiry import Expiry
from .operations import AttachmentService
from .store import KasStore


async def serve_kas(provider: Provider, rest: Rest, stack: AsyncExitStack) -> None:
    """Add the KAS to *rest*; it ends with *stack*. Raises InputError for a broken storage."""
    folder = provider.settings.data_dir / "kas"
    try:
        blobs = Files(folder)
        stack.push_async_callback(blobs.close)
        store = KasStore(Attachments(provider.store.database), blobs)
        await store.prepare()
    except OSError as error:
        raise InputError(f"{folder}: cannot be used as storage: {one_line(str(error))}") from None
    provider.accounts.also_used(store.attachments.used)
    expiry = Expiry(provider, store)
    AttachmentService(provider, store, expiry).add_to(rest)
    KasControl(provider, store).add_routes()
    sweeping = provider.spawn(expiry.run())
    stack.callback(sweeping.cancel)
