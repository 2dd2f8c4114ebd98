"""A practice with its Konnektor as running processes, and a plain SOAP caller for it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from simulators.konnektor.on_purpose import DETAIL
from simulators.pki.issue import issue
from simulators.pki.request import (
    CardRequest,
    ClientRequest,
    PkiRequest,
    TerminalRequest,
    TlsRequest,
)
from simulators.pki.tree import PkiTree
from simulators.process import tls

SMCB, SMCB_G20, HBA = "80276000000000000011", "80276000000000000029", "80276000000000000037"
GSMCKT = "80276000000000000045"
PREFIXES = {
    "S": "http://schemas.xmlsoap.org/soap/envelope/",
    "CONN": "http://ws.gematik.de/conn/ConnectorCommon/v5.0",
    "CCTX": "http://ws.gematik.de/conn/ConnectorContext/v2.0",
    "CARD": "http://ws.gematik.de/conn/CardService/v8.1",
    "CARDCMN": "http://ws.gematik.de/conn/CardServiceCommon/v2.0",
    "CTS": "http://ws.gematik.de/conn/CardTerminalService/v1.1",
    "EVT": "http://ws.gematik.de/conn/EventService/v7.2",
    "CERT": "http://ws.gematik.de/conn/CertificateService/v6.0",
    "CERTCMN": "http://ws.gematik.de/conn/CertificateServiceCommon/v2.0",
    "SIG": "http://ws.gematik.de/conn/SignatureService/v7.5",
    "SIG74": "http://ws.gematik.de/conn/SignatureService/v7.4",
    "CRYPT": "http://ws.gematik.de/conn/EncryptionService/v6.1",
    "GERROR": "http://ws.gematik.de/tel/error/v2.0",
    "dss": "urn:oasis:names:tc:dss:1.0:core:schema",
    "vr": "urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#",
}
SCHEMAS = {
    "EVT": "EventService.xsd",
    "CTS": "CardTerminalService.xsd",
    "CARD": "CardService_v8_1_3.xsd",
    "CERT": "CertificateService_v6_0_2.xsd",
    "SIG": "SignatureService_V7_5_6.xsd",
    "SIG74": "SignatureService_V7_4_4.xsd",
    "CRYPT": "EncryptionService_v6_1_2.xsd",
}
PATHS = {
    "EVT": "/ws/EventService",
    "CTS": "/ws/CardTerminalService",
    "CARD": "/ws/CardService",
    "CERT": "/ws/CertificateService",
    "SIG": "/ws/SignatureService/v7.5",
    "SIG74": "/ws/SignatureService/v7.4",
    "CRYPT": "/ws/EncryptionService",
    "AUTH": "/ws/AuthSignatureService",
}


def site_pki(cache_directory: Path) -> PkiTree:
    """Return cards and certificates of the practice."""

    def card(kind: str, iccsn: str, number: int, **more: Any) -> CardRequest:
        smcb = kind == "SMC-B"
        return CardRequest(
            type=kind,
            iccsn=iccsn,
            telematik_id=f"1-2012345670{number}",
            profession_oid="1.2.276.0.76.4.50" if smcb else "1.2.276.0.76.4.30",
            profession_item="Betriebsstätte Arzt" if smcb else "Ärztin/Arzt",
            common_name=f"Praxis {number}" if smcb else "Dr. Eva Müller",
            given_name="Eva",
            surname="Müller",
            **more,
        )

    return issue(
        PkiRequest(
            cards=[
                card("SMC-B", SMCB, 1),
                card("SMC-B", SMCB_G20, 2, generation="G2.0"),
                card("HBA", HBA, 3),
            ],
            tls=[TlsRequest(name="konnektor", profile="C.AK.AUT")],
            terminals=[TerminalRequest(name="t1", iccsn=GSMCKT)],
            clients=[ClientRequest(name="pvs"), ClientRequest(name="other")],
        ),
        cache_directory,
    )


def site_settings(pki: PkiTree, *, ocsp_url: str | None, **changes: Any) -> dict[str, Any]:
    """Return the settings of the practice's Konnektor: two Mandanten, two Workplaces."""
    identity = pki.tls("konnektor")
    return {
        "seed": 7,
        "listeners": {"soap": {}},
        "tls": {"certificate": str(identity.certificate), "key": str(identity.key)},
        "authentication": "certificate",
        "client_ca": str(pki.clients_ca),
        "trust": str(pki.trust),
        "ocsp_url": ocsp_url,
        "information_model": {
            "mandanten": [
                {
                    "id": "m1",
                    "clientsystems": ["cs1", "cs2"],
                    "workplaces": ["w1", "w2"],
                    "terminals": ["t1"],
                    "cards": [SMCB],
                    "access": [{"clientsystem": "cs1", "workplaces": ["w1", "w2"]}],
                },
                {
                    "id": "m2",
                    "clientsystems": ["cs1"],
                    "workplaces": ["w1"],
                    "terminals": ["t1"],
                    "cards": [SMCB_G20],
                    "access": [{"clientsystem": "cs1", "workplaces": ["w1"]}],
                },
            ],
            "clientsystems": [
                {
                    "id": "cs1",
                    "certificates": [pki.client("pvs").fingerprint],
                    "basic": ["pvs", "geheim"],
                },
                {"id": "cs2", "certificates": [pki.client("other").fingerprint]},
            ],
            "workplaces": [
                {"id": "w1", "local_terminals": ["t1"]},
                {"id": "w2", "remote_terminals": ["t1"]},
            ],
            "terminals": [
                {
                    "id": "t1",
                    "name": "Empfang",
                    "cards": [
                        {"slot": 1, "card": str(pki.card(SMCB))},
                        {"slot": 2, "card": str(pki.card(HBA))},
                        {"slot": 3, "card": str(pki.card(SMCB_G20))},
                    ],
                }
            ],
        },
        "pins": {
            SMCB: {"PIN.SMC": {"state": "VERIFIED"}},
            SMCB_G20: {"PIN.SMC": {"state": "VERIFIED"}},
        },
        **changes,
    }


SEEN: dict[str, set[int]] = defaultdict(set)
"""The codes that answers named in this run, by the test that got them."""
_CODE = re.compile(rb"<(?:\w+:)?Code>(\d{4,5})</")
_ON_PURPOSE = f">{DETAIL}<".encode()


def note_codes(content: bytes) -> None:
    """Remember the codes in an answer: a table says which test reaches which (fault_coverage).

    Faults on purpose do not count.
    """
    if _ON_PURPOSE in content:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    SEEN[test].update(int(code) for code in _CODE.findall(content))


@dataclass(frozen=True)
class Answer:
    """A SOAP answer: HTTP status and body element (the Fault included)."""

    status: int
    body: Any

    @property
    def code(self) -> int | None:
        """The code of the last Trace, of a fault or of a Warning."""
        codes = self.body.xpath("//GERROR:Trace/GERROR:Code/text()", namespaces=PREFIXES)
        return int(codes[-1]) if codes else None

    def text(self, path: str) -> str:
        """Return the text at the XPath *path*, which must exist."""
        found = self.body.xpath(f"string({path})", namespaces=PREFIXES)
        assert self.body.xpath(path, namespaces=PREFIXES), etree.tostring(self.body)
        return str(found)

    def binary(self, path: str) -> bytes:
        """Return the Base64 content at *path*, decoded."""
        return base64.b64decode(self.text(path))


@cache
def schema(path: Path) -> etree.XMLSchema:
    """Return the official schema at *path*."""
    return etree.XMLSchema(etree.parse(path))


@cache
def _client_tls(ca: Path, pkcs12: tuple[Path, str] | None) -> ssl.SSLContext:
    """Return how a client connects; made once, for it takes as long as a call."""
    context = tls.client_context(ca)
    if pkcs12 is not None:
        tls.load_pkcs12(context, *pkcs12)
    return context


@dataclass
class Site:
    """A running Konnektor and how to call it."""

    role: Any
    pki: PkiTree
    client: str | None = "pvs"
    basic: tuple[str, str] | None = None
    plain: bool = False
    schemas: Callable[[str], Path] | None = None
    _jobs: int = field(default=0)

    @property
    def url(self) -> str:
        """The base URL of the SOAP port."""
        host, port = self.role.address("soap")
        return f"{'http' if self.plain else 'https'}://{host}:{port}"

    def connection(self, timeout: float = 20) -> http.client.HTTPConnection:
        """Return a new connection that authenticates as the site's client."""
        host, port = self.role.address("soap")
        if self.plain:
            return http.client.HTTPConnection(host, port, timeout=timeout)
        context = _client_tls(self.pki.ca, None)
        if self.client is not None:
            file = self.pki.client(self.client)
            context = _client_tls(self.pki.ca, (file.path, file.password))
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)

    def post(self, path: str, body: bytes, content_type: str = "text/xml; charset=utf-8") -> Any:
        """POST *body*; return status and content."""
        headers = {"Content-Type": content_type}
        if self.basic is not None:
            login = base64.b64encode(":".join(self.basic).encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        connection = self.connection()
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            content = response.read()
            note_codes(content)
            return response.status, content
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """GET *path*; return status and content."""
        connection = self.connection()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def call(self, service: str, operation: str, inner: str, attributes: str = "") -> Answer:
        """Call an operation; *inner* may use the prefixes of ``PREFIXES``. The answer is held
        against the official schema where that is at hand.
        """
        prefix = "SIG74" if service == "AUTH" else service
        status, content = self.post(
            PATHS[service],
            envelope(f"<{prefix}:{operation}{attributes}>{inner}</{prefix}:{operation}>"),
        )
        root = etree.fromstring(content, etree.XMLParser(huge_tree=True))
        body = root.find("S:Body", PREFIXES)
        assert body is not None
        answer = Answer(status, body[0])
        if self.schemas is not None:
            if status == 200:
                schema(self.schemas(f"api-telematik/conn/{SCHEMAS[prefix]}")).assertValid(body[0])
            else:
                error = body[0].find(".//GERROR:Error", PREFIXES)
                found = self.schemas("api-telematik/tel/error/TelematikError.xsd")
                schema(found).assertValid(error)
        return answer

    def handle(self, iccsn: str) -> str:
        """Return the present handle of a card, as the control API says."""
        cards = json.loads(self.role.ask("GET", "/cards")[1])
        return str(next(card["handle"] for card in cards if card["iccsn"] == iccsn))

    def job(self) -> str:
        """Return a job number that was not used before."""
        self._jobs += 1
        return f"TST-{self._jobs:03d}"

    def sign(self, iccsn: str, document: str, options: str = "", **more: str) -> Answer:
        """Call SignDocument (version 7.5) with one document."""
        crypt = f"<SIG:Crypt>{more['crypt']}</SIG:Crypt>" if "crypt" in more else ""
        revocation = more.get("revocation", "false")
        return self.call(
            "SIG",
            "SignDocument",
            f"<CONN:CardHandle>{self.handle(iccsn)}</CONN:CardHandle>{crypt}"
            f"{more.get('context') or context()}<SIG:TvMode>NONE</SIG:TvMode>"
            f"<SIG:JobNumber>{more.get('job') or self.job()}</SIG:JobNumber>"
            f'<SIG:SignRequest RequestID="r1">'
            f"<SIG:OptionalInputs>{options}</SIG:OptionalInputs>{document}"
            f"<SIG:IncludeRevocationInfo>{revocation}</SIG:IncludeRevocationInfo>"
            f"</SIG:SignRequest>",
        )


def envelope(inner: str) -> bytes:
    """Return the SOAP message with *inner* as its body, all prefixes declared."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
    return f"<S:Envelope {declared}><S:Body>{inner}</S:Body></S:Envelope>".encode()


def context(
    mandant: str = "m1", clientsystem: str = "cs1", workplace: str = "w1", user: str | None = None
) -> str:
    """Return CCTX:Context."""
    who = "" if user is None else f"<CONN:UserId>{user}</CONN:UserId>"
    return (
        f"<CCTX:Context><CONN:MandantId>{mandant}</CONN:MandantId>"
        f"<CONN:ClientSystemId>{clientsystem}</CONN:ClientSystemId>"
        f"<CONN:WorkplaceId>{workplace}</CONN:WorkplaceId>{who}</CCTX:Context>"
    )


def document(
    content: bytes, mime_type: str = "text/plain; charset=utf-8", short_text: str | None = "none"
) -> str:
    """Return SIG:Document with *content*."""
    shown = "" if short_text is None else f' ShortText="{short_text}"'
    encoded = base64.b64encode(content).decode()
    return (
        f'<SIG:Document{shown}><dss:Base64Data MimeType="{mime_type}">{encoded}'
        "</dss:Base64Data></SIG:Document>"
    )


CMS = "<dss:SignatureType>urn:ietf:rfc:5652</dss:SignatureType>"
ENVELOPING = CMS + "<SIG:IncludeEContent>true</SIG:IncludeEContent>"
