"""What tests change around a client module: entries of the directory, certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.clientmodule_world import World


def enable_large_mails(kim: World, participant: str) -> None:
    """Have the directory say that *participant*, or an address, takes large mails."""
    assert kim.endpoints.vzd is not None
    control, address = kim.endpoints.vzd.control, kim.resolve(participant)
    for entry in kim.ask(control, "GET", "/entries")["entries"]:
        attributes = entry["attributes"]
        if any(value.endswith(f",{address}") for value in attributes.get("komLeData", [])):
            attributes["komLeData"] = [f"1.5+,{address}"]
            content = {"attributes": attributes, "certificates": entry["certificates"]}
            kim.ask(control, "PUT", f"/entries/{entry['uid']}", content)
            return
    raise AssertionError(f"no entry of {address}")


def revoke(kim: World, serial: int) -> None:
    """Have the OCSP responder say that the certificate *serial* is revoked."""
    assert kim.endpoints.pki is not None
    kim.ask(kim.endpoints.pki.control, "PUT", f"/certificates/{serial}", {"status": "revoked"})


def revoke_encryption(kim: World, participant: str) -> None:
    """Revoke the certificates C.ENC of the participant's card."""
    assert kim.endpoints.pki is not None
    card = kim.card(participant)
    for entry in kim.ask(kim.endpoints.pki.control, "GET", "/certificates"):
        if entry.get("iccsn") == card and "ENC" in entry["profile"]:
            revoke(kim, int(entry["serial"]))
