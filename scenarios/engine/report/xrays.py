"""The X-ray of every message of a run: as it lay at a provider, and as it was fetched."""

from __future__ import annotations

from collections.abc import Iterator

from ..actors.key_holders import KeyHolders
from ..play import Play
from ..pvs.control import ControlError
from ..scenario.artifacts import Fetched, Sent
from ..xray.keys import Keys
from ..xray.message import xray
from .results import XRay


def keep_copies(play: Play) -> None:
    """Have the copies at the providers kept: the end of a run removes them there."""
    for artifact in play.artifacts.values():
        if isinstance(artifact, Sent):
            _copies(play, artifact)


def xrays(play: Play) -> tuple[XRay, ...]:
    """Return the X-ray of each message that the steps sent or fetched, in their order.

    What is encrypted is opened by the cards of the world, through its Konnektoren: to be called
    when faults and pulled cards of the run are undone.
    """
    holders = KeyHolders(play.endpoints, play.opened)
    try:
        return tuple(_xrays(play, holders.keys))
    finally:
        holders.close()


def _xrays(play: Play, keys: Keys) -> Iterator[XRay]:
    for name, artifact in play.artifacts.items():
        if isinstance(artifact, Sent):
            yield _sent(name, artifact, play, keys)
        elif isinstance(artifact, Fetched):
            yield XRay(name, "wie abgeholt", xray(artifact.content, keys))


def _sent(name: str, sent: Sent, play: Play, keys: Keys) -> XRay:
    """X-ray what reached a mailbox; a mail that was refused as it was handed over."""
    for address, content in _copies(play, sent).items():
        return XRay(name, f"im Postfach von {address}", xray(content, keys))
    return XRay(name, "wie übergeben; in keinem Postfach", xray(sent.mail.content, keys))


def _copies(play: Play, sent: Sent) -> dict[str, bytes]:
    try:
        return play.stored(sent)
    except ControlError:
        return {}  # a provider is gone; the checks say so
