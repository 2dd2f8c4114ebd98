"""Guardrails: what a simulator must refuse so that nobody points it at the real TI."""

from __future__ import annotations

import ipaddress
import re

from .errors import InputError

TEST_DOMAIN = ".kim.telematik-test"
_REAL_DOMAIN = re.compile(r"(^|[.@])kim\.telematik\.?$", re.IGNORECASE)
_REAL_TRUST_ANCHOR = re.compile(r"\bGEM\.(RCA|KOMP-CA|SMCB-CA|HBA-)", re.IGNORECASE)


def refuse_real_domain(domain: str) -> str:
    """Return *domain* unchanged, or raise InputError when it belongs to the real TI.

    Real KIM domains end in ``.kim.telematik``; those of the test environments end in
    ``.kim.telematik-test`` (gemSpec_CM_KOMLE, KOM-LE addresses).
    """
    if _REAL_DOMAIN.search(domain.strip()):
        raise InputError(
            f"{domain}: domains of the real TI (.kim.telematik) are refused; "
            f"use one that ends in {TEST_DOMAIN}"
        )
    return domain


def refuse_real_trust_anchor(subject: str) -> str:
    """Return *subject* unchanged, or raise InputError for a trust anchor of the real TI.

    Certificate authorities of gematik's test PKI carry TEST-ONLY or NOT-VALID in their names,
    those of the real TI do not.
    """
    marked = "TEST-ONLY" in subject or "NOT-VALID" in subject
    if _REAL_TRUST_ANCHOR.search(subject) and not marked:
        raise InputError(
            f"{subject}: trust anchors of the real TI are refused; "
            "only certificates marked TEST-ONLY or NOT-VALID may be used"
        )
    return subject


def refuse_public_address(host: str, *, allowed: bool) -> str:
    """Return *host* unchanged if it is a loopback address or *allowed* says so in words."""
    if allowed or host == "localhost":
        return host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InputError(
            f"{host}: only loopback addresses are listened on; "
            "set allow_all_addresses to true if that is really wanted"
        )
    return host
