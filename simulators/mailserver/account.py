"""An account of the provider: what is known of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """An account; ``address`` in lower case is its key and the name of its mailbox.

    ``data_time_to_live`` in days, ``max_mail_size`` and ``quota`` in bytes; ``password`` is the
    salted hash, None only until it is computed after the start. ``deregistered`` is the end of a
    deregistered account in virtual epoch seconds (deregDate): until then mail can be fetched.
    ``in_directory`` is the opposite of noVzdMailEntry, ``certified`` tells that a client
    certificate was issued. ``given`` stands in accounts that are no longer as the settings have
    them: the hash of what the settings said, so that only a change of these overrides.
    Nobody logs in to a ``locked`` account (KOM-LE-A_2167); it gets mail all the same.
    ``spelling`` is the address as it was registered, where that differs.
    """

    address: str
    telematik_id: str
    password: bytes | None
    data_time_to_live: int
    max_mail_size: int
    quota: int | None
    kim_version: str = "1.5"
    reference_id: str = ""
    deregistered: float | None = None
    in_directory: bool = True
    certified: bool = False
    given: bytes | None = None
    locked: bool = False
    spelling: str = ""

    @property
    def shown(self) -> str:
        """The address as its owner writes it, which a provider does not change (FAQ)."""
        return self.spelling or self.address
