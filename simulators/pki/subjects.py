"""Subject names in the forms of gematik's test certificates, marked TEST-ONLY and NOT-VALID."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID

from .request import HBAX, NOT_VALID, TEST_ONLY, CardRequest

INSURER = "1.2.276.0.76.4.59"
TLS_ORGANIZATION = "kimulator TEST-ONLY - NOT-VALID"


def authority_subject(common_name: str, unit: str | None) -> x509.Name:
    """Return the subject of an authority, like gematik's: C, O, OU, CN."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, "kimulator" + NOT_VALID),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common_name),
    )


def card_subject(card: CardRequest) -> x509.Name:
    """Return the subject of every certificate of *card*."""
    if card.type == "EGK":
        return _egk_subject(card)
    return _hba_subject(card) if card.type in HBAX else _smcb_subject(card)


def tls_subject(common_name: str) -> x509.Name:
    """Return the subject of a TLS certificate."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, TLS_ORGANIZATION),
        (NameOID.COMMON_NAME, common_name),
    )


def _hba_subject(card: CardRequest) -> x509.Name:
    """Return C and one RDN of several values, as on the test HBAs."""
    assert card.given_name is not None
    assert card.surname is not None
    person = x509.RelativeDistinguishedName(
        [
            x509.NameAttribute(NameOID.GIVEN_NAME, card.given_name),
            x509.NameAttribute(NameOID.SURNAME, card.surname),
            _serial_number(card),
            x509.NameAttribute(NameOID.COMMON_NAME, card.common_name + TEST_ONLY),
        ]
    )
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")
    return x509.Name([x509.RelativeDistinguishedName([country]), person])


def _egk_subject(card: CardRequest) -> x509.Name:
    """Return the insured person's subject: insurer, KVNR, name (the order is unconfirmed)."""
    return _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, (card.organization or "Testkasse") + NOT_VALID),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, card.kvnr),
        (NameOID.SURNAME, card.surname),
        (NameOID.GIVEN_NAME, card.given_name),
        (NameOID.COMMON_NAME, card.common_name + TEST_ONLY),
    )


def _smcb_subject(card: CardRequest) -> x509.Name:
    """Return the institution's subject.

    A practice named after its holder has SN and GN and no serialNumber; other institutions
    have a serialNumber and, where known, their place (both forms as on the test cards).
    """
    of_holder = card.surname is not None
    organization = card.organization and card.organization + NOT_VALID
    names = _name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.STATE_OR_PROVINCE_NAME, card.state),
        (NameOID.LOCALITY_NAME, card.locality),
        (NameOID.POSTAL_CODE, card.postal_code),
        (NameOID.STREET_ADDRESS, card.street),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.SURNAME, card.surname),
        (NameOID.GIVEN_NAME, card.given_name),
    )
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, card.common_name + TEST_ONLY)
    last = [common_name] if of_holder else [_serial_number(card), common_name]
    return x509.Name([*names, *last])


def _serial_number(card: CardRequest) -> x509.NameAttribute[str]:
    # The prefix is 12 on an insurer's test card and 16 on all others; its meaning is unconfirmed.
    prefix = "12" if card.profession_oid == INSURER else "16"
    return x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{prefix}.{card.iccsn}")


def _name(*parts: tuple[x509.ObjectIdentifier, str | None]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])
