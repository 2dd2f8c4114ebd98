"""Topics of the Konnektor's events, and the parameters that several of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..soap.answers import timestamp

if TYPE_CHECKING:
    from ..cards.cards import InsertedCard

CARD_INSERTED = "CARD/INSERTED"
CARD_REMOVED = "CARD/REMOVED"
CARD_PIN = "CARD/PIN/{action}_{step}"
"""action: VERIFY, CHANGE, ENABLE, DISABLE; step: STARTED, FINISHED."""
TERMINAL_CONNECTED = "CT/CONNECTED"
TERMINAL_DISCONNECTED = "CT/DISCONNECTED"
NEXT_SUCCESSFUL = "SIG/SIGNDOC/NEXT_SUCCESSFUL"
EXPIRATION = "CERT/CARD/EXPIRATION"
BOOTUP_COMPLETE = "BOOTUP/BOOTUP_COMPLETE"
OPERATIONAL_STATE = "OPERATIONAL_STATE"
VPN_TI, VPN_SIS = "NETWORK/VPN_TI", "NETWORK/VPN_SIS"


def card_parameters(card: InsertedCard) -> dict[str, str]:
    """Return the parameters of CARD/INSERTED and CARD/REMOVED (gemILF_PS 4.1.4.2).

    A parameter that the card does not have (the name of a card that cannot be read) is left out;
    CARD/INSERTED has CertExpirationDate too.
    """
    parameters = {
        "CardHandle": card.handle,
        "CardType": card.card.type,
        "ICCSN": card.card.iccsn,
        "CtID": card.terminal,
        "SlotID": str(card.slot),
        "InsertTime": timestamp(card.inserted_at.astimezone()),
        "CardHolderName": card.holder(),
    }
    return {key: value for key, value in parameters.items() if value}
