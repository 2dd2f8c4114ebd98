"""A Konnektor with worn cards: expired, soon to expire, revoked; and one of somebody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.cards import read_card
from simulators.pki.issue import issue
from simulators.pki.own_cards import OwnCard, add_own_cards
from simulators.pki.own_pkcs12 import read_own_objects
from simulators.pki.profiles import HCI_AUT, HCI_ENC, HCI_OSIG
from simulators.pki.request import (
    CardRequest,
    ClientRequest,
    PkiRequest,
    TerminalRequest,
    TlsRequest,
)
from simulators.pki.tree import PkiTree
from tests.konnektor_site import Answer, Site, context, site_settings
from tests.own_test_cards import Foreign, holder, pkcs12_of

EXPIRED, SOON, REVOKED_HBA, OWN, NAMELESS, EGK = (
    f"8027600000000000{number}" for number in ("1018", "1026", "1034", "1042", "1059", "1067")
)
SOON_ENDS = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
EXPIRED_ENDS = datetime(2025, 6, 30, tzinfo=UTC)
GSMCK, GSMCKT = "80276999001234567890", "80276999001234567891"


def _card(iccsn: str, number: int, kind: Any = "SMC-B", **more: Any) -> CardRequest:
    smcb = kind == "SMC-B"
    return CardRequest(
        type=kind,
        iccsn=iccsn,
        telematik_id=f"1-2012345671{number}",
        profession_oid="1.2.276.0.76.4.50" if smcb else "1.2.276.0.76.4.30",
        profession_item="Betriebsstätte Arzt" if smcb else "Ärztin/Arzt",
        common_name=f"Praxis {number}",
        given_name="Eva",
        surname="Müller",
        **more,
    )


@dataclass(frozen=True)
class Worn:
    """The running Konnektor with the worn cards, and the authorities that are not ours."""

    site: Site
    ocsp: Any
    foreign: Foreign
    imported: Foreign

    def certificate(self, iccsn: str, reference: Any, crypt: Any = "ECC") -> x509.Certificate:
        """Return a certificate of a card."""
        return read_card(self.site.pki.card(iccsn)).objects[reference, crypt].certificate


@pytest.fixture(scope="session")
def worn_pki(pki_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PkiTree, Foreign]:
    """Return the certificates of the worn cards, and the authority of the own ones."""
    tree = issue(
        PkiRequest(
            cards=[
                _card(EXPIRED, 1, not_after=EXPIRED_ENDS),
                _card(SOON, 2, not_after=SOON_ENDS),
                _card(REVOKED_HBA, 3, "HBA"),
                _card(OWN, 4, generation="G2.0"),
                _card(NAMELESS, 5),
                _card(EGK, 6, "EGK", kvnr="X110411675"),
            ],
            tls=[TlsRequest(name="konnektor", profile="C.AK.AUT")],
            terminals=[TerminalRequest(name="t1", iccsn=GSMCKT, not_after=SOON_ENDS)],
            clients=[ClientRequest(name="pvs"), ClientRequest(name="other")],
        ),
        pki_cache,
    )
    folder = tmp_path_factory.mktemp("own")
    foreign = Foreign.new()
    nameless = foreign.issue(HCI_AUT, subject=holder(None))
    own = [
        _own(folder, OWN, "SMC-B", [foreign.issue(p) for p in (HCI_AUT, HCI_ENC, HCI_OSIG)]),
        _own(folder, NAMELESS, "SMC-B", [nameless]),
    ]
    authorities = [foreign.authority.certificate]
    return add_own_cards(tree, own, authorities, folder / "cards"), foreign


def _own(folder: Path, iccsn: str, kind: Any, issued: list[Any]) -> OwnCard:
    files = [pkcs12_of(folder / f"{iccsn}-{n}.p12", pair) for n, pair in enumerate(issued)]
    objects = [one for path in files for one in read_own_objects(path, "geheim", kind)]
    return OwnCard(kind, iccsn, {(own.reference, own.crypt): own for own in objects})


@pytest.fixture(scope="session")
def running_worn(
    start_role: Callable[..., Any],
    worn_pki: tuple[PkiTree, Foreign],
    spec: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Worn:
    """Return the Konnektor with the worn cards, running."""
    pki, foreign = worn_pki
    imported = Foreign.new(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fremde CA TEST-ONLY")])
    )
    cas = tmp_path_factory.mktemp("imported") / "cas.pem"
    cas.write_bytes(imported.authority.certificate.public_bytes(Encoding.PEM))
    ocsp = start_role(
        "simulators.pki",
        {
            "pki": str(pki.directory),
            "own": str(pki.own_ocsp),
            "revoked": [{"iccsn": REVOKED_HBA}],
            "listeners": {"ocsp": {}},
        },
    )
    host, port = ocsp.address("ocsp")
    settings = site_settings(pki, ocsp_url=f"http://{host}:{port}/ocsp")
    cards = (EXPIRED, SOON, REVOKED_HBA, OWN, NAMELESS, EGK)
    smcb = [iccsn for iccsn in cards if iccsn not in (REVOKED_HBA, EGK)]
    files = {iccsn: pki.card(iccsn) for iccsn in cards}
    files[SOON] = _with_ecc_only(files[SOON], tmp_path_factory.mktemp("ecc"))
    model = settings["information_model"]
    model["terminals"][0] |= {
        "slots": 8,
        "gsmckt": {"iccsn": GSMCKT, "certificate": str(pki.terminal("t1"))},
        "cards": [{"slot": slot, "card": str(files[iccsn])} for slot, iccsn in enumerate(cards, 1)],
    }
    model["mandanten"][0]["cards"] = smcb
    model["mandanten"][1]["cards"] = []
    settings |= {
        "trust": str(pki.trust),
        "ocsp_signers": str(pki.ocsp_signers),
        "imported_cas": str(cas),
        "gsmck_iccsn": GSMCK,
        "pins": {iccsn: {"PIN.SMC": {"state": "VERIFIED"}} for iccsn in smcb}
        | {REVOKED_HBA: {"PIN.CH": {"state": "VERIFIED"}, "PIN.QES": {"entry": "correct"}}},
    }
    role = start_role("simulators.konnektor", settings)
    return Worn(Site(role, pki, schemas=spec), ocsp, foreign, imported)


def _with_ecc_only(card: Path, folder: Path) -> Path:
    """Return the card at *card* as one that was made after the end of RSA."""
    content = json.loads(card.read_bytes())
    content["objects"] = [
        {**files, **{key: str(card.parent / files[key]) for key in ("certificate", "key")}}
        for files in content["objects"]
        if files["crypt"] == "ECC"
    ]
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "card.json"


@pytest.fixture
def worn(running_worn: Worn) -> Iterator[Worn]:
    """Return the Konnektor with the worn cards, set back to its start."""
    running_worn.site.role.ask("POST", "/reset")
    yield running_worn
    running_worn.ocsp.ask("POST", "/reset")


@pytest.fixture
def verify() -> Callable[..., Answer]:
    """Return a function that calls VerifyCertificate."""

    def call(site: Site, certificate: x509.Certificate, more: str = "") -> Answer:
        encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
        content = f"<CERTCMN:X509Certificate>{encoded}</CERTCMN:X509Certificate>"
        return site.call("CERT", "VerifyCertificate", context() + content + more)

    return call
