"""The operations of the Konnektor that a client module calls, as functions of their content."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Literal

from cryptography import x509
from lxml import etree

from simulators.formats.entities import from_base64

from ..operation import Operation
from ..user_name import CallContext
from . import requests
from .faults import KonnektorFault, KonnektorUnreachable
from .soap import SoapTransport, last_trace, trace_codes

_GEMATIK: Final = "http://ws.gematik.de/conn/"


def _speaks(*versions: str) -> dict[str, str]:
    return {_GEMATIK + version: _GEMATIK + version for version in versions}


EVENT: Final = _speaks("EventService/v7.2")
CARD: Final = _speaks("CardService/v8.1")
CERTIFICATE: Final = _speaks("CertificateService/v6.0")
SIGNATURE: Final = _speaks("SignatureService/v7.4", "SignatureService/v7.5")
_AUTHENTICATION: Final = _GEMATIK + "SignatureService/v7.4"
# Its messages are in the namespace of another service; directories name that, or its WSDL's.
AUTHENTICATION: Final = dict.fromkeys(
    (_AUTHENTICATION, _GEMATIK + "AuthSignatureService/v7.4"), _AUTHENTICATION
)
ENCRYPTION: Final = _speaks("EncryptionService/v6.1")
# The official WSDL spells this one SOAPAction differently from all others.
DECRYPTION: Final = dict.fromkeys(ENCRYPTION, _GEMATIK + "crypt/EncryptionService/v6.1")

_CONN: Final = f"{{{requests.CONN}}}"
_DSS: Final = f"{{{requests.DSS}}}"
_CARD_COMMON: Final = f"{{{requests.CARD_COMMON}}}"
_CERTIFICATE_COMMON: Final = f"{{{requests.CERTIFICATE_COMMON}}}"
INSTITUTION_CARDS: Final = frozenset({"SMC-B", "SM-B", "HSM-B"})
PERSON_CARDS: Final = frozenset({"HBA", "HBAx", "HBA-qSig", "ZOD_2.0"})

LARGE: Final = 256 << 10

Verdict = Literal["VALID", "INVALID", "INCONCLUSIVE"]


@dataclass(frozen=True)
class CardInfo:
    """A card as GetCards lists it."""

    handle: str
    type: str
    iccsn: str
    holder: str = ""

    @property
    def of_institution(self) -> bool:
        """Tell whether it is an SM-B."""
        return self.type in INSTITUTION_CARDS

    @property
    def of_person(self) -> bool:
        """Tell whether it is an HBA or one of its predecessors."""
        return self.type in PERSON_CARDS

    @property
    def pin(self) -> str:
        """The PIN that protects signing and decrypting with it (KOM-LE-A_2063)."""
        return "PIN.SMC" if self.of_institution else "PIN.CH"


@dataclass(frozen=True)
class SignatureVerdict:
    """The overall result of VerifyDocument and the codes that came with it."""

    result: Verdict
    codes: tuple[int, ...]


async def get_cards(
    soap: SoapTransport, operation: Operation, context: CallContext
) -> tuple[CardInfo, ...]:
    """Return the cards in reach of *context*."""
    answer = await soap.call(
        operation,
        "GetCards",
        "EventService",
        EVENT,
        lambda ns: requests.envelope(
            ns, "GetCards", requests.context(context), attributes=' mandant-wide="false"'
        ),
    )
    cards = []
    for handle in answer.iter(_CONN + "CardHandle"):
        card = handle.getparent()
        if card is not None:
            cards.append(
                CardInfo(
                    handle=handle.text or "",
                    type=card.findtext(_CARD_COMMON + "CardType") or "UNKNOWN",
                    iccsn=card.findtext(_CARD_COMMON + "Iccsn") or "",
                    holder=next((e.text or "" for e in card.iter("{*}CardHolderName")), ""),
                )
            )
    return tuple(cards)


async def pin_operation(
    soap: SoapTransport, operation: Operation, context: CallContext, card: CardInfo, name: str
) -> str:
    """Call GetPinStatus or VerifyPin (*name*); return PinStatus or PinResult."""
    answer = await soap.call(
        operation,
        name,
        "CardService",
        CARD,
        lambda ns: requests.envelope(
            ns,
            name,
            requests.context(context),
            requests.card_handle(card.handle),
            requests.pin_type(card.pin),
        ),
        repeatable=name == "GetPinStatus",  # a second prompt could use up a try for the PIN
    )
    element = "PinStatus" if name == "GetPinStatus" else "PinResult"
    return next((e.text or "" for e in answer.iter(f"{{*}}{element}")), "")


async def read_encryption_certificates(
    soap: SoapTransport, operation: Operation, context: CallContext, card: CardInfo
) -> tuple[x509.Certificate, ...]:
    """Return the certificates C.ENC of *card*, RSA and ECC; one that is missing is left out."""
    found = [
        await read_certificate(soap, operation, context, card, reference="C.ENC", crypt=crypt)
        for crypt in ("RSA", "ECC")
    ]
    return tuple(certificate for certificate in found if certificate is not None)


async def read_certificate(
    soap: SoapTransport,
    operation: Operation,
    context: CallContext,
    card: CardInfo,
    *,
    reference: str,
    crypt: str,
) -> x509.Certificate | None:
    """Return one certificate of *card*, None where it has none (4258, 4149, 4147)."""
    try:
        answer = await soap.call(
            operation,
            "ReadCardCertificate",
            "CertificateService",
            CERTIFICATE,
            lambda ns: requests.envelope(
                ns,
                "ReadCardCertificate",
                requests.card_handle(card.handle),
                requests.context(context),
                requests.read_certificate(crypt, reference),
            ),
        )
    except KonnektorFault as fault:
        if fault.code in (4258, 4149, 4147):
            return None
        raise
    found = next(answer.iter(_CERTIFICATE_COMMON + "X509Certificate"), None)
    return None if found is None else _certificate(found)


async def external_authenticate(
    soap: SoapTransport,
    operation: Operation,
    context: CallContext,
    card: CardInfo,
    *,
    sha256: bytes,
    signature_type: str,
) -> bytes:
    """Return the signature that the card's AUT key makes of a hash (A_19457-02).

    *signature_type* is ``requests.PKCS1`` (RSASSA-PSS) or ``requests.ECDSA`` (DER).
    """
    answer = await soap.call(
        operation,
        "ExternalAuthenticate",
        "AuthSignatureService",
        AUTHENTICATION,
        lambda _: requests.envelope(
            _AUTHENTICATION,
            "ExternalAuthenticate",
            requests.card_handle(card.handle),
            requests.context(context),
            requests.digest(sha256, signature_type),
        ),
    )
    return document(answer, "Base64Signature")


async def verify_certificate(
    soap: SoapTransport, operation: Operation, context: CallContext, der: bytes
) -> Verdict:
    """Return the Konnektor's verdict on a certificate (KOM-LE-A_2075-01)."""
    answer = await soap.call(
        operation,
        "VerifyCertificate",
        "CertificateService",
        CERTIFICATE,
        lambda ns: requests.envelope(
            ns, "VerifyCertificate", requests.context(context), requests.certificate(der)
        ),
    )
    return _verdict(answer, "VerificationResult")


async def get_job_number(soap: SoapTransport, operation: Operation, context: CallContext) -> str:
    """Return a job number for SignDocument."""
    answer = await soap.call(
        operation,
        "GetJobNumber",
        "SignatureService",
        SIGNATURE,
        lambda ns: requests.envelope(ns, "GetJobNumber", requests.context(context)),
    )
    return next((e.text or "" for e in answer.iter("{*}JobNumber")), "")


async def sign_document(
    soap: SoapTransport,
    operation: Operation,
    context: CallContext,
    card: CardInfo,
    *,
    crypt: str,
    job_number: str,
    request: str,
) -> etree._Element:
    """Sign; *request* comes from ``requests.sign_request``. Returns the SignResponse."""
    answer = await soap.call(
        operation,
        "SignDocument",
        "SignatureService",
        SIGNATURE,
        lambda ns: requests.envelope(
            ns,
            "SignDocument",
            requests.card_handle(card.handle),
            f"<S:Crypt>{crypt}</S:Crypt>",
            requests.context(context),
            "<S:TvMode>NONE</S:TvMode>",
            f"<S:JobNumber>{job_number}</S:JobNumber>",
            request,
        ),
        large=len(request) > LARGE,
        repeatable=False,  # the job number is used up
    )
    status = next(answer.iter(_CONN + "Result"), None)
    if status is not None and status.text == "Error":
        raise KonnektorFault("SignDocument", *(last_trace(answer) or (4001, "")))
    return answer


async def verify_document(
    soap: SoapTransport, operation: Operation, context: CallContext, request: str
) -> SignatureVerdict:
    """Check a signature; *request* comes from ``requests.signature``."""
    answer = await soap.call(
        operation,
        "VerifyDocument",
        "SignatureService",
        SIGNATURE,
        lambda ns: requests.envelope(ns, "VerifyDocument", requests.context(context), request),
        large=len(request) > LARGE,
    )
    return SignatureVerdict(_verdict(answer, "HighLevelResult"), trace_codes(answer))


async def encrypt_document(
    soap: SoapTransport, operation: Operation, context: CallContext, request: str
) -> etree._Element:
    """Encrypt; *request* comes from ``requests.encryption``."""
    return await soap.call(
        operation,
        "EncryptDocument",
        "EncryptionService",
        ENCRYPTION,
        lambda ns: requests.envelope(ns, "EncryptDocument", requests.context(context), request),
        large=len(request) > LARGE,
    )


async def decrypt_document(
    soap: SoapTransport, operation: Operation, context: CallContext, request: str
) -> etree._Element:
    """Decrypt; *request* comes from ``requests.decryption``."""
    return await soap.call(
        operation,
        "DecryptDocument",
        "EncryptionService",
        DECRYPTION,
        lambda ns: requests.envelope(ns, "DecryptDocument", requests.context(context), request),
        large=len(request) > LARGE,
    )


def document(answer: etree._Element, element: Literal["Base64Data", "Base64Signature"]) -> bytes:
    """Return the bytes of the document in *answer*. Raises KonnektorUnreachable without one."""
    found = next(answer.iter(_DSS + element), None)
    if found is None or not found.text:
        raise KonnektorUnreachable("the answer holds no document")
    try:
        return from_base64(found.text.encode("ascii"))
    except ValueError:
        raise KonnektorUnreachable("the answer's document is no base64") from None


def _certificate(element: etree._Element) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(element.text or ""))
    except ValueError:
        raise KonnektorUnreachable("the answer's certificate cannot be read") from None


def _verdict(answer: etree._Element, element: str) -> Verdict:
    text = next((e.text for e in answer.iter(f"{{*}}{element}")), None)
    if text in ("VALID", "INVALID", "INCONCLUSIVE"):
        return text  # type: ignore[return-value]
    raise KonnektorUnreachable(f"the answer holds no {element}")
