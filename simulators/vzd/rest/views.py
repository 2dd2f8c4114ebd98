"""Entries as the maintenance interfaces show them: with everything that LDAP does not."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.formats.certificates import load, profession_oids, public_key, telematik_id
from simulators.formats.errors import FormatError

from ..certificates import Certificate
from ..entries import Entry
from ..professions import entry_type
from ..schema import key_of
from .kim_data import FadOf, KimAccount, accounts_of

Json = dict[str, Any]
_TEXTS = (
    "givenName",
    "sn",
    "cn",
    "displayName",
    "streetAddress",
    "postalCode",
    "countryCode",
    "localityName",
    "stateOrProvinceName",
    "title",
    "organization",
    "otherName",
    "telematikID",
    "providedBy",
    "maxKOMLEadr",
    "changeDateTime",
)
_LISTS = ("lanr", "specialization", "domainID", "holder", "professionOID", "entryType")
_BOOLEANS = ("personalEntry", "dataFromAuthority")
MAX_KEPT = 4_096


class Views:
    """Makes the JSON of entries; what a certificate says is read once."""

    def __init__(self, base: str, fad_of: FadOf) -> None:
        self._fad_of = fad_of
        self._dc = [part.partition("=")[2] for part in reversed(base.split(","))]
        self._read: dict[bytes, Json] = {}

    def dn(self, entry: Entry, **more: Any) -> Json:
        """Return the distinguishedName of *entry* or, with *more*, of a part of it."""
        return {"uid": entry.uid, "dc": self._dc, **more}

    def entry(self, entry: Entry, at: datetime, *, base_only: bool = False) -> Json:
        """Return the whole DirectoryEntry, or its base data only."""
        shown: Json = {"DirectoryEntryBase": self.base(entry)}
        if not base_only:
            shown["userCertificates"] = [self.certificate(entry, c, at) for c in entry.certificates]
            fads = accounts_of(entry, self._fad_of)
            fachdaten = [self.fad(entry, fad, fads[fad]) for fad in sorted(fads)]
            shown["Fachdaten"] = [{"dn": self.dn(entry), "FAD1": fachdaten}] if fachdaten else []
        return shown

    def base(self, entry: Entry) -> Json:
        """Return the baseDirectoryEntry."""
        shown: Json = {"dn": self.dn(entry)}
        for name in _TEXTS:
            if value := entry.value(_key(name)):
                shown[name] = value
        for name in _LISTS:
            shown[name] = list(entry.attributes.get(_key(name), ()))
        for name in _BOOLEANS:
            if value := entry.value(_key(name)):
                shown[name] = value.upper() == "TRUE"
        shown["entryType"] = shown["entryType"][:1]
        return shown | {"active": entry.unseen.active, "meta": list(entry.unseen.meta)}

    def certificate(self, entry: Entry, certificate: Certificate, at: datetime) -> Json:
        """Return the userCertificate; one that has expired is not active.

        An older gemSpec_VZD has it deleted, the OpenAPI shows certificates that are not active and
        wins; and the virtual clock may go back.
        """
        shown = {
            "dn": self.dn(entry, cn=certificate.id),
            "userCertificate": base64.b64encode(certificate.der).decode(),
            "active": certificate.expires > at.timestamp(),
            **self.content(certificate),
        }
        description = dict(entry.unseen.descriptions).get(certificate.id)
        return shown if description is None else {**shown, "description": description}

    def content(self, certificate: Certificate) -> Json:
        """Return what the directory reads from *certificate*; nothing from garbage."""
        kept = self._read.get(certificate.der)
        if kept is None:
            if len(self._read) >= MAX_KEPT:
                self._read.clear()
            kept = self._read[certificate.der] = read_content(certificate.der)
        return kept

    def fad(self, entry: Entry, fad: str, accounts: Sequence[KimAccount]) -> Json:
        """Return the FAD1 of the provider *fad*."""
        return {
            "dn": self.dn(entry, ou=[fad]),
            "mail": [account.address for account in accounts if account.listed],
            "komLeData": [
                {"mail": account.address, "version": account.version}
                for account in accounts
                if account.version and not account.hidden
            ],
            "kimData": [
                {
                    "mail": account.address,
                    "version": account.version,
                    "appTags": list(account.app_tags),
                }
                for account in accounts
                if account.version
            ],
        }


def read_content(der: bytes) -> Json:
    """Return the attributes of a certificate entry; empty for bytes that are no certificate."""
    try:
        certificate = load(der)
        oids = profession_oids(certificate)
        owner, kind = telematik_id(certificate), entry_type(oids)
        is_rsa = isinstance(public_key(certificate), rsa.RSAPublicKey)
        issuer = certificate.issuer.rfc4514_string()
    except (FormatError, ValueError):
        return {}
    return {
        **({"telematikID": owner} if owner else {}),
        **({"entryType": kind} if kind else {}),
        "professionOID": list(oids),
        "notBefore": _plain(certificate.not_valid_before_utc),
        "notAfter": _plain(certificate.not_valid_after_utc),
        "serialNumber": str(certificate.serial_number),
        "issuer": issuer,
        "publicKeyAlgorithm": "RSA" if is_rsa else "EC",
    }


def _plain(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _key(name: str) -> str:
    key = key_of(name)
    assert key is not None  # names of this module have no options
    return key
