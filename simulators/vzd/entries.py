"""Entries of the directory: one flat list of attributes for each Telematik-ID (TIP1-A_5569)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field, TypeAdapter, ValidationError

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line
from simulators.process.guardrails import refuse_real_domain
from simulators.process.settings import Settings

from . import professions
from .schema import CERTIFICATE, fold_value, is_integer, key_of, spelling

MAX_FILE_BYTES = 512 << 20
MAX_CERTIFICATE_BYTES = 1 << 20
_OBJECT_CLASSES = ("top", "vzd-komleview")
UID = r"^[A-Za-z0-9._-]{1,64}$"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FOREVER = float("inf")


class EntryRecord(Settings):
    """An entry in a file: ``certificates`` are PEM files, relative to it."""

    uid: str = Field(pattern=UID)
    attributes: dict[str, list[str]] = {}
    certificates: list[Path] = []


class EntryContent(Settings):
    """An entry given over the control port: ``certificates`` are PEM or DER in base64."""

    uid: str = Field(pattern=UID)
    attributes: dict[str, list[str]]
    certificates: list[str] = []


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in an entry; ``expires`` in seconds since the epoch, never if unreadable."""

    der: bytes
    expires: float = _FOREVER


@dataclass(frozen=True)
class Entry:
    """An entry as it is found.

    ``attributes`` are the values by attribute key, ``folded`` the same as they are compared,
    ``names`` how the keys are spelled in answers. ``encoded`` keeps parts of answers.
    """

    dn: str
    attributes: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    certificates: tuple[Certificate, ...] = ()
    folded: Mapping[str, tuple[str, ...]] = field(init=False)
    encoded: dict[tuple[str, int], bytes] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        folded = {
            key: tuple(f for value in values if (f := fold_value(key, value)) is not None)
            for key, values in self.attributes.items()
        }
        object.__setattr__(self, "folded", folded)

    @property
    def uid(self) -> str:
        """The uid, empty for what is no person or institution."""
        return next(iter(self.attributes.get("uid", ())), "")

    def found(self, at: float) -> bool:
        """Whether clients find the entry: only with a certificate that has not expired."""
        return any(c.expires > at for c in self.certificates)

    def valid_certificates(self, at: float) -> tuple[Certificate, ...]:
        """Return the certificates that have not expired *at* (seconds since the epoch)."""
        return tuple(c for c in self.certificates if c.expires > at)


def make_entry(
    uid: str,
    attributes: Mapping[str, Sequence[str]],
    certificates: Sequence[Certificate],
    *,
    base: str,
    now: datetime,
) -> Entry:
    """Return the entry *uid*; what follows from other attributes is filled in.

    Raises InputError for an attribute that cannot be kept.
    """
    kept: dict[str, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    for name, values in {**attributes, "uid": [uid]}.items():
        key = key_of(name)
        if key is None or not _NAME.fullmatch(name):
            raise InputError(f"entry {uid}: {one_line(name, 60)!r} is no attribute name")
        if key == CERTIFICATE:
            raise InputError(f"entry {uid}: certificates belong into 'certificates'")
        cleaned = tuple(dict.fromkeys(v.strip() for v in values if v.strip()))  # TIP1-A_5620
        if cleaned:
            kept[key] = kept.get(key, ()) + cleaned
            names[key] = spelling(key) or name
    _check(uid, kept)
    _derive(kept, now)
    for key in kept:
        names.setdefault(key, spelling(key) or key)
    return Entry(f"uid={uid},{base}", kept, names, tuple(certificates))


def _check(uid: str, kept: Mapping[str, tuple[str, ...]]) -> None:
    for address in kept.get("mail", ()):
        refuse_real_domain(address)
    for key, values in kept.items():
        for value in values:
            if "\0" in value or (is_integer(key) and fold_value(key, value) is None):
                raise InputError(f"entry {uid}: {key}: {one_line(value, 60)!r} cannot be a value")


def _derive(kept: dict[str, tuple[str, ...]], now: datetime) -> None:
    """Fill in what the directory itself sets (counts and rules of gemSpec_VZD)."""
    kept.setdefault("objectclass", _OBJECT_CLASSES)
    if "displayname" in kept:
        kept["cn"] = kept["displayname"]  # cn is always a copy
    if "entrytype" not in kept:
        kind = professions.entry_type(kept.get("professionoid", ()))
        if kind is not None:
            kept["entrytype"] = (kind,)
    if "entrytype" in kept:
        personal = kept["entrytype"] == (professions.PERSON,)
        kept.setdefault("personalentry", ("TRUE" if personal else "FALSE",))
    kept.setdefault("changedatetime", (now.isoformat(timespec="seconds"),))


def read_entries(file: Path, *, base: str, now: datetime) -> Iterator[Entry]:
    """Yield the entries of *file*.

    Raises InputError that names the file, the entry and what was expected.
    """
    certificates: dict[Path, Certificate] = {}
    seen: set[str] = set()
    for record in _records(file):
        if record.uid.lower() in seen:
            raise InputError(f"{file}: the uid {record.uid} is given twice")
        seen.add(record.uid.lower())
        for path in record.certificates:
            if path not in certificates:
                certificates[path] = _read_certificate(file.parent / path)
        try:
            yield make_entry(
                record.uid,
                record.attributes,
                [certificates[path] for path in record.certificates],
                base=base,
                now=now,
            )
        except InputError as error:
            raise InputError(f"{file}: {error}") from None


def _records(file: Path) -> Iterable[EntryRecord]:
    try:
        content = json.loads(read_bounded(file, MAX_FILE_BYTES))
        return TypeAdapter(list[EntryRecord]).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InputError(f"{file}: {where}: {one_line(first['msg'])}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as JSON: {one_line(str(error))}") from None


def _read_certificate(path: Path) -> Certificate:
    try:
        return certificate_of(
            x509.load_pem_x509_certificate(read_bounded(path, MAX_CERTIFICATE_BYTES))
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no certificate in PEM: {one_line(str(error))}") from None


def certificate_of(certificate: x509.Certificate) -> Certificate:
    """Return *certificate* as an entry holds it."""
    return Certificate(
        certificate.public_bytes(Encoding.DER), certificate.not_valid_after_utc.timestamp()
    )


def parse_certificate(text: str) -> Certificate:
    """Return the certificate in *text*: PEM, or base64 of bytes that need not be a certificate.

    A tester may want a directory that answers garbage. Raises InputError if *text* is neither.
    """
    try:
        if "-----BEGIN" in text:
            return certificate_of(x509.load_pem_x509_certificate(text.encode()))
        der = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError(f"neither PEM nor base64: {one_line(str(error), 100)}") from None
    try:
        return certificate_of(x509.load_der_x509_certificate(der))
    except ValueError:
        return Certificate(der)
