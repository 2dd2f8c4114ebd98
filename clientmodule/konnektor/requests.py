"""The SOAP requests, as text: templates are four times as fast as building a tree."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from ..user_name import CallContext

CONN = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
CONTEXT = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
CARD_COMMON = "http://ws.gematik.de/conn/CardServiceCommon/v2.0"
CERTIFICATE_COMMON = "http://ws.gematik.de/conn/CertificateServiceCommon/v2.0"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
CMS = "urn:ietf:rfc:5652"
PKCS1 = "urn:ietf:rfc:3447"
ECDSA = "urn:bsi:tr:03111:ecdsa"

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
    f' xmlns:CONN="{CONN}" xmlns:CCTX="{CONTEXT}" xmlns:CARDCMN="{CARD_COMMON}"'
    f' xmlns:CERTCMN="{CERTIFICATE_COMMON}" xmlns:dss="{DSS}" xmlns:S='
)
_TAIL = "</SOAP-ENV:Body></SOAP-ENV:Envelope>"


def envelope(namespace: str, operation: str, *parts: str, attributes: str = "") -> bytes:
    """Return the SOAP message that calls *operation*; in *parts* the service's prefix is S."""
    return "".join(
        (
            _HEAD,
            quoteattr(namespace),
            "><SOAP-ENV:Body><S:",
            f"{operation}{attributes}>",
            *parts,
            f"</S:{operation}>",
            _TAIL,
        )
    ).encode()


def context(given: CallContext) -> str:
    """Return the element Context."""
    user = "" if given.user is None else f"<CONN:UserId>{escape(given.user)}</CONN:UserId>"
    return (
        f"<CCTX:Context><CONN:MandantId>{escape(given.mandant)}</CONN:MandantId>"
        f"<CONN:ClientSystemId>{escape(given.clientsystem)}</CONN:ClientSystemId>"
        f"<CONN:WorkplaceId>{escape(given.workplace)}</CONN:WorkplaceId>{user}</CCTX:Context>"
    )


def card_handle(handle: str) -> str:
    """Return the element CardHandle."""
    return f"<CONN:CardHandle>{escape(handle)}</CONN:CardHandle>"


def pin_type(name: str) -> str:
    """Return the element PinTyp."""
    return f"<CARDCMN:PinTyp>{escape(name)}</CARDCMN:PinTyp>"


def read_certificate(crypt: str, reference: str = "C.ENC") -> str:
    """Return what ReadCardCertificate wants to know: C.ENC or another *reference*, RSA or ECC."""
    certificates = f"<S:CertRefList><S:CertRef>{reference}</S:CertRef></S:CertRefList>"
    return f"{certificates}<S:Crypt>{crypt}</S:Crypt>"


def digest(sha256: bytes, signature_type: str) -> str:
    """Return what ExternalAuthenticate signs: a SHA-256 hash, RSASSA-PSS or ECDSA by the type."""
    schemes = "<S:SignatureSchemes>RSASSA-PSS</S:SignatureSchemes>"
    return "".join(
        (
            f"<S:OptionalInputs><dss:SignatureType>{signature_type}</dss:SignatureType>",
            schemes if signature_type == PKCS1 else "",
            "</S:OptionalInputs><S:BinaryString>",
            '<dss:Base64Data MimeType="application/octet-stream">',
            _text(sha256),
            "</dss:Base64Data></S:BinaryString>",
        )
    )


def certificate(der: bytes) -> str:
    """Return the element X509Certificate."""
    return f"<CERTCMN:X509Certificate>{_text(der)}</CERTCMN:X509Certificate>"


def sign_request(document: bytes, attribute: bytes) -> str:
    """Return the SignRequest of a mail: CMS around its content (KOM-LE-A_2177, 2299-01).

    *attribute* is recipient-emails, DER (KOM-LE-A_2190).
    """
    return "".join(
        (
            '<S:SignRequest RequestID="kim-1"><S:OptionalInputs>',
            f"<dss:SignatureType>{CMS}</dss:SignatureType>",
            "<dss:Properties><dss:SignedProperties>",
            _property(attribute),
            "</dss:SignedProperties></dss:Properties>",
            "<S:IncludeEContent>true</S:IncludeEContent></S:OptionalInputs>",
            '<S:Document ShortText="none"><dss:Base64Data MimeType="text/plain; charset=utf-8">',
            _text(document),
            "</dss:Base64Data></S:Document>",
            "<S:IncludeRevocationInfo>false</S:IncludeRevocationInfo></S:SignRequest>",
        )
    )


def signature(cms: bytes) -> str:
    """Return what VerifyDocument checks: a CMS that holds its content."""
    return "".join(
        (
            f'<dss:SignatureObject><dss:Base64Signature Type="{CMS}">',
            _text(cms),
            "</dss:Base64Signature></dss:SignatureObject>",
            "<S:IncludeRevocationInfo>false</S:IncludeRevocationInfo>",
        )
    )


def encryption(document: bytes, certificates: Sequence[bytes], attribute: bytes) -> str:
    """Return what EncryptDocument needs after the context (KOM-LE-A_2191)."""
    return "".join(
        (
            "<S:RecipientKeys>",
            *(f"<S:Certificate>{_text(der)}</S:Certificate>" for der in certificates),
            "</S:RecipientKeys><CONN:Document>",
            '<dss:Base64Data MimeType="application/octet-stream">',
            _text(document),
            "</dss:Base64Data></CONN:Document><S:OptionalInputs>",
            f"<S:EncryptionType>{CMS}</S:EncryptionType><S:UnprotectedProperties>",
            _property(attribute),
            "</S:UnprotectedProperties></S:OptionalInputs>",
        )
    )


def decryption(handle: str, document: bytes) -> str:
    """Return what DecryptDocument needs after the context."""
    return "".join(
        (
            f"<S:PrivateKeyOnCard>{card_handle(handle)}",
            "<S:KeyReference>C.ENC</S:KeyReference></S:PrivateKeyOnCard><CONN:Document>",
            '<dss:Base64Data MimeType="application/octet-stream">',
            _text(document),
            "</dss:Base64Data></CONN:Document>",
        )
    )


def _property(attribute: bytes) -> str:
    return (
        "<dss:Property><dss:Identifier>RecipientEmailsAttribute</dss:Identifier>"
        f"<dss:Value><CMSAttribute>{_text(attribute)}</CMSAttribute></dss:Value></dss:Property>"
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
