"""A card of the demo world registers at each of its providers with what endpoints.json says."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from scenarios.engine.endpoints.contract import Endpoints
from simulators.pki.cards import Card, read_card
from simulators.process.tls import client_context, load_pkcs12
from tests.account_manager_site import b64, jwt

PASSWORD = "Lang-genug-und-1"
SITE = "praxis"


def cards(world: Endpoints) -> dict[str, Card]:
    """Return the cards in the Konnektor of the site, by type."""
    settings = json.loads((world.directory / "settings" / f"konnektor-{SITE}.json").read_text())
    terminals = settings["information_model"]["terminals"]
    found = [read_card(Path(slot["card"])) for one in terminals for slot in one["cards"]]
    return {card.type: card for card in found}


def ask(url: str, method: str, path: str, body: Any, **more: Any) -> tuple[int, Any]:
    host, base = urlsplit(url).netloc, urlsplit(url).path
    context = more.pop("context", None)
    connection: http.client.HTTPConnection = (
        http.client.HTTPConnection(host, timeout=20)
        if context is None
        else http.client.HTTPSConnection(host, context=context, timeout=20)
    )
    content = None if body is None else json.dumps(body)
    connection.request(method, base + path, content, more)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text else None


@pytest.mark.parametrize("card_type", ["SMC-B", "HBA"])
def test_proposed_address_is_registered_and_found(world: Endpoints, card_type: str) -> None:
    """OCSP, directory, code and KV are those of the world."""
    provider = world.providers["kv.dox.kim.telematik-test"]
    assert (provider.profile, provider.account_manager is None) == ("kv.dox", False)
    code, card = provider.registration[SITE], cards(world)[card_type]
    der = card.objects["C.AUT", "RSA"].certificate.public_bytes(Encoding.DER)
    asked = {
        "certificate": base64.b64encode(der).decode(),
        "reference_id": code.reference_id,
    }
    status, proposal = ask(provider.control, "POST", "/proposals", asked)
    assert (status, proposal["fixed"]) == (200, ".kvtest")
    account = {
        "username": proposal["address"],
        "referenceID": code.reference_id,
        "password": b64(PASSWORD),
    }
    assert provider.account_manager is not None
    headers: dict[str, Any] = {
        "Authorization": f"Bearer {jwt(card)}",
        "iniPassword": b64(code.initial_password),
        "Content-Type": "application/json; charset=utf-8",
        "context": client_context(world.directory / world.ca),
    }
    assert ask(provider.account_manager, "POST", "/account", account, **headers) == (204, None)
    assert world.vzd is not None
    _, listed = ask(world.vzd.control, "GET", "/entries", None)
    (entry,) = (
        e["attributes"]
        for e in listed["entries"]
        if e["attributes"].get("telematikID") == [card.telematik_id]
    )
    assert proposal["address"] in entry["mail"]

    own = world.participants[SITE]  # the world stays as it was: others play in it
    assert own.kim_certificate_password is not None
    file = world.file(str(own.kim_certificate))
    load_pkcs12(headers["context"], file, own.kim_certificate_password)
    headers["password"] = b64(PASSWORD)
    path = f"/account/{proposal['address']}"
    assert ask(provider.account_manager, "DELETE", path, None, **headers)[0] == 204


def test_other_provider_says_its_own_rules(world: Endpoints) -> None:
    provider = world.providers["zweitanbieter.kim.telematik-test"]
    assert provider.profile == "gematik"
    assert provider.service_information is not None
    context = client_context(world.directory / world.ca)
    status, said = ask(provider.service_information, "GET", "/serviceinfo", None, context=context)
    assert (status, "12" in said["passwordPolicyDisplay"]) == (200, True)
