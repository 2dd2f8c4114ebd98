"""CertificateService 6.0: ReadCardCertificate and VerifyCertificate (TIP1-A_4700, 5449).

CheckCertificateExpiration is in ``certificate_expiration``.
"""

from __future__ import annotations

from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats.certificates import profession_oids
from simulators.pki.request import Crypt, Reference
from simulators.pki.trust import PathResult

from ..access.check import EGK_TYPES, Target
from ..cards.inserted_card import InsertedCard
from ..certificates.status import Status, Verdict
from ..faults import Code, Trace, fault, trace
from ..operation import Call, Service, read_handle
from ..soap import answers, reading
from ..soap.answers import add, add_binary
from ..soap.namespaces import CERTIFICATE, CERTIFICATE_COMMON, CONN, CONTEXT, name
from ..soap.reading import Element, optional, required, several
from .certificate_expiration import check_certificate_expiration

REFERENCES = ("C.AUT", "C.ENC", "C.SIG", "C.QES")
_X509 = name(CERTIFICATE_COMMON, "X509Certificate")
_PATH_CODES = {
    PathResult.UNTRUSTED: Code.PKI_CA_MISSING,
    PathResult.BAD_SIGNATURE: Code.PKI_BAD_SIGNATURE,
    PathResult.EXPIRED: Code.PKI_NOT_IN_TIME,
    PathResult.NOT_YET_VALID: Code.PKI_NOT_IN_TIME,
}
_STATUS_CODES = {
    Status.REVOKED: Code.PKI_REVOKED,
    Status.UNKNOWN: Code.PKI_UNKNOWN,
    Status.UNAVAILABLE: Code.PKI_NO_OCSP,
    Status.OFFLINE: Code.PKI_OCSP_SKIPPED,
}


async def read_card_certificate(call: Call) -> Element:
    """Read certificates of a card: 4090 eGK, 4149 no such reference, 4094 its terminal is silent,
    4258 none with ECC.
    """
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONN, "CardHandle")),
        required(name(CONTEXT, "Context")),
        required(own("CertRefList")),
        optional(own("Crypt")),
    )
    listed = reading.sequence(parts.one(own("CertRefList")), several(own("CertRef")))
    references = [reading.choice(entry, REFERENCES) for entry in listed.all(own("CertRef"))]
    asked = parts.maybe(own("Crypt"))
    crypt = None if asked is None else reading.choice(asked, ("RSA", "ECC"))
    handle = read_handle(parts)
    known = call.konnektor.cards.by_handle(handle)
    if known is not None and known.card.type in EGK_TYPES:
        raise fault(Code.EGK_REFUSED)
    grant = call.check(parts, Target(handle=handle, session=False))
    assert grant.card is not None
    grant.card.require_answer()
    chosen = call.konnektor.keys.for_reading(grant.card, crypt)
    call.facts["crypt"] = chosen
    for reference in references:
        if (reference == "C.SIG" and not grant.card.is_smb) or (
            reference == "C.QES" and not grant.card.is_hba
        ):
            raise fault(Code.CERTIFICATE_REFERENCE, f"{reference} auf {grant.card.card.type}")
    answer = call.answer()
    call.add_status(answer)
    listing = add(answer, CERTIFICATE_COMMON, "X509DataInfoList")
    for reference in references:
        _add_certificate(listing, grant.card, cast(Reference, reference), chosen)
    return answer


def _add_certificate(
    listing: Element, card: InsertedCard, reference: Reference, crypt: Crypt
) -> None:
    """Add X509DataInfo: without X509Data when the card has no such certificate, 4258 with ECC."""
    found = card.certificate_object(reference, crypt)
    if found is None and crypt == "ECC":
        raise fault(Code.NO_ECC_CERTIFICATE, value=card.handle)
    entry = add(listing, CERTIFICATE_COMMON, "X509DataInfo")
    add(entry, CERTIFICATE_COMMON, "CertRef", reference)
    if found is None:
        return
    certificate = found.certificate
    data = add(entry, CERTIFICATE_COMMON, "X509Data")
    serial = add(data, CERTIFICATE_COMMON, "X509IssuerSerial")
    add(serial, CERTIFICATE_COMMON, "X509IssuerName", certificate.issuer.rfc4514_string())
    add(serial, CERTIFICATE_COMMON, "X509SerialNumber", str(certificate.serial_number))
    add(data, CERTIFICATE_COMMON, "X509SubjectName", card.card.holder)
    content = certificate.public_bytes(Encoding.DER)
    add_binary(data, CERTIFICATE_COMMON, "X509Certificate", content)


async def verify_certificate(call: Call) -> Element:
    """Check a certificate's path and status; no access check (TIP1-A_5449).

    INVALID and INCONCLUSIVE are results, no faults: why stands in VerificationStatus, and the
    Status warns. Being offline is tolerated (1039), as is a responder that does not answer.
    """
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(_X509),
        optional(call.own("VerificationTime")),
    )
    call.context(parts)
    at_element = parts.maybe(call.own("VerificationTime"))
    at = call.konnektor.clock.now() if at_element is None else reading.instant(at_element)
    certificate = load_certificate(reading.binary(parts.one(_X509)))
    verdict = await call.konnektor.certificates.check(certificate, at, imported=True)
    reasons = reasons_of(verdict)
    answer = call.answer()
    call.add_status(answer, *reasons)
    status = add(answer, CERTIFICATE, "VerificationStatus")
    result = "VALID" if verdict.is_valid else "INVALID" if verdict.is_invalid else "INCONCLUSIVE"
    call.facts["verdict"] = result
    add(status, CERTIFICATE, "VerificationResult", result)
    if reasons:
        status.append(call.konnektor.error(reasons))
    roles = add(answer, CERTIFICATE, "RoleList")
    # the schema asks for at least one Role; a certificate without Admission has none to name
    for oid in profession_oids(certificate) or ("",):
        add(roles, CERTIFICATE, "Role", answers.printable(oid))
    return answer


def load_certificate(der: bytes) -> x509.Certificate:
    """Return the certificate of a request; fault 4000 when the bytes are none."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise fault(Code.SYNTAX, "kein X.509-Zertifikat in DER") from None


def reasons_of(verdict: Verdict) -> tuple[Trace, ...]:
    """Return why a certificate is not VALID, as gemSpec_PKI numbers it; nothing if it is.

    An unknown CA is 4260 besides (TAB_KON_601).
    """
    if verdict.path is not PathResult.OK:
        reason = trace(_PATH_CODES[verdict.path], verdict.path.value)
        if verdict.path is PathResult.UNTRUSTED:
            return reason, trace(Code.NOT_IN_TRUST_LIST)
        return (reason,)
    if verdict.answered.status is not Status.GOOD:
        return (trace(_STATUS_CODES[verdict.answered.status]),)
    return ()


SERVICE = Service(
    name="CertificateService",
    version="6.0.1",
    namespace=CERTIFICATE,
    prefix="CERT",
    abstract="Zertifikatsdienst",
    path="/CertificateService",
    operations={
        "CheckCertificateExpiration": check_certificate_expiration,
        "ReadCardCertificate": read_card_certificate,
        "VerifyCertificate": verify_certificate,
    },
)
