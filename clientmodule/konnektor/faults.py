"""What can go wrong at the Konnektor, and what its codes mean to a client module."""

from __future__ import annotations

from typing import Final

CONTEXT_REFUSED: Final = frozenset({4004, 4005, 4006, 4010, 4011, 4014, 4021, 4204})
"""Mandant, Clientsystem or Workplace are unknown or do not belong together.

KOM-LE-A_2015-01 and 2037-01 name 4004 to 4006; today's Konnektoren answer 4021 for an unknown id
and 4010, 4011, 4014 for one that does not belong, 4204 for a Clientsystem that is not the one of
the client certificate: they count alike here.
"""
CARD_GONE: Final = frozenset({4008, 4047, 4101, 4131, 4146})
"""The card handle is of an earlier insertion."""
ACCESS_DENIED: Final = 4085
"""The PIN is not verified (any more)."""
WRONG_KEY: Final = 4106
"""DecryptDocument: no key of the card fits."""
NOT_AVAILABLE: Final = frozenset({4002, 4174})
"""The Konnektor runs, but in a state in which it does not work."""
JOB_NUMBER_REFUSED: Final = frozenset({4243, 4252})
"""The job number is unknown, as after a restart of the Konnektor, or was used before."""
ENCRYPTION_FAILED: Final = 4105
"""EncryptDocument: also the answer to a revoked or unknown certificate."""
BAD_CIPHERTEXT: Final = frozenset({4000, 4069, 4079, 4107, 4201, 4280, 4281, 4283})
"""DecryptDocument: the document cannot be decrypted, whatever the key."""


class KonnektorError(Exception):
    """The Konnektor did not do what it was asked for."""


class KonnektorUnreachable(KonnektorError):
    """No connection, no answer in time, or an answer that is no SOAP."""


class NotConnected(KonnektorUnreachable):
    """There was no connection: the Konnektor has not heard of the call."""


class KonnektorSilent(KonnektorUnreachable):
    """No answer within KONNEKTOR_TIMEOUT."""


class KonnektorFault(KonnektorError):
    """A SOAP fault; ``code`` is that of the last Trace (gemILF_PS 6.1)."""

    def __init__(self, operation: str, code: int, text: str) -> None:
        super().__init__(f"{operation}: {code} {text}")
        self.operation = operation
        self.code = code
        self.text = text


class NoCard(KonnektorError):
    """No card in reach that could do it (KOM-LE-A_2057, 2062)."""


class PinNotVerified(KonnektorError):
    """The card's PIN was not entered (KOM-LE-A_2058, 2063); ``state`` says how it ended."""

    def __init__(self, state: str) -> None:
        super().__init__(f"PIN: {state}")
        self.state = state
