"""openssl, and keytool where Java is, on our certificates, PKCS#12 files and OCSP answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.pki.issue import issue
from simulators.pki.request import (
    CardRequest,
    ClientRequest,
    KimRequest,
    PkiRequest,
    TlsRequest,
)
from simulators.pki.tree import Pkcs12File, PkiTree
from tests.conftest import RunningRole

Tool = Callable[[str], str]
SMCB, HBA = "80276001011699902101", "80276001011699902501"
REQUEST = PkiRequest(
    cards=[
        CardRequest(
            type="SMC-B",
            iccsn=SMCB,
            telematik_id="1-2-PRAXIS-OPENSSL",
            profession_oid="1.2.276.0.76.4.50",
            profession_item="Betriebsstätte Arzt",
            common_name="Praxis Openssl",
            organization="102310801",
        ),
        CardRequest(
            type="HBA",
            iccsn=HBA,
            telematik_id="1-1-ARZT-OPENSSL",
            profession_oid="1.2.276.0.76.4.30",
            profession_item="Ärztin/Arzt",
            common_name="Ärztin Olga Openssl",
            given_name="Olga",
            surname="Openssl",
        ),
    ],
    tls=[TlsRequest(name="mail"), TlsRequest(name="rsa", key="RSA-2048")],
    clients=[ClientRequest(name="pvs")],
    kim_certificates=[KimRequest(participant="praxis", common_name="praxis")],
)
OBJECTS = [
    *((SMCB, reference, f"SMCB-CA{n}") for n in (1, 2) for reference in ("C.AUT", "C.SIG")),
    *((HBA, "C.QES", f"HBA-qCA{n}") for n in (1, 2)),
    *((HBA, "C.ENC", f"HBA-CA{n}") for n in (1, 2)),
]


@pytest.fixture(scope="module")
def tree(pki_cache: Path) -> PkiTree:
    return issue(REQUEST, pki_cache)


@pytest.fixture(scope="module")
def openssl(tool: Tool) -> Callable[..., str]:
    path = tool("openssl")

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [path, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def ocsp(start_role: Callable[[str, dict[str, Any]], RunningRole], tree: PkiTree) -> RunningRole:
    return start_role(
        "simulators.pki", {"pki": str(tree.directory), "listeners": {"ocsp": {}, "control": {}}}
    )


def object_file(tree: PkiTree, iccsn: str, reference: str, authority: str) -> Path:
    crypt = "RSA" if authority.endswith("1") else "ECC"
    return tree.card(iccsn).parent / f"{reference}.{crypt}.crt.pem"


@pytest.mark.parametrize(("iccsn", "reference", "authority"), OBJECTS)
def test_verify_builds_the_path_of_a_card(
    openssl: Callable[..., str], tree: PkiTree, iccsn: str, reference: str, authority: str
) -> None:
    certificate = object_file(tree, iccsn, reference, authority)
    openssl("verify", "-x509_strict", "-CAfile", tree.trust, certificate)
    # Only through the authority below the root, too.
    issuer = tree.directory / "ocsp" / f"{authority}.ca.pem"
    openssl("verify", "-CAfile", tree.roots, "-untrusted", issuer, certificate)


@pytest.mark.parametrize("name", ["mail", "rsa"])
@pytest.mark.parametrize("host", ["localhost"])
def test_verify_accepts_a_server(
    openssl: Callable[..., str], tree: PkiTree, name: str, host: str
) -> None:
    certificate = tree.tls(name).certificate
    for where in (("-verify_hostname", host), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")):
        openssl(
            *("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", tree.ca),
            *(*where, certificate),
        )


def test_verify_accepts_providers_among_themselves(
    openssl: Callable[..., str], tree: PkiTree
) -> None:
    openssl(
        *("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", tree.provider_ca),
        tree.tls("mail").certificate,
    )


@pytest.mark.parametrize("card_object", OBJECTS, ids="-".join)
def test_ocsp_good_then_revoked_then_unknown(
    openssl: Callable[..., str], tree: PkiTree, ocsp: RunningRole, card_object: tuple[str, str, str]
) -> None:
    iccsn, reference, authority = card_object
    certificate = object_file(tree, iccsn, reference, authority)
    host, port = ocsp.address("ocsp")
    serial = (
        openssl("x509", "-in", certificate, "-noout", "-serial").strip().removeprefix("serial=")
    )

    def ask() -> str:
        return openssl(
            *("ocsp", "-url", f"http://{host}:{port}/ocsp", "-CAfile", tree.trust),
            *("-issuer", tree.directory / "ocsp" / f"{authority}.ca.pem", "-cert", certificate),
        )

    for status in ("good", "revoked", "unknown"):
        answer, _ = ocsp.ask("PUT", f"/certificates/{int(serial, 16)}", {"status": status})
        assert answer == 200
        said = ask()
        assert "Response verify OK" in said
        assert f"{certificate}: {status}" in said


@pytest.mark.parametrize("which", ["client", "kim_certificate"])
def test_pkcs12_opens_without_legacy_algorithms(
    openssl: Callable[..., str], tree: PkiTree, which: str
) -> None:
    file: Pkcs12File = tree.client("pvs") if which == "client" else tree.kim_certificate("praxis")
    said = openssl(
        "pkcs12", "-in", file.path, "-info", "-nodes", "-passin", f"file:{file.password_path}"
    )
    assert "PRIVATE KEY" in said
    assert said.count("BEGIN CERTIFICATE") == 2
    assert "AES-256-CBC" in said
    assert "sha256" in said


def test_pkcs12_opens_in_java(tree: PkiTree) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("no Java here; it is not among what CI installs")
    file = tree.kim_certificate("praxis")
    done = subprocess.run(
        [
            *(keytool, "-list", "-storetype", "PKCS12", "-keystore", str(file.path)),
            *("-storepass:file", str(file.password_path)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PrivateKeyEntry" in done.stdout


def test_keys_belong_to_their_certificates(openssl: Callable[..., str], tree: PkiTree) -> None:
    for certificate in sorted(tree.card(HBA).parent.glob("*.crt.pem")):
        key = certificate.with_name(certificate.name.replace(".crt.", ".key."))
        assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl(
            "pkey", "-in", key, "-pubout"
        )
        openssl("pkey", "-in", key, "-check", "-noout")
