"""Encryption with cards and authorities of all kinds: order of checks, Crypt, imported CAs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.formats import asn1, ecies, enveloped_data, xml_encryption
from simulators.formats.certificates import certificate_id
from simulators.pki.tree import PkiTree
from tests.konnektor_site import SMCB, Site, context, site_settings
from tests.wire.konnektor.test_encryption import (
    TEXT,
    certificate,
    content,
    data,
    decrypt,
    encrypt,
    key,
    on_card,
)
from tests.wire.konnektor.test_xml_encryption import XML, xml, xml_of

EGK, WITHOUT_ENC, ECC_ONLY = (f"8027600000000000009{n}" for n in range(3))
RECIPIENTS = 1001
LARGEST = 26_214_400


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, x509.Certificate]:
    """Return a CA outside the TI as a PEM file, and a certificate that it issued."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{who} TEST-ONLY")])
        for who in ("Fremde CA", "Fremder")
    ]
    now = datetime.now(UTC)
    made = []
    for name, own, is_ca in zip(names, keys, (True, False), strict=True):
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
            False,
        )  # fmt: skip
        usage["key_cert_sign" if is_ca else "key_agreement"] = True
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
        )
        made.append(builder.sign(keys[0], hashes.SHA256()))
    path = tmp_path_factory.mktemp("imported") / "ca.pem"
    path.write_bytes(made[0].public_bytes(Encoding.PEM))
    return path, made[1]


@pytest.fixture(scope="module")
def special(
    start_site: Callable[..., Site],
    site_certificates: PkiTree,
    imported: tuple[Path, x509.Certificate],
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """Return a Konnektor with TI-ECIES, an imported CA, an eGK, and SMC-Bs that lack keys."""
    smcb = json.loads(site_certificates.card(SMCB).read_text())
    folder = site_certificates.card(SMCB).parent
    for entry in smcb["objects"]:
        entry |= {part: str(folder / entry[part]) for part in ("certificate", "key")}
    kept = {
        EGK: lambda _: False,
        WITHOUT_ENC: lambda entry: entry["reference"] != "C.ENC",
        ECC_ONLY: lambda entry: entry["crypt"] == "ECC",
    }
    made = tmp_path_factory.mktemp("cards")
    model = site_settings(site_certificates, ocsp_url=None)["information_model"]
    model["terminals"][0]["slots"] = 6
    for slot, (iccsn, keeps) in enumerate(kept.items(), start=4):
        card = {**smcb, "iccsn": iccsn, "objects": [e for e in smcb["objects"] if keeps(e)]}
        if iccsn == EGK:
            card |= {"type": "EGK", "kvnr": "X110411675"}
        (made / f"{iccsn}.json").write_text(json.dumps(card))
        model["terminals"][0]["cards"].append({"slot": slot, "card": str(made / f"{iccsn}.json")})
    model["mandanten"][0]["cards"] += [WITHOUT_ENC, ECC_ONLY]
    verified = {"PIN.SMC": {"state": "VERIFIED"}}
    return start_site(
        information_model=model,
        imported_cas=str(imported[0]),
        generation="PTV5",
        make={"ecc_encryption": "ti-ecies", "max_recipients": RECIPIENTS},
        pins={SMCB: verified, WITHOUT_ENC: verified, ECC_ONLY: verified},
    )


def of(found: x509.Certificate) -> str:
    encoded = base64.b64encode(found.public_bytes(Encoding.DER)).decode()
    return f"<CRYPT:Certificate>{encoded}</CRYPT:Certificate>"


def test_an_egk_is_refused_before_the_document_is_looked_at(special: Site) -> None:
    """4000, 4058, then the document, then access: here everything else is wrong as well."""
    nobody = context("?", "?", "?")
    forbidden = xml(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    for iccsn, code in ((EGK, 4058), (SMCB, 4281)):
        chosen = on_card(special, iccsn, "CertificateOnCard")
        keys = f"<CRYPT:RecipientKeys>{chosen}</CRYPT:RecipientKeys>"
        assert special.call("CRYPT", "EncryptDocument", nobody + keys + forbidden).code == code
    too_large = data(bytes(LARGEST + 1))
    for iccsn, code in ((EGK, 4058), (SMCB, 4283)):
        chosen = on_card(special, iccsn, "PrivateKeyOnCard")
        assert special.call("CRYPT", "DecryptDocument", nobody + chosen + too_large).code == code
    chosen = on_card(special, SMCB, "PrivateKeyOnCard")
    assert special.call("CRYPT", "DecryptDocument", nobody + chosen + data(b"")).code == 4204


def test_the_largest_document(special: Site) -> None:
    document = bytes(LARGEST)
    keys = f"<CRYPT:RecipientKeys>{certificate(key(special, SMCB))}</CRYPT:RecipientKeys>"
    answer = special.call("CRYPT", "EncryptDocument", context() + keys + data(document))
    assert len(content(answer)) > LARGEST


def test_a_card_without_the_key(special: Site) -> None:
    cms = content(encrypt(special, certificate(key(special, SMCB))))
    assert decrypt(special, cms, WITHOUT_ENC).code == 4079


@pytest.mark.parametrize(
    ("iccsn", "crypt", "code"),
    [
        (ECC_ONLY, None, 4058),  # PTV5: RSA where nothing is said
        (ECC_ONLY, "RSA", 4058),
        (ECC_ONLY, "RSA_ECC", 4259),
        (WITHOUT_ENC, "ECC", 4258),
        (WITHOUT_ENC, "RSA_ECC", 4105),
    ],
)
def test_crypt_on_cards_that_lack_it(
    special: Site, iccsn: str, crypt: str | None, code: int
) -> None:
    answer = encrypt(special, on_card(special, iccsn, "CertificateOnCard", crypt))
    assert (answer.status, answer.code) == (200 if code == 4259 else 500, code)


def test_ptv5_takes_rsa_where_nothing_is_said(special: Site) -> None:
    cms = content(encrypt(special, on_card(special, SMCB, "CertificateOnCard")))
    expected = certificate_id(key(special, SMCB, crypt="RSA").certificate)
    assert enveloped_data.read(cms).recipients == (expected,)


@pytest.mark.parametrize(("reference", "code"), [("C.ENC", None), ("C.AUT", 4000), ("", None)])
def test_key_reference(special: Site, reference: str, code: int | None) -> None:
    handle = f"<CONN:CardHandle>{special.handle(SMCB)}</CONN:CardHandle>"
    named = f"<CRYPT:KeyReference>{reference}</CRYPT:KeyReference>"
    chosen = f"<CRYPT:CertificateOnCard>{handle}{named}</CRYPT:CertificateOnCard>"
    assert encrypt(special, chosen).code == code


def test_most_recipients_are_a_matter_of_the_make(special: Site) -> None:
    """Certificates of the caller count, that of the card comes on top (TAB_KON_740)."""
    card = on_card(special, SMCB, "CertificateOnCard")
    one = certificate(key(special, SMCB))
    cms = content(encrypt(special, card + one * RECIPIENTS))
    assert len(enveloped_data.read(cms).recipients) == RECIPIENTS + 1
    assert encrypt(special, card + one * (RECIPIENTS + 1)).code == 4282
    nobody = encrypt(special, one * (RECIPIENTS + 1), mandant="?")
    assert nobody.code == 4021  # access comes first


def test_certificates_that_are_none(site: Site) -> None:
    """One of many, which are read apart from the rest, and one that never ends."""
    many = "".join(
        f"<CRYPT:Certificate>{base64.b64encode(b'0' * size).decode()}</CRYPT:Certificate>"
        for size in range(1, 20)
    )
    assert encrypt(site, many).code == 4000
    padded = key(site, SMCB).certificate.public_bytes(Encoding.DER) + bytes(40 << 10)
    endless = base64.b64encode(padded).decode()
    assert encrypt(site, f"<CRYPT:Certificate>{endless}</CRYPT:Certificate>").code == 4000


def test_a_foreign_ca_only_when_it_was_imported(
    special: Site, site: Site, imported: tuple[Path, x509.Certificate]
) -> None:
    foreign = of(imported[1])
    assert encrypt(site, foreign).code == 4105
    both = content(encrypt(special, foreign + certificate(key(special, SMCB))))
    assert len(enveloped_data.read(both).recipients) == 2
    wanted = f"<CRYPT:RecipientKeys>{foreign}</CRYPT:RecipientKeys>"
    answer = special.call("CRYPT", "EncryptDocument", context() + wanted + xml(XML))
    assert len(xml_encryption.read(xml_of(answer)).recipients) == 1


def test_ti_ecies_in_cms_is_read_by_every_make(special: Site, site: Site) -> None:
    chosen = [key(special, SMCB, crypt=crypt) for crypt in ("RSA", "ECC")]
    cms = content(encrypt(special, "".join(certificate(found) for found in chosen)))
    entries = asn1.parse(cms).children[1].only().children[1].children
    assert [entry.tag for entry in entries] == [asn1.SEQUENCE] * 2  # both are ktri
    assert asn1.oid(ecies.OID) in cms
    for konnektor in (special, site):
        assert content(decrypt(konnektor, cms)) == TEXT


def test_a_reserved_card_decrypts_for_nobody_else(site: Site) -> None:
    cms = content(encrypt(site, certificate(key(site, SMCB))))
    assert site.role.ask("POST", f"/cards/{SMCB}/lock")[0] == 200
    assert decrypt(site, cms).code == 4093
    assert encrypt(site, on_card(site, SMCB, "CertificateOnCard")).status == 200


def test_smime_cannot_be_decrypted(site: Site) -> None:
    """4279, as it may be: S/MIME is optional."""
    message = b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; name=a\r\n\r\nMIIB"
    assert decrypt(site, message).code == 4279


def test_content_encrypted_with_an_algorithm_of_others(site: Site) -> None:
    cms = content(encrypt(site, certificate(key(site, SMCB))))
    aes = "2.16.840.1.101.3.4.1."
    cbc = cms.replace(asn1.oid(aes + "46"), asn1.oid(aes + "42"))
    assert cbc != cms
    assert decrypt(site, cbc).code == 4201


def test_an_expired_recipient(site: Site) -> None:
    """The clock decides, and it is the Konnektor's own."""
    later = (datetime.now(UTC) + timedelta(days=4000)).isoformat()
    site.role.ask("PUT", "/clock", {"now": later})
    answer: Any = encrypt(site, certificate(key(site, SMCB)))
    assert answer.code == 4105
