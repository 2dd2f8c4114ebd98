"""Topics of the events that do not come from cards, PINs, terminals or signatures."""

from __future__ import annotations

EXPIRATION = "CERT/CARD/EXPIRATION"
BOOTUP_COMPLETE = "BOOTUP/BOOTUP_COMPLETE"
OPERATIONAL_STATE = "OPERATIONAL_STATE"
VPN_TI, VPN_SIS = "NETWORK/VPN_TI", "NETWORK/VPN_SIS"
