"""The encrypted CMS of a KIM message: algorithms, recipients, recipient-emails, content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from simulators.formats import cms_algorithms, ecies, enveloped_data, recipient_emails
from simulators.formats.certificates import CertificateId
from simulators.formats.enveloped_data import EnvelopedData
from simulators.formats.errors import FormatError
from simulators.formats.recipient_emails import RecipientEmail

from .certificates import identity
from .keys import Keys, NotOpened, Opened
from .node import Mark, Node, node, problem

ALGORITHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        cms_algorithms.RSA_OAEP_OID: "RSAES-OAEP",
        ecies.OID: "ECIES (ECC)",
        cms_algorithms.RSA_OID: "RSA PKCS#1 v1.5",
        **dict.fromkeys(cms_algorithms.ECDH_DERIVATIONS, "ECDH ephemeral-static (ECC)"),
    }
)


def read(cms: bytes) -> EnvelopedData | None:
    """Return the envelope, None if the bytes are none that can be read."""
    try:
        return enveloped_data.read(cms)
    except FormatError:
        return None


def addresses(envelope: EnvelopedData) -> list[str]:
    """Return the addresses that recipient-emails names."""
    return sorted({entry.address for entry in _emails(envelope) or ()})


def envelope_node(cms: bytes, keys: Keys) -> tuple[Node, Opened | None]:
    """Return what is known of the envelope, and what it held if somebody could open it."""
    title = "verschlüsselte CMS (authEnvelopedData)"
    try:
        found = enveloped_data.read(cms)
    except FormatError as error:
        return node("envelope", title, f"{len(cms)} Bytes", children=[problem(error)]), None
    named = addresses(found)
    owners = keys.owners(named)
    children = [
        node("cipher", "Inhalt", f"AES-{found.key_bits}-GCM, {found.sealed_bytes} Bytes"),
        _recipients(found, owners),
        _recipient_emails(found),
    ]
    opened = None
    try:
        opened = keys.open(cms, named)
        children.append(node("opened", "geöffnet", opened.by, mark="ok"))
    except NotOpened as error:
        children.append(node("opened", "nicht geöffnet", error))
    return node("envelope", title, f"{len(cms)} Bytes", children=children), opened


def _recipients(found: EnvelopedData, owners: Mapping[CertificateId, str]) -> Node:
    """Each RecipientInfo by issuer and serial number, and by address where that is known."""
    emails = _emails(found) or frozenset()
    pairs = zip(found.recipients, found.key_algorithms, strict=True)
    below = [_recipient(one, oid, emails, owners) for one, oid in pairs]
    mark: Mark = "" if below else "bad"
    return node("recipients", "Empfänger", f"{len(below)} RecipientInfo", mark=mark, children=below)


def _recipient(
    one: CertificateId,
    oid: str,
    emails: Iterable[RecipientEmail],
    owners: Mapping[CertificateId, str],
) -> Node:
    told = sorted({entry.address for entry in emails if entry.certificate == one})
    owner = owners.get(one)
    note = "" if owner is None else f"im Verzeichnis das Zertifikat von {owner}"
    mark: Mark = "" if told else "warn"
    if owner is not None:
        mark = "ok" if owner.lower() in {address.lower() for address in told} else "warn"
    return node(
        "recipient",
        ", ".join(told) or "in recipient-emails nicht genannt",
        identity(one),
        note=note,
        mark=mark,
        children=[node("key-algorithm", "Schlüssel", ALGORITHMS.get(oid, "unbekannt"), note=oid)],
    )


def _recipient_emails(found: EnvelopedData) -> Node:
    title = "recipient-emails (unsigniert)"
    entries = _emails(found)
    if entries is None:
        return node("recipient-emails", title, "unlesbar", mark="bad")
    if not entries:
        return node("recipient-emails", title, "fehlt (KOM-LE-A_2114-01)", mark="bad")
    return node("recipient-emails", title, _count(entries), children=email_nodes(entries))


def email_nodes(entries: Iterable[RecipientEmail]) -> Iterator[Node]:
    """Yield the entries of recipient-emails in the order of their addresses."""
    for entry in sorted(entries, key=lambda one: (one.address, one.certificate.serial)):
        yield node("recipient-email", entry.address, identity(entry.certificate))


def _count(entries: frozenset[RecipientEmail]) -> str:
    return "1 Eintrag" if len(entries) == 1 else f"{len(entries)} Einträge"


def _emails(found: EnvelopedData) -> frozenset[RecipientEmail] | None:
    """Return the entries; None if the attribute cannot be read."""
    try:
        return recipient_emails.read(found.unauthenticated.get(recipient_emails.OID, ()))
    except FormatError:
        return None
