"""How a client mail travels: as it is, or by way of a KAS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from simulators.formats import komle

from .client_mail import ClientMail


class Way(Protocol):
    """What is signed, encrypted and sent in place of a client mail, and what belongs to it."""

    @property
    def version(self) -> str:
        """X-KOM-LE-Version of the outer message (KOM-LE-A_2099, 2100-02)."""

    @property
    def large(self) -> bool:
        """Whether only those get it who receive large mails (A_19356-06)."""

    @property
    def extra(self) -> Mapping[str, str]:
        """What the outer header says of this way."""

    async def content(self, recipients: Sequence[str]) -> bytes:
        """Return what is signed for *recipients*, once the headers are complete."""

    def keep(self) -> None:
        """Leave what was prepared where it is: the mail is sent."""

    async def withdraw(self, seconds: float) -> None:
        """Take back what was prepared for a mail that is not sent, within *seconds*."""


class WholeMail:
    """A mail that goes through the Konnektor as it is, up to 15 MiB."""

    version: Final[str] = komle.VERSION_PLAIN
    large: Final[bool] = False
    extra: Final[Mapping[str, str]] = {}

    def __init__(self, mail: ClientMail) -> None:
        self._mail = mail

    async def content(self, recipients: Sequence[str]) -> bytes:  # noqa: ARG002 (none is named)
        """Return the mail."""
        return self._mail.to_bytes()

    def keep(self) -> None:
        """Nothing is prepared anywhere."""

    async def withdraw(self, seconds: float) -> None:
        """Nothing is prepared anywhere."""
