"""XML namespaces of the Konnektor's interfaces."""

from __future__ import annotations

CONN = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
CONTEXT = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
EVENT = "http://ws.gematik.de/conn/EventService/v7.2"
CARD = "http://ws.gematik.de/conn/CardService/v8.1"
CARD_COMMON = "http://ws.gematik.de/conn/CardServiceCommon/v2.0"
TERMINAL_SERVICE = "http://ws.gematik.de/conn/CardTerminalService/v1.1"
TERMINAL = "http://ws.gematik.de/conn/CardTerminalInfo/v8.0"
CERTIFICATE = "http://ws.gematik.de/conn/CertificateService/v6.0"
CERTIFICATE_COMMON = "http://ws.gematik.de/conn/CertificateServiceCommon/v2.0"
SIGNATURE_7_4 = "http://ws.gematik.de/conn/SignatureService/v7.4"
SIGNATURE_7_5 = "http://ws.gematik.de/conn/SignatureService/v7.5"
ENCRYPTION = "http://ws.gematik.de/conn/EncryptionService/v6.1"
DIRECTORY = "http://ws.gematik.de/conn/ServiceDirectory/v3.1"
SERVICE_INFORMATION = "http://ws.gematik.de/conn/ServiceInformation/v2.0"
PRODUCT = "http://ws.gematik.de/int/version/ProductInformation/v1.1"
ERROR = "http://ws.gematik.de/tel/error/v2.0"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
REPORT = "urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#"
POLICY = "urn:oasis:names:tc:dss-x:1.0:profiles:SignaturePolicy:schema#"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

PREFIXES = {
    "CONN": CONN,
    "CCTX": CONTEXT,
    "CARD": CARD,
    "CARDCMN": CARD_COMMON,
    "CT": TERMINAL,
    "CERTCMN": CERTIFICATE_COMMON,
    "PI": PRODUCT,
    "GERROR": ERROR,
    "dss": DSS,
    "vr": REPORT,
    "ds": XMLDSIG,
    "XAdES": XADES,
}


def name(namespace: str, local: str) -> str:
    """Return the expanded name ``{namespace}local``."""
    return f"{{{namespace}}}{local}"
