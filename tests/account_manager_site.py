"""A provider with its Account Manager, a directory, and cards that sign JWTs, for tests."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.cards import Card, read_card
from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, KimRequest, PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from simulators.process.tls import client_context
from tests.conftest import RunningRole
from tests.mail_providers import KV, PASSWORD, RunningProvider, provider_settings
from tests.vzd_site import settings as directory_settings

PRACTICE, DOCTOR, OTHER_PRACTICE, HOSPITAL, FORMER = (
    f"802760000000000002{number:02}" for number in range(5)
)
TELEMATIK_IDS = {
    PRACTICE: "1-2012345678",
    DOCTOR: "1-1012345678",
    OTHER_PRACTICE: "1-2098765432",
    HOSPITAL: "5-2-0123456789",
    FORMER: "1-2055555555",
}
BSNR = "721234500"
OWNED = f"praxis@{KV}"
NEW_PASSWORD = "Neu-Geheim-1234"
CODE, DOCTORS_CODE = "BESTELLUNG-1", "BESTELLUNG-2"
BASE = "/AccountMgmt/v2.4"
MODULES = {"vzd": "simulators.vzd", "mailserver": "simulators.mailserver"}


def site_pki(cache: Path) -> PkiTree:
    """Return certificates for a provider, a directory, a client module and five cards."""

    def institution(iccsn: str, organization: str, profession: str = "50") -> CardRequest:
        return CardRequest(
            type="SMC-B",
            iccsn=iccsn,
            telematik_id=TELEMATIK_IDS[iccsn],
            profession_oid=f"1.2.276.0.76.4.{profession}",
            profession_item="Einrichtung",
            common_name=f"Einrichtung {iccsn[-2:]}",
            organization=organization,
        )

    return issue(
        PkiRequest(
            tls=[
                TlsRequest(name="kv", dns_names=[f"mail.{KV}"]),
                TlsRequest(name="vzd"),
            ],
            kim_certificates=[KimRequest(participant="praxis", common_name="praxis")],
            cards=[
                institution(PRACTICE, BSNR),
                CardRequest(
                    type="HBA",
                    iccsn=DOCTOR,
                    telematik_id=TELEMATIK_IDS[DOCTOR],
                    profession_oid="1.2.276.0.76.4.30",
                    profession_item="Ärztin/Arzt",
                    common_name="Dr. Änne-Marie Groß",
                    given_name="Änne Marie",
                    surname="Groß",
                ),
                institution(OTHER_PRACTICE, "382222200"),
                institution(HOSPITAL, "Klinikum", "53"),
                institution(FORMER, "000000000"),
            ],
        ),
        cache,
    )


def b64(text: str) -> str:
    """Return *text* as the parameters of the header have it."""
    return base64.b64encode(text.encode()).decode()


def unpadded(content: bytes) -> str:
    """Return *content* in base64url without padding, as JWTs have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwt(
    card: Card,
    *,
    crypt: Any = "RSA",
    reference: Any = "C.AUT",
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
) -> str:
    """Return a JWT that *card* signs; *header* and *claims* replace what is usual."""
    found = card.objects[reference, crypt]
    der = found.certificate.public_bytes(Encoding.DER)
    key = found.private_key
    usual = {
        "alg": "PS256" if isinstance(key, rsa.RSAPrivateKey) else "BP256R1",
        "typ": "JWT",
        "x5c": [base64.b64encode(der).decode()],
    }
    parts = ({**usual, **(header or {})}, {"nbf": int(time.time()) - 1, **(claims or {})})
    signed = ".".join(unpadded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{unpadded(_signature(key, signed.encode()))}"


def _signature(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, signed: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return key.sign(signed, pss, hashes.SHA256())
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@cache
def _card(path: Path) -> Card:
    return read_card(path)


@cache
def _anonymous(ca: Path) -> ssl.SSLContext:
    return client_context(ca)


@dataclass
class Answer:
    """Status, JSON content (None without one) and headers of an answer."""

    status: int
    content: Any
    headers: dict[str, str]


@dataclass
class AccountSite:
    """A running provider with Account Manager and directory, and who calls it."""

    provider: RunningProvider
    running_directory: RunningRole | None
    tree: PkiTree

    @property
    def directory(self) -> RunningRole:
        """The directory, where one runs."""
        assert self.running_directory is not None
        return self.running_directory

    @cached_property
    def client_module(self) -> ssl.SSLContext:
        """The TLS of a client module with its certificate."""
        return self.provider.client_module()

    def card(self, iccsn: str) -> Card:
        """Return a card with its keys."""
        return _card(self.tree.card(iccsn))

    def token(self, iccsn: str = PRACTICE, **changes: Any) -> str:
        """Return a JWT that the card signs."""
        return jwt(self.card(iccsn), **changes)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        context: ssl.SSLContext | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request; *body* is JSON unless it is bytes."""
        host, port = self.provider.role.address("rest")
        connection = http.client.HTTPSConnection(
            host, port, context=context or self.client_module, timeout=20
        )
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content is not None:
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read()
            kind = response.headers.get("Content-Type", "")
            if text:
                assert kind == "application/json; charset=utf-8", (kind, text)
            return Answer(
                response.status, json.loads(text) if text else None, dict(response.headers)
            )
        finally:
            connection.close()

    def call(
        self,
        method: str,
        operation: str = "",
        body: object = None,
        *,
        address: str = OWNED,
        password: str | None = PASSWORD,
        card: str = PRACTICE,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
        **headers: str,
    ) -> Answer:
        """Call an operation on an account, by default as its owner does."""
        headers["Authorization"] = f"Bearer {token or self.token(card)}"
        if password is not None:
            headers.setdefault("password", b64(password))
        path = f"{BASE}/account/{quote(address, safe='')}{operation}"
        return self.send(method, path, body, context=context, **headers)

    def register(
        self,
        username: str,
        *,
        card: str = PRACTICE,
        code: str | None = CODE,
        ini_password: str = NEW_PASSWORD,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
        **account: Any,
    ) -> Answer:
        """Register an account as a client module does that has no certificate yet."""
        body = {"username": username, **account}
        if code is not None:
            body["referenceID"] = code
        return self.send(
            "POST",
            f"{BASE}/account",
            body,
            context=context or self.without_certificate(),
            Authorization=f"Bearer {token or self.token(card)}",
            iniPassword=b64(ini_password),
        )

    def without_certificate(self) -> ssl.SSLContext:
        """Return the TLS of a client module that has no certificate yet."""
        return _anonymous(self.tree.ca)

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Return the accounts as the control API shows them, by address."""
        _, body = self.provider.role.ask("GET", "/accounts")
        return {account["address"]: account for account in json.loads(body)}

    def entry(self, telematik_id: str) -> dict[str, list[str]]:
        """Return the attributes of a directory entry, as the flat list has them."""
        _, body = self.directory.ask("GET", "/entries")
        for entry in json.loads(body)["entries"]:
            if entry["attributes"].get("telematikID") == [telematik_id]:
                found: dict[str, list[str]] = entry["attributes"]
                return found
        raise AssertionError(f"no entry of {telematik_id}")

    def advance(self, **delta: float) -> None:
        """Move the virtual clock of the provider."""
        seconds = delta.get("days", 0) * 86_400 + delta.get("seconds", 0)
        status, body = self.provider.role.ask("PUT", "/clock", {"advance_seconds": seconds})
        assert status == 200, body

    def token_now(self, iccsn: str = PRACTICE) -> str:
        """Return a JWT of the provider's virtual time."""
        _, body = self.provider.role.ask("GET", "/clock")
        seconds = json.loads(body)["offset_seconds"]
        return self.token(iccsn, claims={"nbf": int(time.time() + seconds) - 1})

    def reset(self) -> None:
        """Bring provider and directory back to their start."""
        for role in (self.provider.role, self.running_directory):
            assert role is None or role.ask("POST", "/reset")[0] == 204


def start_site(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    cache: Path,
    directory: Path | None,
    *,
    profile: Any = "gematik",
    manager: dict[str, Any] | None = None,
    **overrides: Any,
) -> AccountSite:
    """Start a directory, with files in *directory*, and a provider whose Account Manager writes
    there; without *directory* the provider alone.
    """
    tree = site_pki(cache)
    vzd = None if directory is None else _start_directory(start_role, free_port, tree, directory)
    settings = provider_settings(tree, "kv", KV, [])
    authority = tree.provider_authority
    provider = start_role(
        MODULES["mailserver"],
        {
            **settings,
            "accounts": [
                {"address": OWNED, "password": PASSWORD, "telematik_id": TELEMATIK_IDS[PRACTICE]},
                {"address": f"facharzt@{KV}", "password": PASSWORD, "telematik_id": "1-2999"},
            ],
            "listeners": {name: {"port": free_port()} for name in ("smtp", "pop3", "rest")},
            "profile": profile,
            "account_manager": {
                "trust": str(tree.trust),
                "codes": [
                    {"reference_id": CODE},
                    {
                        "reference_id": DOCTORS_CODE,
                        "telematik_ids": [TELEMATIK_IDS[DOCTOR]],
                        "bsnr": BSNR,
                    },
                ],
                "authority": {
                    "certificate": str(authority.certificate),
                    "key": str(authority.key),
                },
                "directory": None if vzd is None else _directory_access(vzd, tree),
                **(manager or {}),
            },
            **overrides,
        },
    )
    return AccountSite(RunningProvider(provider, tree, KV), vzd, tree)


def _start_directory(
    start_role: Callable[[str, dict[str, Any]], RunningRole],
    free_port: Callable[[], int],
    tree: PkiTree,
    directory: Path,
) -> RunningRole:
    entries = [
        {
            "uid": f"karte-{iccsn[-2:]}",
            "attributes": {
                "telematikID": [telematik_id],
                "displayName": [f"Einrichtung {iccsn[-2:]}"],
                **(
                    {"mail": [OWNED], "komLeData": [f"1.5,{OWNED}"], "kimData": [f"{OWNED},1.5"]}
                    if iccsn == PRACTICE
                    else {}
                ),
            },
            "certificates": ["vzd"],
            "active": iccsn != FORMER,
        }
        for iccsn, telematik_id in TELEMATIK_IDS.items()
    ]
    return start_role(
        MODULES["vzd"],
        {
            **directory_settings(tree, directory, entries),
            "listeners": {"ldap": {"port": free_port()}, "rest": {"port": free_port()}},
            "client_ca": str(tree.provider_ca),
            "providers": {KV: {"certificate": str(tree.tls("kv").certificate)}},
        },
    )


def _directory_access(vzd: RunningRole, tree: PkiTree) -> dict[str, Any]:
    host, port = vzd.address("rest")
    return {
        "url": f"https://{host}:{port}/DirectoryApplicationMaintenance",
        "ca": str(tree.ca),
        "timeout_seconds": 5,
    }
