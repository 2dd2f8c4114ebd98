"""Addresses as kv.dox proposes them: from the BSNR of a practice and the name of a doctor.

Unconfirmed: which keys the district offices of a KV have, and how the part ``.<KV>`` is written
for each KV; these are their usual abbreviations. 99 is nobody's: BSNR that a world makes begin
so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from cryptography import x509
from cryptography.x509.oid import NameOID

MAX_LOCAL_PART = 64
INSTITUTION = "B-{bsnr}"
PERSON = "{given_name}.{surname}"
AREAS: Mapping[str, str] = MappingProxyType(
    {
        number: area
        for area, numbers in {
            "kvsh": "01",
            "kvhh": "02",
            "kvhb": "03",
            "kvn": "06 07 08 09 10 11 12 13 14 15 16 17",
            "kvwl": "18 19 20",
            "kvno": "21 24 25 27 28 31 37 38",
            "kvh": "39 40 41 42 43 44 45 46",
            "kvrlp": "47 48 49 50 51",
            "kvbw": "52 55 60 61 62",
            "kvb": "63 64 65 66 67 68 69 70 71",
            "kvberlin": "72",
            "kvsaarland": "73",
            "kvmv": "78",
            "kvbb": "79 80 81 83",
            "kvsa": "85 86 87 88",
            "kvt": "89 90 91 93",
            "kvs": "94 95 96 98",
            "kvtest": "99",
        }.items()
        for number in numbers.split()
    }
)
"""The KV by the first two digits of a BSNR (Richtlinie der KBV nach § 75 Absatz 7 SGB V)."""

_BSNR = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def bsnr(certificate: x509.Certificate) -> str | None:
    """Return the BSNR that a practice's SMC-B has as O of its subject, None without one."""
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        found = _BSNR.search(str(attribute.value))
        if found:
            return found[0]
    return None


def holder(certificate: x509.Certificate) -> tuple[str, str]:
    """Return given name and surname of a person's card as they can stand in an address."""
    given, surname = (
        _of_subject(certificate, oid) for oid in (NameOID.GIVEN_NAME, NameOID.SURNAME)
    )
    return given, surname


def spelled(text: str) -> str:
    """Return *text* as it can stand in an address: umlauts spelled out, hyphens for the rest."""
    text = text.translate(_UMLAUTS).replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")


def proposed(form: str, certificate: x509.Certificate, number: str, area: str) -> tuple[str, str]:
    """Return the free and the fixed end of a local part: ``B-721234500`` and ``.kvberlin``.

    *form* has ``{bsnr}``, ``{given_name}``, ``{surname}``; together they fit into 64 characters.
    """
    given_name, surname = holder(certificate)
    text = form.format(bsnr=number, given_name=given_name, surname=surname)
    return text[: MAX_LOCAL_PART - len(area) - 1].strip("."), f".{area}"


def _of_subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    attributes = certificate.subject.get_attributes_for_oid(oid)
    return spelled(str(attributes[0].value)) if attributes else ""
