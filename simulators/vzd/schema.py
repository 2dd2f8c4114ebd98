"""The attributes of the flat view: names, aliases, and how values are compared."""

from __future__ import annotations

import re
import unicodedata

CERTIFICATE = "usercertificate"
CERTIFICATE_NAME = "userCertificate;binary"  # RFC 4522: certificates always carry the option

# The first name is the one in answers: they carry the short names street, l, st and o.
_NAMES = (
    ("objectClass",),
    ("uid", "userid"),
    ("telematikID",),
    ("domainID",),
    ("displayName",),
    ("cn", "commonName"),
    ("sn", "surname"),
    ("givenName", "gn"),
    ("title",),
    ("o", "organization", "organizationName"),
    ("otherName",),
    ("street", "streetAddress"),
    ("postalCode",),
    ("l", "localityName"),
    ("st", "stateOrProvinceName"),
    ("countryCode",),
    ("professionOID",),
    ("specialization",),
    ("entryType",),
    ("lanr",),
    ("mail", "rfc822Mailbox"),
    ("komLeData",),
    ("kimData",),
    ("KOM-LE-Version",),
    ("maxKOMLEadr",),
    ("userCertificate",),
    ("dataFromAuthority",),
    ("personalEntry",),
    ("changeDateTime",),
    ("holder",),
    ("providedBy",),
    ("dc", "domainComponent"),
)
_KEYS = {alias.lower(): names[0].lower() for names in _NAMES for alias in names}
_SCHEMA = frozenset(_KEYS.values())
_SPELLING = {alias.lower(): alias for names in _NAMES for alias in names}
_INTEGERS = frozenset({"maxkomleadr"})
_OPTIONS = frozenset({"binary"})
_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(r"-?\d{1,18}")


def key_of(description: str) -> str | None:
    """Return the key under which *description* (name, alias, with options) is kept.

    None for options that the directory does not know: no attribute has them. Names that are not
    in the schema are their own key.
    """
    if (known := _KEYS.get(description.lower())) is not None:
        return known
    name, *options = description.lower().split(";")
    if not _OPTIONS.issuperset(options):
        return None
    return _KEYS.get(name, name)


def spelling(name: str) -> str | None:
    """Return how the schema spells *name*, or None if it is not in the schema."""
    return _SPELLING.get(name.lower())


def in_schema(key: str) -> bool:
    """Whether *key* is one of the schema's, so that its absence is a fact (RFC 4511, 4.5.1.7)."""
    return key in _SCHEMA


def is_integer(key: str) -> bool:
    """Whether values of *key* are compared as numbers."""
    return key in _INTEGERS


def fold(text: str) -> str:
    """Return *text* as it is compared: in one case, composed, spaces made one (RFC 4518)."""
    if text.isascii():
        lower = text.lower()
        folded = text if lower == text else lower  # the same object needs no room
    else:
        composed = unicodedata.normalize("NFKC", text).casefold()
        folded = unicodedata.normalize("NFKC", composed)
    if "  " in folded or not folded.isprintable():  # other spaces are not printable
        return _SPACES.sub(" ", folded)
    return folded


def fold_value(key: str, text: str) -> str | None:
    """Return the whole value *text* of *key* as it is compared (TIP1-A_5620: spaces cut off).

    None if the value cannot be one of this attribute.
    """
    folded = fold(text).strip()
    if not is_integer(key):
        return folded
    return str(int(folded)) if _NUMBER.fullmatch(folded) else None
