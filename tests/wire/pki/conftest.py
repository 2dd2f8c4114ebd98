"""A running OCSP responder and the cards that it answers for."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from simulators.pki.cards import read_card
from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, Crypt, PkiRequest, Reference
from simulators.pki.tree import PkiTree
from simulators.pki.trust import Trust
from tests.conftest import RunningRole

ICCSN = "80276001011699901102"
Answer = tuple[int, str, bytes]


@dataclass(frozen=True)
class Responder:
    """The process, its tree of certificates, and its address."""

    role: RunningRole
    tree: PkiTree
    trust: Trust

    @property
    def url(self) -> str:
        host, port = self.role.address("ocsp")
        return f"http://{host}:{port}/ocsp"

    def post(self, body: bytes, method: str = "POST", path: str = "/ocsp") -> Answer:
        """Send *body* as it is; return status, content type and body of the answer."""
        connection = http.client.HTTPConnection(*self.role.address("ocsp"), timeout=10)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()

    def certificate(
        self, reference: Reference, crypt: Crypt
    ) -> tuple[x509.Certificate, x509.Certificate]:
        """Return a certificate of the card and its issuer."""
        card = read_card(self.tree.card(ICCSN))
        certificate = card.objects[reference, crypt].certificate
        issuer = self.trust.issuer_of(certificate)
        assert issuer is not None
        return certificate, issuer

    def set_status(self, certificate: x509.Certificate, status: str, **more: str) -> None:
        answer, body = self.role.ask(
            "PUT", f"/certificates/{certificate.serial_number}", {"status": status, **more}
        )
        assert answer == 200, body


@pytest.fixture(scope="session")
def running_responder(
    start_role: Callable[[str, dict[str, Any]], RunningRole], pki_cache: Path
) -> Responder:
    card = CardRequest(
        type="SMC-B",
        iccsn=ICCSN,
        telematik_id="1-2-ARZTPRAXIS-BerndRosenstrauch01",
        profession_oid="1.2.276.0.76.4.50",
        profession_item="Betriebsstätte Arzt",
        common_name="Arztpraxis Bernd Rosenstrauch",
    )
    tree = issue(PkiRequest(cards=[card]), pki_cache)
    role = start_role(
        "simulators.pki", {"pki": str(tree.directory), "listeners": {"ocsp": {}, "control": {}}}
    )
    return Responder(role, tree, Trust.load(tree.trust))


@pytest.fixture
def responder(running_responder: Responder) -> Iterator[Responder]:
    """Return the responder; afterwards it is as it was at its start."""
    yield running_responder
    assert running_responder.role.ask("POST", "/reset")[0] == 204
