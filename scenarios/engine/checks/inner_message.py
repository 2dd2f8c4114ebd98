"""Rules of the KOM-LE S/MIME profile on what is encrypted: signature and client mail.

The judge opens the stored message by DecryptDocument at the receiver's Konnektor.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.formats import komle, recipient_emails, signed_data
from simulators.formats.certificates import common_name, policies
from simulators.formats.errors import FormatError
from simulators.formats.headers import split_message
from simulators.formats.signed_data import SignedData
from simulators.formats.signer_info import SignerInfo

from ..scenario.artifacts import Sent
from ..scenario.failure import StepFailed
from .outer_message import emails_outside, stored_copy
from .rule import Case, Rule, Verdict, demand, failed, passed, verdict

OSIG_POLICY = "1.2.276.0.76.4.78"
"""C.HCI.OSIG: signature certificate of the SMC-B."""


@dataclass(frozen=True)
class _Opened:
    """The signed-data entity inside the envelope and what it holds."""

    signed: SignedData
    mail: bytes


def signed_first(case: Case) -> Verdict:
    """Innen liegt application/pkcs7-mime; smime-type=signed-data mit eingebettetem Inhalt."""
    opened = _open(case)
    return verdict(opened.signed.content is not None, f"{len(opened.mail)} Bytes Client-Mail")


def one_signer(case: Case) -> Verdict:
    """Genau eine SignerInfo, ohne unsignierte Attribute."""
    signers = _open(case).signed.signers
    demand(len(signers) == 1, f"{len(signers)} SignerInfo")
    return verdict(not signers[0].has_unsigned_attributes, "eine SignerInfo")


def one_certificate(case: Case) -> Verdict:
    """Genau das Zertifikat des Signierenden liegt bei, keine Sperrinformation (crls)."""
    signed = _open(case).signed
    demand(not signed.ocsp_responses, "crls enthält OCSP-Antworten")
    certificates = [one.subject.rfc4514_string() for one in signed.certificates]
    demand(len(certificates) == 1, f"{len(certificates)} Zertifikate")
    return verdict(_signer(case).certificate is not None, certificates[0])


def organization_signature(case: Case) -> Verdict:
    """Signiert ist mit C.HCI.OSIG der SMC-B, und die Signatur stimmt rechnerisch."""
    signer = _signer(case)
    demand(signer.digest_ok and signer.signature_ok, "die Signatur stimmt rechnerisch nicht")
    if signer.certificate is None:
        return failed("das Zertifikat des Signierenden fehlt")
    return verdict(OSIG_POLICY in policies(signer.certificate), common_name(signer.certificate))


def signed_emails(case: Case) -> Verdict:
    """recipient-emails ist auch signiert, mit denselben Werten wie außen."""
    values = _signer(case).attributes.get(recipient_emails.OID, ())
    try:
        inside = recipient_emails.read(values)
    except FormatError as error:
        return failed(f"signiertes recipient-emails: {error}")
    return verdict(inside == emails_outside(case), f"{len(inside)} Einträge signiert")


def whole_mail(case: Case) -> Verdict:
    """Signiert und verschlüsselt ist die ganze Client-Mail als message/rfc822."""
    sent, body = split_message(case.subject.mail.content)
    got, inner_body = split_message(_open(case).mail)
    demand(inner_body == body, "der Inhalt der Client-Mail wurde verändert")
    for name in ("From", "Reply-To", "Date", "Message-ID", "Subject", "X-KIM-Dienstkennung"):
        demand(got.get_all(name) == sent.get_all(name), f"{name}: {got.get(name)}")
    return passed(f"{len(inner_body)} Bytes Inhalt, Kopffelder unverändert")


RULES = tuple(
    Rule(name, requirement, title, Sent, judge, ("to",))
    for name, requirement, title, judge in (
        ("inner-signed", "KOM-LE-A_2103", "signed-data im Umschlag", signed_first),
        ("inner-one-signer", "KOM-LE-A_2123", "eine Signatur", one_signer),
        ("inner-certificate", "KOM-LE-A_2119", "nur das Signaturzertifikat", one_certificate),
        ("inner-osig", "KOM-LE-A_2129", "signiert mit C.HCI.OSIG", organization_signature),
        ("inner-recipient-emails", "KOM-LE-A_2127", "recipient-emails signiert", signed_emails),
        ("inner-mail", "KOM-LE-A_2097", "ganze Client-Mail", whole_mail),
    )
)


def _open(case: Case) -> _Opened:
    try:
        cms = komle.encrypted_cms(stored_copy(case))
        entity = case.play.opened(cms, case.play.parties[case.use.to or ""])
        signed = signed_data.read(komle.signed_cms(entity))
        return _Opened(signed, komle.client_mail(signed.content or b""))
    except FormatError as error:
        raise StepFailed(f"nach dem Entschlüsseln nicht lesbar: {error}") from None


def _signer(case: Case) -> SignerInfo:
    signers = _open(case).signed.signers
    demand(len(signers) == 1, f"{len(signers)} SignerInfo")
    return signers[0]
