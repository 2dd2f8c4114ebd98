"""How the KAS is put together, started and ended inside its provider's process."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from simulators.process.errors import InputError, one_line

from ..provider import Provider
from ..rest import Rest
from .attachments import Attachments
from .blobs import Blobs, Files
from .control import KasControl
from .expiry import Expiry
from .operations import AttachmentService
from .settings import S3, KasSettings
from .store import KasStore


async def serve_kas(provider: Provider, rest: Rest, stack: AsyncExitStack) -> None:
    """Add the KAS to *rest*; it ends with *stack*. Raises InputError for a broken storage."""
    settings = provider.settings
    place = settings.kas.storage or str(settings.data_dir / "kas")
    try:
        blobs = await _storage(place, settings.kas)
        stack.push_async_callback(blobs.close)
        store = KasStore(Attachments(provider.store.database), blobs)
        await store.prepare()
    except OSError as error:
        raise InputError(f"{place}: cannot be used as storage: {one_line(str(error))}") from None
    provider.accounts.also_used(store.attachments.used)
    expiry = Expiry(provider, store)
    provider.accounts.on_end(store.attachments.give_up_of, expiry.look_again)
    AttachmentService(provider, store, expiry).add_to(rest)
    KasControl(provider, store).add_routes()
    sweeping = provider.spawn(expiry.run())
    stack.callback(sweeping.cancel)


async def _storage(place: str, settings: KasSettings) -> Blobs:
    """Return the folder or the object storage at *place*. Raises OSError, InputError."""
    if not place.startswith(S3):
        return Files(Path(place))
    assert settings.s3 is not None  # the settings were checked
    try:
        from .s3 import Objects  # its client is an optional dependency, and large
    except ImportError:
        raise InputError("object storage needs the extra 's3': kimulator[s3]") from None
    objects = Objects(place, settings.s3)
    await objects.open()
    return objects
