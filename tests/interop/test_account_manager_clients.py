"""The first registration as an administration module does it, with curl, openssl and a Konnektor.

The Konnektor makes the JWT's signature by ExternalAuthenticate, curl carries the REST calls,
openssl reads the PKCS#12, with which curl calls again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.account_manager_site import CODE, AccountSite, b64, start_site, unpadded
from tests.konnektor_site import SMCB, Site, context, site_pki, site_settings
from tests.mail_providers import KV, PASSWORD

ADDRESS = f"praxis.eva@{KV}"
TELEMATIK_ID = "1-20123456701"
READ = (
    "<CERT:CertRefList><CERT:CertRef>C.AUT</CERT:CertRef></CERT:CertRefList>"
    "<CERT:Crypt>{crypt}</CERT:Crypt>"
)


@dataclass
class Practice:
    """The Konnektor of a practice and the provider, at which it registers."""

    konnektor: Site
    provider: AccountSite
    curl: str

    def token(self) -> str:
        """Return a JWT whose signature ExternalAuthenticate makes (A_19457-02: PS256)."""
        card = f"<CONN:CardHandle>{self.konnektor.handle(SMCB)}</CONN:CardHandle>"
        read = self.konnektor.call(
            "CERT", "ReadCardCertificate", card + context() + READ.format(crypt="RSA")
        )
        header = {"alg": "PS256", "typ": "JWT", "x5c": [read.text("//CERTCMN:X509Certificate")]}
        signed = ".".join(
            unpadded(json.dumps(part).encode()) for part in (header, {"nbf": int(time.time()) - 1})
        )
        digest = base64.b64encode(hashlib.sha256(signed.encode()).digest()).decode()
        answer = self.konnektor.call(
            "AUTH",
            "ExternalAuthenticate",
            f"{card}{context()}<SIG74:BinaryString>"
            f'<dss:Base64Data MimeType="application/octet-stream">{digest}</dss:Base64Data>'
            "</SIG74:BinaryString>",
        )
        return f"{signed}.{unpadded(answer.binary('//dss:Base64Signature'))}"

    def call(
        self, method: str, path: str, body: object = None, *arguments: object, **headers: str
    ) -> tuple[int, Any]:
        """Return status and JSON of what curl is told to call."""
        host, port = self.provider.provider.role.address("rest")
        headers["Authorization"] = f"Bearer {self.token()}"
        command: list[object] = [
            *(self.curl, "--silent", "--show-error", "--max-time", 20, "--request", method),
            *("--cacert", self.provider.tree.ca, "--write-out", "\n%{http_code}"),
            *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}")),
            *arguments,
        ]
        if body is not None:
            command += ["-H", "Content-Type: application/json; charset=utf-8"]
            command += ["--data", json.dumps(body)]
        url = f"https://{host}:{port}/AccountMgmt/v2.4{path}"
        run = subprocess.run(
            [str(part) for part in [*command, url]], capture_output=True, check=True, timeout=30
        )
        content, _, status = run.stdout.rpartition(b"\n")
        return int(status), json.loads(content) if content else None


@pytest.fixture(scope="module")
def practice(
    start_role: Callable[..., Any],
    free_port: Callable[[], int],
    pki_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tool: Callable[[str], str],
) -> Practice:
    curl = tool("curl")
    pki = site_pki(pki_cache)
    konnektor = start_role("simulators.konnektor", site_settings(pki, ocsp_url=None))
    provider = start_site(*(start_role, free_port, pki_cache, tmp_path_factory.mktemp("directory")))
    entry = {
        "attributes": {"telematikID": [TELEMATIK_ID], "displayName": ["Praxis Eva"]},
        "active": True,
    }
    status, answer = provider.directory.ask("PUT", "/entries/praxis-eva", entry)
    assert status in (200, 201, 204), answer
    return Practice(Site(konnektor, pki), provider, curl)


def test_first_registration_ends_with_a_certificate_that_opens_the_provider(
    practice: Practice, tool: Callable[[str], str], tmp_path: Path
) -> None:
    account = {"username": ADDRESS, "referenceID": CODE, "kimVersion": "1.5+"}
    registered = practice.call("POST", "/account", account, iniPassword=b64("Geheim-Geheim-1"))
    assert registered == (204, None)
    assert practice.provider.entry(TELEMATIK_ID)["kimData"] == [f"{ADDRESS},1.5+"]

    password = b64("Geheim-Geheim-1")
    wanted = {"commonName": "praxis-eva", "certPassword": b64("Transport-1")}
    status, answer = practice.call("POST", f"/account/{ADDRESS}/cert", wanted, password=password)
    assert status == 200, answer
    container = tmp_path / "cm.p12"
    container.write_bytes(base64.b64decode(answer["file"]))
    shown = subprocess.run(
        [
            tool("openssl"),
            "pkcs12",
            "-in",
            str(container),
            "-passin",
            "pass:Transport-1",
            "-nokeys",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert "praxis-eva#CM" in shown.stdout

    proof = ("--cert-type", "P12", "--cert", f"{container}:Transport-1")
    path = f"/account/{ADDRESS}"
    assert practice.call("GET", path, None, password=password)[0] == 401
    status, shown_account = practice.call("GET", path, None, *proof, password=password)
    assert (status, shown_account["regStat"]) == (200, "registered")
    status, foreign = practice.call(
        "GET", f"/account/praxis@{KV}", None, *proof, password=b64(PASSWORD)
    )
    assert (status, foreign.keys()) == (401, {"message", "traceId"})
