"""CheckCertificateExpiration (TIP1-A_4699-03): one tuple for each card, and the gSMC-K."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from lxml import etree

from simulators.pki.cards import read_card
from tests.konnektor_site import HBA, PREFIXES, SMCB, SMCB_G20, Site, context
from tests.wire.konnektor.certificates.conftest import (
    EGK,
    EXPIRED,
    EXPIRED_ENDS,
    GSMCK,
    GSMCKT,
    NAMELESS,
    OWN,
    REVOKED_HBA,
    SOON,
    SOON_ENDS,
    Worn,
)

FIELDS = ("CtID", "CardHandle", "ICCSN", "subject_commonName", "serialNumber", "validity")


def expirations(site: Site, handle: str = "", crypt: str = "", **who: Any) -> Any:
    card = f"<CONN:CardHandle>{handle}</CONN:CardHandle>" if handle else ""
    wanted = f"<CERT:Crypt>{crypt}</CERT:Crypt>" if crypt else ""
    return site.call("CERT", "CheckCertificateExpiration", card + context(**who) + wanted)


def tuples(answer: Any) -> dict[str, dict[str, str]]:
    """Return the tuples of an answer by ICCSN."""
    found = answer.body.xpath("//CERT:CertificateExpiration", namespaces=PREFIXES)
    entries = [
        {etree.QName(field).localname: field.text or "" for field in entry} for entry in found
    ]
    assert all(tuple(entry) == FIELDS for entry in entries)
    return {entry["ICCSN"]: entry for entry in entries}


def test_all_cards_of_the_mandant_and_the_konnektor(site: Site) -> None:
    found = tuples(expirations(site))
    own = x509.load_pem_x509_certificate(site.pki.tls("konnektor").certificate.read_bytes())
    gsmck = next(entry for entry in found.values() if not entry["CardHandle"])
    assert set(found) == {SMCB, HBA, gsmck["ICCSN"]}  # the other SMC-B is Mandant m2's
    assert gsmck["CtID"] == ""
    assert gsmck["ICCSN"].startswith("80276")
    assert gsmck["serialNumber"] == str(own.serial_number)
    card = read_card(site.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate
    assert found[SMCB] == {
        "CtID": "t1",
        "CardHandle": site.handle(SMCB),
        "ICCSN": SMCB,
        "subject_commonName": "Praxis 1 TEST-ONLY",
        "serialNumber": str(card.serial_number),
        "validity": f"{card.not_valid_after_utc.date()}Z",
    }


def test_without_crypt_it_is_what_the_generation_prefers(site: Site) -> None:
    objects = read_card(site.pki.card(SMCB)).objects
    for crypt, expected in (("", "ECC"), ("ECC", "ECC"), ("RSA", "RSA")):
        entry = tuples(expirations(site, site.handle(SMCB), crypt))[SMCB]
        serial = objects["C.AUT", expected].certificate.serial_number  # type: ignore[index]
        assert entry["serialNumber"] == str(serial)


def test_a_card_is_reached_from_any_workplace_of_the_clientsystem(site: Site) -> None:
    assert set(tuples(expirations(site, site.handle(SMCB), workplace="w9"))) == {SMCB}
    answer = expirations(site, site.handle(SMCB_G20))
    assert (answer.status, answer.code) == (500, 4146)  # it belongs to m2
    assert set(tuples(expirations(site, site.handle(SMCB_G20), mandant="m2"))) == {SMCB_G20}


def test_cards_without_ecc_are_left_out_with_a_warning(site: Site) -> None:
    answer = expirations(site, crypt="ECC", mandant="m2")
    assert (answer.status, answer.code) == (200, 4257)
    assert answer.text("//CONN:Result") == "Warning"
    assert SMCB_G20 not in tuples(answer)
    handle = site.handle(SMCB_G20)
    assert answer.text("//GERROR:ErrorText") == (
        f"ECC-Zertifikate nicht vorhanden auf Karte: {handle}"
    )
    alone = expirations(site, handle, "ECC", mandant="m2")
    assert (alone.code, tuples(alone)) == (4257, {})


def test_who_may_not_ask(site: Site) -> None:
    assert expirations(site, "SMC-B-gibt-es-nicht").code == 4008
    assert expirations(site, mandant="m9").code == 4021
    assert expirations(site, clientsystem="cs2").code == 4204
    assert expirations(site, crypt="RSA_ECC").code == 4000
    handle = site.handle(SMCB)
    site.role.ask("POST", f"/cards/{SMCB}/remove")
    assert expirations(site, handle).code == 4008
    assert SMCB not in tuples(expirations(site))


def test_expired_and_soon_expiring_cards(worn: Worn) -> None:
    expirations_of = tuples(expirations(worn.site, worn.site.handle(EXPIRED)))
    assert expirations_of[EXPIRED]["validity"] == f"{EXPIRED_ENDS.date()}Z"
    worn.site.role.ask("POST", f"/cards/{NAMELESS}/remove")
    found = tuples(expirations(worn.site))
    assert set(found) == {EXPIRED, SOON, REVOKED_HBA, OWN, GSMCK, GSMCKT}
    assert found[SOON]["validity"] == f"{SOON_ENDS.date()}Z"
    days = datetime.fromisoformat(found[SOON]["validity"][:10]).date() - datetime.now(UTC).date()
    assert days.days in {29, 30}


def test_a_certificate_without_a_name(worn: Worn) -> None:
    assert expirations(worn.site, worn.site.handle(NAMELESS)).code == 4148


def test_cards_that_cannot_be_asked_for(worn: Worn) -> None:
    site = worn.site
    assert expirations(site, site.handle(EGK)).code == 4058
    assert expirations(site, site.handle(SOON), "RSA").code == 4147  # it has ECC only
    assert expirations(site, site.handle(SOON), "ECC").status == 200
    site.role.ask("POST", f"/cards/{NAMELESS}/remove")
    assert set(tuples(expirations(site, crypt="RSA"))) == {
        *(EXPIRED, REVOKED_HBA, OWN, GSMCK, GSMCKT)
    }
    site.role.ask("PUT", "/terminals/t1", {"condition": "silent"})
    assert expirations(site, site.handle(OWN)).code == 4094


def test_terminals_within_reach_have_their_gsmckt(worn: Worn) -> None:
    worn.site.role.ask("POST", f"/cards/{NAMELESS}/remove")
    entry = tuples(expirations(worn.site))[GSMCKT]
    assert (entry["CtID"], entry["CardHandle"]) == ("t1", "")
    assert entry["subject_commonName"] == GSMCKT
    assert entry["validity"] == f"{SOON_ENDS.date()}Z"
    worn.site.role.ask("PUT", "/terminals/t1", {"condition": "disconnected"})
    assert set(tuples(expirations(worn.site))) == {GSMCK}


def test_what_differs_by_make(start_site: Callable[..., Site], worn: Worn) -> None:
    """Terminals left out; and the access check by the word, which has no rule for a card."""
    settings = worn.site.role.settings
    site = start_site(
        make={"lists_gsmckt": False, "card_expiration": "4019"},
        information_model=settings["information_model"],
        pins=settings["pins"],
        trust=settings["trust"],
    )
    site.role.ask("POST", f"/cards/{NAMELESS}/remove")
    found = tuples(expirations(site))
    assert GSMCKT not in found
    assert OWN in found
    assert expirations(site, site.handle(OWN)).code == 4019
