"""A directory with its maintenance interfaces, and their clients, for tests."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from tests.vzd_site import ENTRIES, certificates, settings

DOMAIN = "dox.kim.telematik-test"
OTHER_DOMAIN = "arv.kim.telematik-test"
CLIENTS = {
    "kammer": {"secret": "geheim-kammer", "scopes": ["VZD:DirectoryAdministration"]},
    "tsp": {"secret": "geheim-tsp-01"},
    "leser": {"secret": "geheim-leser", "scopes": ["VZD:DirectoryRead"]},
}
APPLICATION, ADMINISTRATION = "/DirectoryApplicationMaintenance", "/DirectoryAdministration"
TOKEN = "/auth/realms/RSDirectoryAdministration/protocol/openid-connect/token"
PRACTICE, DOCTOR = "80276000000000000101", "80276000000000000102"
PRACTICE_ID, DOCTOR_ID = "1-29999999901", "1-19999999902"


def maintenance_pki(cache: Path) -> PkiTree:
    """Return the directory's identity, two providers, one that is none, and two cards."""
    return issue(
        PkiRequest(
            tls=[TlsRequest(name=name) for name in ("vzd", "dox", "arv", "fremd")],
            cards=[
                CardRequest(
                    type="SMC-B",
                    iccsn=PRACTICE,
                    telematik_id=PRACTICE_ID,
                    profession_oid="1.2.276.0.76.4.50",
                    profession_item="Betriebsstätte Arzt",
                    common_name="Praxis Neumann",
                ),
                CardRequest(
                    type="HBA",
                    iccsn=DOCTOR,
                    telematik_id=DOCTOR_ID,
                    profession_oid="1.2.276.0.76.4.30",
                    profession_item="Ärztin/Arzt",
                    common_name="Nora Neumann",
                    given_name="Nora",
                    surname="Neumann",
                ),
            ],
        ),
        cache,
    )


def maintenance_settings(
    cache: Path, directory: Path, records: list[dict[str, Any]] = ENTRIES, **changes: Any
) -> dict[str, Any]:
    """Return the settings of a directory that providers and card issuers maintain."""
    tree = maintenance_pki(cache)
    return {
        **settings(certificates(cache), directory, records),
        "listeners": {"ldap": {}, "rest": {}},
        "client_ca": str(tree.provider_ca),
        "providers": {
            DOMAIN: {"certificate": str(tree.tls("dox").certificate)},
            OTHER_DOMAIN: {"certificate": str(tree.tls("arv").certificate)},
        },
        "clients": CLIENTS,
        **changes,
    }


def encryption_certificates(tree: PkiTree, iccsn: str) -> list[str]:
    """Return C.ENC of a card, as the interfaces take it: DER in base64, RSA and ECC."""
    card = tree.card(iccsn)
    content = json.loads(card.read_bytes())
    return [
        base64.b64encode(
            x509.load_pem_x509_certificate(
                (card.parent / files["certificate"]).read_bytes()
            ).public_bytes(Encoding.DER)
        ).decode()
        for files in content["objects"]
        if files["reference"] == "C.ENC"
    ]


@dataclass(frozen=True)
class Answer:
    """Status, content (None without one) and headers of an answer."""

    status: int
    content: Any
    headers: Mapping[str, str]

    @property
    def wrong(self) -> str:
        """The attribute that the answer names as wrong."""
        name: str = self.content["errors"][0]["attributeName"]
        return name


@dataclass
class Client:
    """A client of one interface: a provider by its certificate, or a client by its token."""

    address: tuple[str, int]
    tree: PkiTree
    certificate: str | None = None
    token: str | None = None

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.tree.ca))
        if self.certificate is not None:
            identity = self.tree.tls(self.certificate)
            context.load_cert_chain(identity.certificate, identity.key)
        return context

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request as it is."""
        connection = http.client.HTTPSConnection(*self.address, timeout=10, context=self._context)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
            return Answer(
                response.status, json.loads(content) if content else None, dict(response.headers)
            )
        finally:
            connection.close()

    def ask(self, method: str, path: str, content: Any = None, /, **query: str) -> Answer:
        """Call an operation below the client's interface."""
        base = APPLICATION if self.token is None else ADMINISTRATION
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        body = None
        if content is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(content).encode()
        asked = base + urllib.parse.quote(path, safe="/%")
        if query:
            asked += "?" + urllib.parse.urlencode(query)
        return self.send(method, asked, body, headers)

    def log_in(self, name: str, secret: str | None = None, **form: str) -> Answer:
        """Ask for a token as *name*."""
        known = str(CLIENTS.get(name, {}).get("secret", ""))
        content = {
            "grant_type": "client_credentials",
            "client_id": name,
            "client_secret": known if secret is None else secret,
            **form,
        }
        return self.send(
            "POST",
            TOKEN,
            urllib.parse.urlencode(content).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )


def logged_in(role: Any, tree: PkiTree, name: str) -> Client:
    """Return a client of the administration that has a token of *name*."""
    client = Client(role.address("rest"), tree)
    return Client(client.address, tree, token=client.log_in(name).content["access_token"])
