"""The Konnektor as a PVS calls it: service directory, SOAP 1.1, the operations of scenarios.

Written apart from Konnektor and client module on purpose: it is a judge's own voice.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

from simulators.process import tls

from ..documents.safe_xml import NotXml, first_text, parse
from ..endpoints.contract import Context, KonnektorEndpoint

TIMEOUT_SECONDS = 60.0
MAX_ANSWER = 64 << 20

CMS = "urn:ietf:rfc:5652"
PADES = "http://uri.etsi.org/02778/3"

_CONN = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
_NAMES = {
    "soap": "http://schemas.xmlsoap.org/soap/envelope/",
    "conn": _CONN,
    "cctx": "http://ws.gematik.de/conn/ConnectorContext/v2.0",
    "card": "http://ws.gematik.de/conn/CardService/v8.1",
    "common": "http://ws.gematik.de/conn/CardServiceCommon/v2.0",
    "evt": "http://ws.gematik.de/conn/EventService/v7.2",
    "error": "http://ws.gematik.de/tel/error/v2.0",
    "dss": "urn:oasis:names:tc:dss:1.0:core:schema",
    "si": "http://ws.gematik.de/conn/ServiceInformation/v2.0",
}


class KonnektorFault(Exception):
    """The Konnektor refused an operation: code and text of the last Trace."""

    def __init__(self, operation: str, code: str, text: str) -> None:
        super().__init__(f"{operation}: {code} {text}")
        self.operation = operation
        self.code = code
        self.text = text


class KonnektorUnreachable(Exception):
    """No usable answer: connection, TLS, or an answer that is no SOAP."""


@dataclass(frozen=True)
class Card:
    """A card as GetCards lists it."""

    handle: str
    type: str
    iccsn: str


@dataclass(frozen=True)
class Verification:
    """The answer of VerifyDocument: VALID, INVALID or INCONCLUSIVE."""

    result: str
    detail: str = ""


@dataclass(frozen=True)
class _Service:
    namespace: str
    url: str


@dataclass
class Konnektor:
    """A PVS's connection to its Konnektor, with its call context.

    Every method raises KonnektorFault or KonnektorUnreachable.
    """

    endpoint: KonnektorEndpoint
    context: Context
    directory: Path
    ca: Path
    _services: dict[str, _Service] = field(default_factory=dict)
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)
    _tls: ssl.SSLContext | None = None

    def cards(self) -> list[Card]:
        """GetCards for the own context."""
        answer = self._call("EventService", "GetCards", [self._context()])
        return [
            Card(
                first_text(card, "conn:CardHandle/text()", _NAMES) or "",
                first_text(card, "common:CardType/text()", _NAMES) or "",
                first_text(card, "common:Iccsn/text()", _NAMES) or "",
            )
            for card in answer.iter(f"{{{_NAMES['card']}}}Card")
        ]

    def sign(
        self, card: Card, document: bytes, *, type_: str, mime: str, text: str, crypt: str
    ) -> bytes:
        """SignDocument: CMS with the content inside (CAdES-enveloping), or a signed PDF.

        *text* is the ShortText, at most 30 characters; *crypt* is ECC or RSA. TA-eAU asks for
        revocation information in the CMS.
        """
        service = self._service("SignatureService")
        job = first_text(
            self._call("SignatureService", "GetJobNumber", [self._context()]),
            ".//s:JobNumber/text()",
            {"s": service.namespace},
        )
        sig = f"{{{service.namespace}}}"
        enveloping = type_ == CMS
        options = _element(f"{sig}OptionalInputs", _element(_dss("SignatureType"), text=type_))
        if enveloping:
            options.append(_element(f"{sig}IncludeEContent", text="true"))
        data = _base64(document, mime)
        request = _element(
            f"{sig}SignRequest",
            options,
            _element(f"{sig}Document", data, ID="doc1", ShortText=text),
            _element(f"{sig}IncludeRevocationInfo", text="true" if enveloping else "false"),
            RequestID="1",
        )
        answer = self._call(
            "SignatureService",
            "SignDocument",
            [
                _element(f"{{{_CONN}}}CardHandle", text=card.handle),
                _element(f"{sig}Crypt", text=crypt),
                self._context(user=card.type not in {"SMC-B", "SM-B"}),
                _element(f"{sig}TvMode", text="NONE"),
                _element(f"{sig}JobNumber", text=job or ""),
                request,
            ],
        )
        names = {**_NAMES, "s": service.namespace}
        result = first_text(answer, ".//dss:Base64Signature/text()", names) or first_text(
            answer, ".//s:DocumentWithSignature/dss:Base64Data/text()", names
        )
        if result is None:
            raise KonnektorUnreachable("SignDocument: die Antwort enthält keine Signatur")
        return _decoded(result)

    def verify_cms(self, cms: bytes) -> Verification:
        """VerifyDocument over a CMS that holds its content."""
        signature = _element(_dss("Base64Signature"), text=_encoded(cms), Type=CMS)
        return self._verify(_element(_dss("SignatureObject"), signature))

    def verify_pdf(self, pdf: bytes) -> Verification:
        """VerifyDocument over a PDF with an embedded signature."""
        namespace = self._service("SignatureService").namespace
        document = _element(f"{{{namespace}}}Document", _base64(pdf, "application/pdf-a"))
        return self._verify(document)

    def decrypt(self, card: Card, cms: bytes) -> bytes:
        """DecryptDocument with the encryption key of *card*."""
        service = self._service("EncryptionService")
        crypt = f"{{{service.namespace}}}"
        answer = self._call(
            "EncryptionService",
            "DecryptDocument",
            [
                self._context(),
                _element(
                    f"{crypt}PrivateKeyOnCard",
                    _element(f"{{{_CONN}}}CardHandle", text=card.handle),
                    _element(f"{crypt}KeyReference", text="C.ENC"),
                ),
                _element(f"{{{_CONN}}}Document", _base64(cms, "application/pkcs7-mime")),
            ],
        )
        content = first_text(answer, ".//dss:Base64Data/text()", _NAMES)
        if content is None:
            raise KonnektorUnreachable("DecryptDocument: die Antwort enthält kein Dokument")
        return _decoded(content)

    def _verify(self, what: etree._Element) -> Verification:
        namespace = self._service("SignatureService").namespace
        answer = self._call(
            "SignatureService",
            "VerifyDocument",
            [
                self._context(),
                _element(f"{{{namespace}}}TvMode", text="NONE"),
                what,
                _element(f"{{{namespace}}}IncludeRevocationInfo", text="false"),
            ],
        )
        result = first_text(answer, ".//s:HighLevelResult/text()", {"s": namespace})
        detail = first_text(answer, ".//error:ErrorText/text()", _NAMES) or ""
        return Verification(result or "", detail)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _context(self, *, user: bool = False) -> etree._Element:
        ids = [
            ("MandantId", self.context.mandant),
            ("ClientSystemId", self.context.clientsystem),
            ("WorkplaceId", self.context.workplace),
        ]
        if user:
            ids.append(("UserId", self.context.user or str(uuid.uuid4())))
        return _element(
            f"{{{_NAMES['cctx']}}}Context",
            *[_element(f"{{{_CONN}}}{name}", text=value) for name, value in ids],
        )

    def _service(self, name: str) -> _Service:
        """Return the newest version of *name* (TIP1-A_4966) that the service directory offers."""
        if not self._services:
            status, body = self._request("GET", self.endpoint.service_directory, None, {})
            if status != http.client.OK:
                raise KonnektorUnreachable(f"Dienstverzeichnis: HTTP {status}")
            for service in _parse(body).iter(f"{{{_NAMES['si']}}}Service"):
                self._services[service.get("Name", "")] = _newest(service)
        if name not in self._services:
            raise KonnektorUnreachable(f"das Dienstverzeichnis nennt keinen {name}")
        return self._services[name]

    def _call(self, name: str, operation: str, content: list[etree._Element]) -> etree._Element:
        service = self._service(name)
        body = _element(
            f"{{{_NAMES['soap']}}}Envelope",
            _element(
                f"{{{_NAMES['soap']}}}Body",
                _element(f"{{{service.namespace}}}{operation}", *content),
            ),
        )
        action = f'"{service.namespace}#{operation}"'
        headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": action}
        message = etree.tostring(body, xml_declaration=True, encoding="UTF-8")
        status, answer = self._request("POST", service.url, message, headers)
        root = _parse(answer)
        if root.find(".//soap:Fault", _NAMES) is not None:
            raise _fault(operation, root)
        if status != http.client.OK:
            raise KonnektorUnreachable(f"{operation}: HTTP {status}")
        return root

    def _request(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        if self.endpoint.basic_auth is not None:
            user, password = self.endpoint.basic_auth
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers = {**headers, "Authorization": f"Basic {token}"}
        try:
            connection = self._connection(parts.scheme, parts.netloc)
            connection.request(method, parts.path or "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            self._connections.pop(parts.netloc, None)
            raise KonnektorUnreachable(f"{parts.netloc}: {error}") from None

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if netloc not in self._connections:
            self._connections[netloc] = (
                http.client.HTTPSConnection(
                    netloc, timeout=TIMEOUT_SECONDS, context=self._tls_context()
                )
                if scheme == "https"
                else http.client.HTTPConnection(netloc, timeout=TIMEOUT_SECONDS)
            )
        return self._connections[netloc]

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls.client_context(self.ca)
            if self.endpoint.client_certificate is not None:
                file = self.directory / self.endpoint.client_certificate
                tls.load_pkcs12(self._tls, file, self.endpoint.client_certificate_password or "")
        return self._tls


def _newest(service: etree._Element) -> _Service:
    def number(version: etree._Element) -> tuple[int, ...]:
        return tuple(int(p) for p in version.get("Version", "0").split(".") if p.isdigit())

    best = max(service.iter(f"{{{_NAMES['si']}}}Version"), key=number)
    url = first_text(best, "si:EndpointTLS/@Location", _NAMES) or first_text(
        best, "si:Endpoint/@Location", _NAMES
    )
    plain = first_text(best, "si:Endpoint/@Location", _NAMES)
    # Konnektoren name the namespace of the WSDL or that of the messages, which lacks this part.
    namespace = best.get("TargetNamespace", "").replace("/WSDL/", "/")
    return _Service(namespace, url or plain or "")


def _fault(operation: str, root: etree._Element) -> KonnektorFault:
    """Return the fault of the last Trace, which is the one to show (gemILF_PS 6.1)."""
    traces = list(root.iter(f"{{{_NAMES['error']}}}Trace"))
    if not traces:
        text = first_text(root, ".//faultstring/text()", {}) or "SOAP-Fault ohne Fehlercode"
        return KonnektorFault(operation, "-", text)
    return KonnektorFault(
        operation,
        first_text(traces[-1], "error:Code/text()", _NAMES) or "-",
        first_text(traces[-1], "error:ErrorText/text()", _NAMES) or "",
    )


def _parse(body: bytes) -> etree._Element:
    try:
        return parse(body)
    except NotXml as error:
        raise KonnektorUnreachable(f"die Antwort ist {error}") from None


def _dss(name: str) -> str:
    return f"{{{_NAMES['dss']}}}{name}"


def _base64(content: bytes, mime: str) -> etree._Element:
    return _element(_dss("Base64Data"), text=_encoded(content), MimeType=mime)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        raise KonnektorUnreachable("die Antwort enthält kein Base64") from None


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _element(
    name: str, *children: etree._Element, text: str | None = None, **attributes: str
) -> etree._Element:
    made = etree.Element(name, attributes)
    made.text = text
    made.extend(children)
    return made
