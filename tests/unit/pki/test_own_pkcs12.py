"""Own test cards: what a PKCS#12 file is for a card, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.pki.certificate import PrivateKey, new_key
from simulators.pki.own_pkcs12 import holder_of_own, read_own_objects
from simulators.pki.profiles import (
    HCI_AUT,
    HCI_ENC,
    HCI_OSIG,
    HP_AUT,
    HP_ENC,
    HP_QES,
    KeyKind,
    Profile,
)
from simulators.pki.request import CardType
from simulators.process.errors import InputError
from tests.own_test_cards import Foreign, holder, one_pkcs12, p384, pkcs12_of

OF_SMCB = [(HCI_AUT, "C.AUT"), (HCI_ENC, "C.ENC"), (HCI_OSIG, "C.SIG")]
OF_HBA = [(HP_AUT, "C.AUT"), (HP_ENC, "C.ENC"), (HP_QES, "C.QES")]
OBJECTS: list[tuple[CardType, Profile, str]] = [
    *(("SMC-B", profile, reference) for profile, reference in OF_SMCB),
    *(("HBA", profile, reference) for profile, reference in OF_HBA),
]
CRYPT = {KeyKind.RSA: "RSA", KeyKind.BRAINPOOL: "ECC"}


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    return Foreign.new()


@pytest.fixture(scope="module")
def keys() -> dict[KeyKind, PrivateKey]:
    return {kind: new_key(kind) for kind in CRYPT}


@pytest.mark.parametrize("kind", CRYPT)
@pytest.mark.parametrize("case", OBJECTS, ids=[f"{card} {ref}" for card, _, ref in OBJECTS])
def test_the_object_is_told_by_type_or_key_usage(
    foreign: Foreign,
    keys: dict[KeyKind, PrivateKey],
    tmp_path: Path,
    case: tuple[CardType, Profile, str],
    kind: KeyKind,
) -> None:
    card, profile, reference = case
    for policies in (True, False):
        issued = foreign.issue(profile, policies=policies, key=keys[kind])
        (own,) = read_own_objects(pkcs12_of(tmp_path / "a.p12", issued), "geheim", card)
        assert (own.reference, own.crypt) == (reference, CRYPT[kind])
        assert (own.certificate, own.chain) == (issued[0], ())


def test_old_encryption_and_the_chain_are_read(foreign: Foreign, tmp_path: Path) -> None:
    chain = (foreign.authority.certificate,)
    path = pkcs12_of(tmp_path / "a.p12", foreign.issue(), "00", chain, legacy=True)
    assert [own.chain for own in read_own_objects(path, "00", "SMC-B")] == [chain]


def test_every_key_of_a_file_is_read(foreign: Foreign, tmp_path: Path) -> None:
    chain = (foreign.authority.certificate,)
    issued = {profile.name: foreign.issue(profile) for profile in (HCI_ENC, HCI_OSIG, HCI_AUT)}
    files = [pkcs12_of(tmp_path / name, pair, "geheim", chain) for name, pair in issued.items()]
    found = read_own_objects(one_pkcs12(tmp_path / "alle.p12", files), "geheim", "SMC-B")
    assert [own.reference for own in found] == ["C.ENC", "C.SIG", "C.AUT"]
    assert [own.certificate for own in found] == [certificate for certificate, _ in issued.values()]
    assert all(own.chain == chain for own in found)
    for own in found:
        assert own.private_key.public_key() == own.certificate.public_key()


def test_an_empty_password_opens_a_file(foreign: Foreign, tmp_path: Path) -> None:
    path = pkcs12_of(tmp_path / "leer.p12", foreign.issue(), "")
    (own,) = read_own_objects(path, "", "SMC-B")
    assert own.private_key.public_key() == own.certificate.public_key()


def test_the_official_file_is_read(spec: Callable[[str], Path]) -> None:
    """RC2 with 40 bits and 3DES, as Java wrote them in 2020."""
    path = spec("api-kim/SMIME-Profil/recipientAkeys/hci-enc-2-kim-bsp.p12")
    (own,) = read_own_objects(path, "00", "SMC-B")
    assert (own.reference, own.crypt) == ("C.ENC", "RSA")
    told = holder_of_own([own])
    assert (told.iccsn, told.telematik_id) == ("80276000000046290002", "2-290002")
    assert (told.profession_oid, told.profession_item) == ("1.2.276.0.76.4.51", "Zahnarztpraxis")
    assert told.common_name == "Zahnarztpraxis 2 KIM-Bsp TEST-ONLY"


def test_silent_certificates_tell_nothing(foreign: Foreign, tmp_path: Path) -> None:
    issued = foreign.issue(subject=holder(None, "keine Nummer"), telematik_id=None)
    (own,) = read_own_objects(pkcs12_of(tmp_path / "a.p12", issued), "geheim", "SMC-B")
    told = holder_of_own([own])
    assert (told.iccsn, told.telematik_id, told.common_name) == (None, None, None)
    assert told.profession_oid is None


def test_one_card_has_one_telematik_id(foreign: Foreign, tmp_path: Path) -> None:
    files = [
        pkcs12_of(tmp_path / f"{number}.p12", foreign.issue(telematik_id=number))
        for number in ("1-1", "1-2")
    ]
    own = [one for path in files for one in read_own_objects(path, "geheim", "SMC-B")]
    with pytest.raises(InputError, match=r"1-1 \(1-1.p12\), 1-2 \(1-2.p12\)"):
        holder_of_own(own)


class Wrong:
    """Files that no card can have, each with the line that says so."""

    def __init__(self, foreign: Foreign, folder: Path) -> None:
        self._foreign = foreign
        self._path = folder / "falsch.p12"

    def password(self) -> Path:
        return pkcs12_of(self._path, self._foreign.issue(), "anders")

    def password_of_the_second(self) -> Path:
        files = [
            pkcs12_of(self._path.with_suffix(suffix), self._foreign.issue(), password)
            for suffix, password in ((".1", "geheim"), (".2", "anders"))
        ]
        return one_pkcs12(self._path, files)

    def no_pkcs12(self) -> Path:
        self._path.write_bytes(b"-----BEGIN CERTIFICATE-----")
        return self._path

    def no_key(self) -> Path:
        return pkcs12_of(self._path, (self._foreign.issue()[0], None))

    def missing(self) -> Path:
        return self._path

    def too_large(self) -> Path:
        self._path.write_bytes(bytes(1 << 21))
        return self._path

    def of_an_hba(self) -> Path:
        return pkcs12_of(self._path, self._foreign.issue(HP_ENC))

    def usage_against_type(self) -> Path:
        profile = Profile("C.HCI.ENC", HCI_ENC.policies, HCI_AUT.rsa, HCI_AUT.ecc)
        return pkcs12_of(self._path, self._foreign.issue(profile))

    def no_usage_for_cards(self) -> Path:
        profile = Profile("CRL", (), ("crl_sign",), ("crl_sign",))
        return pkcs12_of(self._path, self._foreign.issue(profile))

    def short_key(self) -> Path:
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        return pkcs12_of(self._path, self._foreign.issue(key=key))

    def other_curve(self) -> Path:
        return pkcs12_of(self._path, self._foreign.issue(key=p384()))

    def of_the_real_ti(self) -> Path:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "GEM.SMCB-CA9")])
        return pkcs12_of(self._path, Foreign.new(name).issue())


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("password", "das Passwort ist falsch"),
        ("password_of_the_second", "das Passwort ist falsch"),
        ("no_pkcs12", "keine PKCS#12-Datei"),
        ("no_key", "keinen privaten Schlüssel"),
        ("missing", "nicht lesbar"),
        ("too_large", "größer als"),
        ("of_an_hba", "für HBA, nicht für SMC-B"),
        ("usage_against_type", "KeyUsage des Zertifikats passt nicht zu C.ENC"),
        ("no_usage_for_cards", "KeyUsage des Zertifikats passt nicht zu C.ENC"),
        ("short_key", "nur 1024 Bit"),
        ("other_curve", "nicht secp384r1"),
        ("of_the_real_ti", "echten TI"),
    ],
)
def test_wrong_files_are_told_in_one_line(
    foreign: Foreign, tmp_path: Path, kind: str, said: str
) -> None:
    path = getattr(Wrong(foreign, tmp_path), kind)()
    with pytest.raises(InputError) as caught:
        read_own_objects(path, "geheim", "SMC-B")
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
