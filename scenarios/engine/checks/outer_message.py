"""Rules of the KOM-LE S/MIME profile, judged on the message as the provider stores it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from simulators.formats import enveloped_data, komle, recipient_emails
from simulators.formats.certificates import CertificateId, certificate_id, is_ecc
from simulators.formats.enveloped_data import EnvelopedData
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, addresses, same_address, split_message
from simulators.formats.kas_part import SIZE_HEADER
from simulators.process.ldap import escape_filter

from ..documents.mail_parts import read_mail
from ..documents.mails import Mail
from ..scenario.artifacts import Sent
from ..scenario.failure import StepFailed
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

CM_VERSION = re.compile(
    r"[a-zA-Z0-9_]{1,5}_[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}"
    r"(-25[0-5]|-2[0-4][0-9]|-[0-1]?[0-9]?[0-9])?"
)
PT_VERSION = re.compile(
    r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(-25[0-5]|-2[0-4][0-9]|-[0-1]?[0-9]?[0-9])?"
)
LAST_FOR_ALL = (1, 5, 2, 8)
"""Release of the client module that still encrypts for RSA beside ECC (RSA2ECC pages)."""

LONG_ENOUGH, TELLING = 8, 57
"""Bytes: a line of text worth looking for; a beginning that nothing else shares (one line)."""

ADDRESS_FIELDS = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")


def same_headers(case: Case) -> Verdict:
    """Date, From, Sender, Reply-To, To, Cc außen gleich innen; jedes X-KIM-Feld steht außen."""
    outer, inner = _outer(case), _inner(case)
    dropped = {address.lower() for address in case.subject.recipients} - _kept(case)
    for name in ADDRESS_FIELDS:
        wanted = {
            address.lower()
            for value in inner.get_all(name)
            for address in addresses(value)
            if address.lower() not in dropped
        }
        given = {a.lower() for value in outer.get_all(name) for a in addresses(value)}
        if wanted != given:
            return failed(f"{name}: außen {_listed(given)}, innen {_listed(wanted)}")
    if _moment(outer) != _moment(inner):
        return failed(f"Date: außen {outer.get('Date')}, innen {inner.get('Date')}")
    for name, value in inner:
        if name.lower().startswith("x-kim-") and value not in outer.get_all(name):
            return failed(f"{name}: {value} fehlt außen")
    return passed("Date, From, Reply-To, To, Cc und X-KIM-Felder stimmen überein")


def version(case: Case) -> Verdict:
    """X-KOM-LE-Version ist 1.5, wenn etwas auf einem KAS liegt, sonst 1.0."""
    outer = _outer(case)
    found, on_kas = komle.version(outer), outer.get(SIZE_HEADER) is not None
    wanted = komle.VERSION_KAS if on_kas else komle.VERSION_PLAIN
    return verdict(found == wanted, f"X-KOM-LE-Version: {found}, erwartet {wanted}")


def message_id(case: Case) -> Verdict:
    """Die äußere Message-ID ist die innere."""
    found = _outer(case).get("Message-ID")
    wanted = case.subject.mail.message_id
    return verdict(found == wanted, f"außen {found}, innen {wanted}")


def subject(case: Case) -> Verdict:
    """Der äußere Betreff ist KOM-LE-Nachricht."""
    found = _outer(case).get_all("Subject")
    return verdict(found == [komle.SUBJECT], f"Subject: {_listed(found)}")


def enveloped(case: Case) -> Verdict:
    """Der Inhalt ist application/pkcs7-mime, authenticated-enveloped-data, und so lesbar."""
    kind = (_outer(case).get("Content-Type") or "").replace('"', "")
    parts = {part.strip().lower() for part in kind.split(";")}
    needed = {"application/pkcs7-mime", "smime-type=authenticated-enveloped-data"}
    if not needed <= parts:
        return failed(f"Content-Type: {kind}")
    recipients = _envelope(case).recipients
    return verdict(bool(recipients), f"{len(recipients)} RecipientInfo, {kind}")


def recipient_attribute(case: Case) -> Verdict:
    """Das Attribut recipient-emails (1.2.276.0.76.4.173) nennt genau Empfänger und Absender."""
    found = {entry.address.lower() for entry in emails_outside(case)}
    wanted = _kept(case) | {_sender(case).lower()}
    return verdict(found == wanted, f"recipient-emails: {_listed(found)}")


def attribute_per_recipient(case: Case) -> Verdict:
    """Zu jeder RecipientInfo gehört ein Eintrag in recipient-emails mit demselben Zertifikat."""
    named = {entry.certificate for entry in emails_outside(case)}
    given = set(_envelope(case).recipients)
    text = f"{len(given)} RecipientInfo, {len(named)} Zertifikate in recipient-emails"
    return verdict(named == given, text)


def for_sender(case: Case) -> Verdict:
    """Die Nachricht ist auch für den Absender verschlüsselt."""
    address = _sender(case)
    given = set(_envelope(case).recipients)
    own = {e.certificate for e in emails_outside(case) if same_address(e.address, address)}
    return verdict(bool(own & given), f"{address}: {len(own & given)} RecipientInfo")


def directory_certificates(case: Case) -> Verdict:
    """Verschlüsselt ist für alle Zertifikate des Verzeichnisses; ab 1.5.2-9 für RSA nur ohne ECC."""  # noqa: E501
    named: dict[str, set[CertificateId]] = {}
    for entry in emails_outside(case):
        named.setdefault(entry.address, set()).add(entry.certificate)
    product = _outer(case).get("X-KIM-PTVersion") or ""
    for address, used in named.items():
        listed = _listed_certificates(case, address)
        if not used <= listed.keys():
            return failed(f"{address}: ein Zertifikat steht nicht im Verzeichnis")
        wanted = {one for one, ecc in listed.items() if ecc or encrypts_for_all(product)}
        demand(
            used == (wanted or set(listed)),
            f"{address}: {len(used)} von {len(listed)} Zertifikaten benutzt ({product})",
        )
    return passed(f"{len(named)} Adressen, die richtigen Zertifikate des Verzeichnisses")


def encrypts_for_all(product: str) -> bool:
    """Tell whether a client module of this PTVersion uses RSA beside ECC (up to 1.5.2-8)."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", product)]
    return numbers < [*LAST_FOR_ALL, 0]


def hidden_content(case: Case) -> Verdict:
    """Betreff und Inhalt der inneren Nachricht sind außen nicht zu lesen."""
    stored, mail = stored_copy(case), case.subject.mail
    visible = next((secret for secret in _secrets(mail) if secret in stored), None)
    if visible is not None:
        return failed(f"außen lesbar: {visible[:60].decode('utf-8', 'replace')}")
    return passed("nichts vom Inhalt ist außen lesbar")


def service(case: Case) -> Verdict:
    """X-KIM-Dienstkennung steht außen genau einmal und wie vom PVS gesetzt."""
    found = _outer(case).get_all("X-KIM-Dienstkennung")
    return verdict(found == [case.subject.mail.service], f"X-KIM-Dienstkennung: {_listed(found)}")


def product_versions(case: Case) -> Verdict:
    """X-KIM-CMVersion und X-KIM-PTVersion haben die vorgeschriebene Form, KONVersion ist da."""
    outer = _outer(case)
    module, product, konnektor = (
        outer.get(f"X-KIM-{name}Version") or "" for name in ("CM", "PT", "KON")
    )
    if not CM_VERSION.fullmatch(module):
        return failed(f"X-KIM-CMVersion: {module or 'fehlt'}")
    if not PT_VERSION.fullmatch(product):
        return failed(f"X-KIM-PTVersion: {product or 'fehlt'}")
    return verdict(bool(konnektor), f"{module}, {product}, {konnektor or 'X-KIM-KONVersion fehlt'}")


def expires(case: Case) -> Verdict:
    """Expires liegt nach der Sendezeit (Sendezeit und dataTimeToLive)."""
    outer = _outer(case)
    value = outer.get("Expires")
    try:
        until = parsedate_to_datetime(value or "")
    except ValueError:
        return failed(f"Expires: {value or 'fehlt'}")
    days = (until - case.play.now()).total_seconds() / 86400
    return verdict(days > 1, f"Expires: {value} (noch {days:.1f} Tage)")


RULES = tuple(
    Rule(name, requirement, title, Sent, judge, ("to",))
    for name, requirement, title, judge in (
        ("outer-headers", "KOM-LE-A_2098-03", "Kopffelder außen gleich innen", same_headers),
        ("outer-version", "KOM-LE-A_2099", "X-KOM-LE-Version", version),
        ("outer-message-id", "KOM-LE-A_2101-01", "Message-ID außen gleich innen", message_id),
        ("outer-subject", "KOM-LE-A_2102", "Betreff außen", subject),
        ("outer-enveloped", "KOM-LE-A_2104", "authenticated-enveloped-data", enveloped),
        ("outer-recipient-emails", "KOM-LE-A_2114-01", "recipient-emails", recipient_attribute),
        (
            "outer-emails-fit",
            "KOM-LE-A_2115-02",
            "recipient-emails je RecipientInfo",
            attribute_per_recipient,
        ),
        ("outer-for-sender", "KOM-LE-A_2111-01", "auch für den Absender", for_sender),
        (
            "outer-certificates",
            "KOM-LE-A_2023",
            "Zertifikate des Verzeichnisses",
            directory_certificates,
        ),
        ("outer-hidden", "KOM-LE-A_2095", "Inhalt verborgen", hidden_content),
        ("outer-dienstkennung", "A_19488-02", "Dienstkennung außen", service),
        ("outer-product-versions", "A_21388-01", "Produktversionen", product_versions),
        ("outer-expires", "A_22417", "Expires", expires),
    )
)


def stored_copy(case: Case) -> bytes:
    """Return the copy in the mailbox of the actor ``to``."""
    address = case.play.parties[case.use.to or ""].address
    copies = {a.lower(): c for a, c in case.play.stored(case.subject).items()}
    if address.lower() not in copies:
        raise StepFailed(f"die Nachricht liegt nicht im Postfach von {address}")
    return copies[address.lower()]


def _outer(case: Case) -> Headers:
    return split_message(stored_copy(case))[0]


def _inner(case: Case) -> Headers:
    return split_message(case.subject.mail.content)[0]


def _secrets(mail: Mail) -> Iterator[bytes]:
    """Yield what must not be read outside: subject, lines of text, beginnings of attachments."""
    yield mail.subject.encode()
    for part in read_mail(mail.content).parts:
        if part.file_name is None:
            yield from (line for line in part.content.split(b"\r\n") if len(line) >= LONG_ENOUGH)
        else:
            yield part.file_name.encode()
            yield base64.b64encode(part.content[:TELLING])
            yield part.content[:TELLING]


def _envelope(case: Case) -> EnvelopedData:
    try:
        return enveloped_data.read(komle.encrypted_cms(stored_copy(case)))
    except FormatError as error:
        raise StepFailed(f"nicht als verschlüsselte KIM-Nachricht lesbar: {error}") from None


def emails_outside(case: Case) -> frozenset[recipient_emails.RecipientEmail]:
    """Return the entries of recipient-emails in the envelope."""
    values = _envelope(case).unauthenticated.get(recipient_emails.OID, ())
    try:
        return recipient_emails.read(values)
    except FormatError as error:
        raise StepFailed(f"recipient-emails: {error}") from None


def _kept(case: Case) -> set[str]:
    """Return the recipients who got the mail: the others were rightly dropped or wrongly."""
    wanted = {address.lower() for address in case.subject.recipients}
    return wanted & {address.lower() for address in case.play.stored(case.subject)}


def _sender(case: Case) -> str:
    return case.play.parties[case.subject.actor].address


def _listed_certificates(case: Case, address: str) -> dict[CertificateId, bool]:
    """Return the encryption certificates of *address* in the directory, and which are ECC."""
    from cryptography import x509  # only where certificates are compared

    entries = case.play.parties[case.subject.actor].search(f"(mail={escape_filter(address)})")
    certificates = [
        x509.load_der_x509_certificate(der)
        for entry in entries
        for der in entry.values("userCertificate")
    ]
    return {certificate_id(one): is_ecc(one) for one in certificates}


def _moment(headers: Headers) -> datetime | None:
    try:
        return parsedate_to_datetime(headers.get("Date") or "")
    except ValueError:
        return None


def _listed(values: object) -> str:
    return ", ".join(sorted(str(value) for value in values)) or "fehlt"  # type: ignore[attr-defined]
