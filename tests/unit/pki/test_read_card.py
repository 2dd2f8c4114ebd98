"""Reading cards: what card.json may say, and what is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from simulators.pki.authorities import AUTHORITY_VALIDITY
from simulators.pki.cards import Card, read_card
from simulators.pki.certificate import Authority, authority_certificate, end_entity
from simulators.pki.plan import plan, usual_start
from simulators.pki.request import CardRequest, PkiRequest
from simulators.pki.tree import PkiTree
from simulators.process.errors import InputError
from tests.unit.pki.conftest import HBA, OLD, PRACTICE

Edit = Callable[[Path, dict[str, Any]], None]


@pytest.fixture
def folder(tree: PkiTree, tmp_path: Path) -> Path:
    """Return a copy of a card's directory, to be changed."""
    copy = tmp_path / PRACTICE.iccsn
    shutil.copytree(tree.card(PRACTICE.iccsn).parent, copy)
    return copy


def edit(folder: Path, change: Edit) -> Path:
    path = folder / "card.json"
    content = json.loads(path.read_bytes())
    change(folder, content)
    path.write_text(json.dumps(content))
    return path


def test_a_practice_card_has_its_six_objects(card: Callable[[CardRequest], Card]) -> None:
    practice = card(PRACTICE)
    assert (practice.type, practice.generation, practice.iccsn) == (
        "SMC-B",
        "G2.1",
        PRACTICE.iccsn,
    )
    assert practice.telematik_id == PRACTICE.telematik_id
    assert practice.holder == "Arztpraxis Bernd Rosenstrauch TEST-ONLY"
    assert set(practice.objects) == {
        (reference, crypt) for reference in ("C.AUT", "C.ENC", "C.SIG") for crypt in ("RSA", "ECC")
    }


def test_a_doctors_card_has_a_qualified_certificate(card: Callable[[CardRequest], Card]) -> None:
    assert {reference for reference, _ in card(HBA).objects} == {"C.AUT", "C.ENC", "C.QES"}


def test_an_old_card_has_rsa_only_and_may_be_expired(card: Callable[[CardRequest], Card]) -> None:
    objects = card(OLD).objects
    assert {crypt for _, crypt in objects} == {"RSA"}
    assert {o.certificate.not_valid_after_utc for o in objects.values()} == {OLD.not_after}


def test_a_card_by_pkcs12(folder: Path) -> None:
    def by_pkcs12(folder: Path, content: dict[str, Any]) -> None:
        first, second, *_ = content["objects"]
        for item, password in ((first, {"password": "geheim"}), (second, {"password_file": "pw"})):
            certificate = x509.load_pem_x509_certificate(
                (folder / item.pop("certificate")).read_bytes()
            )
            key = load_pem_private_key((folder / item.pop("key")).read_bytes(), None)
            item["pkcs12"] = f"{item['crypt']}.p12"
            (folder / item["pkcs12"]).write_bytes(
                pkcs12.serialize_key_and_certificates(
                    b"card", key, certificate, None, BestAvailableEncryption(b"geheim")
                )
            )
            item.update(password)
        (folder / "pw").write_text("geheim\n")

    before = read_card(folder / "card.json")
    after = read_card(edit(folder, by_pkcs12))
    assert after.objects.keys() == before.objects.keys()
    for key in before.objects:
        assert after.objects[key].certificate == before.objects[key].certificate


def _swap_keys(_: Path, content: dict[str, Any]) -> None:
    first, _second, third, *_rest = content["objects"]
    first["key"], third["key"] = third["key"], first["key"]


def _wrong_crypt(_: Path, content: dict[str, Any]) -> None:
    content["objects"] = [content["objects"][0] | {"crypt": "ECC"}]


def _no_such_file(_: Path, content: dict[str, Any]) -> None:
    content["objects"][0]["key"] = "missing.pem"


def _both_forms(_: Path, content: dict[str, Any]) -> None:
    content["objects"][0]["pkcs12"] = "card.p12"


def _no_pem(folder: Path, content: dict[str, Any]) -> None:
    (folder / content["objects"][0]["certificate"]).write_bytes(b"\xff\x00 no PEM")


def _huge(folder: Path, content: dict[str, Any]) -> None:
    (folder / content["objects"][0]["certificate"]).write_bytes(b"x" * (2 << 20))


def _no_pkcs12(folder: Path, content: dict[str, Any]) -> None:
    (folder / "card.p12").write_bytes(b"\x30\x80")
    item = content["objects"][0]
    del item["certificate"], item["key"]
    item.update(pkcs12="card.p12", password="geheim")


def _unknown_reference(_: Path, content: dict[str, Any]) -> None:
    content["objects"][0]["reference"] = "C.TLS"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_swap_keys, "belongs to another certificate"),
        (_wrong_crypt, "does not fit crypt ECC"),
        (_no_such_file, "missing.pem: cannot be read"),
        (_both_forms, "expected certificate and key, or pkcs12"),
        (_no_pem, "not readable"),
        (_huge, "larger than"),
        (_no_pkcs12, "not readable as PKCS#12"),
        (_unknown_reference, "objects.0.reference"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, change: Edit, expected: str) -> None:
    path = edit(folder, change)
    with pytest.raises(InputError, match=expected) as caught:
        read_card(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{" * 100_000, b'{"type": "eGK"}'])
def test_a_file_that_is_no_card(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"card\.json"):
        read_card(path)


def test_a_card_of_the_real_ti_is_refused(folder: Path) -> None:
    def real(folder: Path, content: dict[str, Any]) -> None:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "GEM.SMCB-CA51")])
        key = ec.generate_private_key(ec.BrainpoolP256R1())
        root = authority_certificate(name, key, AUTHORITY_VALIDITY, None)
        wanted = plan(PkiRequest(cards=[PRACTICE]), usual_start(AUTHORITY_VALIDITY[1]))[1].content
        certificate = end_entity(wanted, key.public_key(), Authority(root, key))
        item = next(o for o in content["objects"] if o["crypt"] == "ECC")
        (folder / item["certificate"]).write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / item["key"]).write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )

    path = edit(folder, real)
    with pytest.raises(InputError, match="real TI are refused"):
        read_card(path)
