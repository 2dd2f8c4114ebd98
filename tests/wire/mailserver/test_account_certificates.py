"""Client certificates by createCert: what they open, and how they come."""

from __future__ import annotations

import base64
import poplib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from simulators.process.tls import client_context, load_pkcs12
from tests.account_manager_site import (
    NEW_PASSWORD,
    AccountSite,
    b64,
)
from tests.mail_providers import KV, mail


def test_certificate_of_createcert_opens_smtp_pop3_and_rest(
    site: AccountSite, tmp_path: Path
) -> None:
    address = f"neu@{KV}"
    assert site.register(address).status == 204
    bare = site.without_certificate()
    body = {"commonName": "Praxis Müller", "certPassword": b64("Transport-1")}
    key = {"address": address, "password": NEW_PASSWORD}
    answer = site.call("POST", "/cert", body, context=bare, **key)
    assert answer.status == 200, answer
    file = tmp_path / "cm.p12"
    file.write_bytes(base64.b64decode(answer.content["file"], validate=True))
    _, certificate, chain = pkcs12.load_key_and_certificates(file.read_bytes(), b"Transport-1")
    assert certificate is not None
    assert certificate.subject.rfc4514_string().startswith("CN=Praxis Müller#CM")
    assert len(chain) == 1
    context = client_context(site.tree.ca)
    load_pkcs12(context, file, "Transport-1")
    assert site.call("GET", context=context, **key).status == 200
    with site.provider.smtp(context=context) as client:
        client.login(address, NEW_PASSWORD)
        client.sendmail(address, [address], mail(address, address))
    host, port = site.provider.role.address("pop3")
    pop3 = poplib.POP3_SSL(host, port, context=context, timeout=20)
    pop3.user(address)
    pop3.pass_(NEW_PASSWORD)
    assert len(pop3.list()[1]) == 1
    pop3.close()
    assert site.call("POST", "/cert", body, context=bare, **key).status == 401, "the second one"


def test_container_without_password_is_not_encrypted(site: AccountSite) -> None:
    answer = site.call("POST", "/cert", {"commonName": "cm"})
    content = base64.b64decode(answer.content["file"], validate=True)
    key, certificate, _ = pkcs12.load_key_and_certificates(content, None)
    assert key is not None
    assert certificate is not None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"commonName": ""},
        {"commonName": "x" * 62},
        {"commonName": "a\nb"},
        {"commonName": 1},
        {"commonName": "x", "certPassword": "kein base64"},
        {"commonName": "x", "certPassword": 1},
    ],
)
def test_wrong_certificate_parameters(site: AccountSite, body: Any) -> None:
    assert site.call("POST", "/cert", body).status == 400
