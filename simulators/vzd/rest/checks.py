"""What the directory demands of entries and certificates that card issuers write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography import x509

from ..certificates import Certificate, certificate_of
from ..entries import Entry, Unseen
from ..professions import PERSON
from . import errors
from .bodies import BaseEntry, CertificateBody, NewEntry
from .changing import Change, Changing
from .errors import bad_request
from .server import Call
from .views import Views, read_content

MAX_CERTIFICATES = 50
_WRITABLE = (
    "givenName",
    "sn",
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
)
_WRITABLE_LISTS = ("lanr", "specialization", "domainID", "entryType")
_ENTRY_TYPES = frozenset("123456")


def check_headers(call: Call) -> None:
    """Raise RestError 405 if Accept does not allow JSON (the OpenAPI's word for this status)."""
    accepted = call.request.headers.get("Accept", "*/*")
    kinds = {one.partition(";")[0].strip().lower() for one in accepted.split(",")}
    if not kinds & {"*/*", "application/*", "application/json"}:
        raise errors.WRONG_HEADERS


def certificate_of_body(body: CertificateBody) -> Certificate:
    """Return the certificate in *body*. Raises RestError 400, 422 for another Telematik-ID."""
    try:
        der = base64.b64decode(body.user_certificate, validate=True)
        certificate = certificate_of(x509.load_der_x509_certificate(der))
    except (ValueError, binascii.Error):
        raise bad_request("userCertificate", "kein Zertifikat (DER in Base64)") from None
    owner = read_content(certificate.der).get("telematikID")
    if not owner:
        raise bad_request("userCertificate", "ohne Telematik-ID (Extension Admission)")
    if body.telematik_id and body.telematik_id != owner:
        raise errors.OTHER_TELEMATIK_ID
    return certificate


class EntryChecks:
    """Checks that need the other entries, the clients or what certificates say."""

    def __init__(self, changing: Changing, views: Views, holders: frozenset[str]) -> None:
        self._changing = changing
        self._views = views
        self._holders = holders

    def new_entry(self, body: NewEntry, certificates: Sequence[Certificate], caller: str) -> Change:
        """Return what becomes of a new entry. Raises RestError 400, 409, 422."""
        base = body.base
        owner = self._telematik_id(base.telematik_id, certificates)
        if any(self._changing.by_telematik_id(owner)):
            raise errors.ENTRY_EXISTS
        if len({c.id for c in certificates}) < len(certificates):
            raise errors.CERTIFICATE_EXISTS
        self._check_holders(base.holder)
        kind = self._entry_type(base.entry_type, certificates)
        contents = [self._views.content(one) for one in certificates]
        attributes = _from_certificate(certificates[0], kind) if certificates else {}
        attributes |= {name: values for name, values in _given(base).items() if values}
        attributes["telematikID"] = [owner]
        attributes["professionOID"] = _distinct(
            oid for content in contents for oid in content["professionOID"]
        )
        if kind:
            attributes["entryType"] = [kind]
        if kind != PERSON and "displayName" in attributes:
            attributes["sn"] = attributes["displayName"]
        attributes.setdefault("countryCode", ["DE"])
        attributes["holder"] = list(base.holder)
        attributes["dataFromAuthority"] = ["TRUE"]
        self._check_provided_by(base.provided_by, "", kind, caller)
        descriptions = tuple(
            (certificate.id, one.description)
            for certificate, one in zip(certificates, body.certificates, strict=True)
            if one.description
        )
        unseen = Unseen(base.active, tuple(base.meta), descriptions=descriptions)
        return Change(attributes, certificates, unseen)

    def changed_entry(self, entry: Entry, body: BaseEntry, caller: str) -> Change:
        """Return what *body* makes of *entry*. Raises RestError 400, 422."""
        given = _given(body)
        if body.telematik_id and body.telematik_id != entry.value("telematikid"):
            self._telematik_id(body.telematik_id, entry.certificates)
            if any(self._changing.by_telematik_id(body.telematik_id)):
                raise errors.OTHER_TELEMATIK_ID
        if "telematikID" in given and not body.telematik_id:
            raise bad_request("telematikID", "darf nicht leer sein")
        if body.entry_type:
            self._entry_type(body.entry_type, entry.certificates)
        self._check_holders(body.holder)
        if body.holder:
            given["holder"] = list(body.holder)
        kind = next(iter(body.entry_type), entry.value("entrytype"))
        if "providedBy" in given:
            self._check_provided_by(body.provided_by, entry.value("providedby"), kind, caller)
        if kind != PERSON and body.display_name:
            given["sn"] = [body.display_name]
        fields = body.model_fields_set
        unseen = entry.unseen
        return Change(
            given,
            unseen=Unseen(
                body.active if "active" in fields else unseen.active,
                tuple(body.meta) if "meta" in fields else unseen.meta,
                unseen.fads,
                unseen.descriptions,
            ),
        )

    def new_certificate(
        self, entry: Entry, certificate: Certificate, body: CertificateBody
    ) -> Change:
        """Return what *certificate* makes of *entry*. Raises RestError 400, 409, 422."""
        content = self._views.content(certificate)
        if entry.value("telematikid") not in ("", content["telematikID"]):
            raise errors.OTHER_TELEMATIK_ID
        serials = {self._views.content(c).get("serialNumber") for c in entry.certificates}
        if content["serialNumber"] in serials:
            raise errors.CERTIFICATE_EXISTS
        if len(entry.certificates) >= MAX_CERTIFICATES:
            raise bad_request("userCertificate", f"mehr als {MAX_CERTIFICATES} Zertifikate")
        kind = content.get("entryType")
        if entry.value("entrytype") not in ("", kind or ""):
            raise errors.OTHER_ENTRY_TYPE
        known = entry.attributes.get("professionoid", ())
        attributes: dict[str, list[str]] = {
            "telematikID": [content["telematikID"]],
            "professionOID": _distinct((*known, *content["professionOID"])),
        }
        if kind:
            attributes["entryType"] = [kind]
        unseen = entry.unseen
        if body.description:
            described = (*unseen.descriptions, (certificate.id, body.description))
            unseen = Unseen(unseen.active, unseen.meta, unseen.fads, described)
        return Change(attributes, (*entry.certificates, certificate), unseen)

    def no_links_to(self, entry: Entry) -> None:
        """Raise RestError 400 while other entries are provided by *entry*."""
        owner = entry.value("telematikid")
        if owner and any(one.value("providedby") == owner for one in self._changing.all()):
            raise bad_request("providedBy", "andere Einträge verweisen noch auf diesen")

    def _telematik_id(self, given: str, certificates: Sequence[Certificate]) -> str:
        """Return the one Telematik-ID of *given* and *certificates*. Raises RestError."""
        found = {self._views.content(c).get("telematikID") for c in certificates} - {None}
        owners = {str(one) for one in found} | ({given.strip()} - {""})
        if len(owners) > 1:
            raise errors.OTHER_TELEMATIK_ID
        if not owners:
            raise bad_request("telematikID", "fehlt, und es gibt kein Zertifikat mit ihr")
        return owners.pop()

    def _entry_type(self, given: Sequence[str], certificates: Sequence[Certificate]) -> str | None:
        kinds = {self._views.content(c).get("entryType") for c in certificates} - {None}
        found = {str(kind) for kind in kinds} | set(given)
        if len(found) > 1 or not found <= _ENTRY_TYPES:
            raise errors.OTHER_ENTRY_TYPE
        return next(iter(found), None)

    def _check_holders(self, holders: Sequence[str]) -> None:
        if not self._holders.issuperset(holders):
            raise errors.UNKNOWN_HOLDER

    def _check_provided_by(self, given: str, before: str, kind: str | None, caller: str) -> None:
        """Raise RestError 400 where a rule of providedBy is broken."""
        if not given or given == before:
            return
        above = next(self._changing.by_telematik_id(given), None)
        broken = (
            "ein anderer Wert ist schon gesetzt"
            if before
            else "nur Organisationen werden zusammengeführt"
            if kind == PERSON
            else "der übergeordnete Eintrag fehlt"
            if above is None
            else "nur eine Ebene wird unterstützt"
            if above.value("providedby")
            else "nur Organisationen werden zusammengeführt"
            if above.value("entrytype") == PERSON
            else "der Client ist nicht holder des übergeordneten Eintrags"
            if caller not in above.attributes.get("holder", ())
            else ""
        )
        if broken:
            raise bad_request("providedBy", broken)


def _given(base: BaseEntry) -> dict[str, list[str]]:
    """Return the attributes that *base* sets, those that it empties without values."""
    sent = base.model_dump(by_alias=True, exclude_unset=True)
    given: dict[str, list[str]] = {}
    for name in _WRITABLE:
        if name in sent:
            given[name] = [sent[name]] if sent[name] else []
    for name in _WRITABLE_LISTS:
        if name in sent:
            given[name] = list(sent[name])
    return given


def _from_certificate(certificate: Certificate, kind: str | None) -> dict[str, list[str]]:
    """Return what a new entry takes from its certificate where nothing is given."""
    subject = x509.load_der_x509_certificate(certificate.der).subject
    found: dict[str, list[str]] = {}
    wanted: dict[str, Any] = {"displayName": x509.NameOID.COMMON_NAME}
    if kind == PERSON:
        wanted |= {"givenName": x509.NameOID.GIVEN_NAME, "sn": x509.NameOID.SURNAME}
    for name, oid in wanted.items():
        values = subject.get_attributes_for_oid(oid)
        if values:
            found[name] = [str(values[0].value)]
    return found


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
