"""The key store: who gets which identity, and what lies on the disk."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID

from clientmodule.key_store import KeyMaterial, KeyStore, read_material
from clientmodule.settings import Account
from simulators.process.errors import InputError

ADDRESS = "Praxis@anbieter.kim.telematik-test"
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def material(days: int = 100) -> KeyMaterial:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "praxis#CM")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return KeyMaterial(key, certificate)


def container(given: KeyMaterial, password: str) -> bytes:
    protection = BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(
        b"x", given.key, given.certificate, None, protection
    )


@pytest.mark.requirement("KOM-LE-A_2065", "KOM-LE-A_2300")
def test_stored_keys_are_the_owners_alone_and_encrypted(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", None, {})
    assert store.identity(ADDRESS) is None
    assert not (tmp_path / "keys").exists()  # nothing is shipped, nothing is made in advance
    store.put(ADDRESS, material())
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = sorted((tmp_path / "keys").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(files[0].read_bytes(), b"geraten")
    assert KeyStore(tmp_path / "keys", None, {}).identity(ADDRESS.upper()) is not None
    assert store.addresses() == (ADDRESS.lower(),)


@pytest.mark.requirement("A_19453")
def test_stamp_changes_with_every_key_that_is_stored(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, "ein-Passwort", {})
    stamps = [store.stamp(ADDRESS)]
    for _ in range(3):
        store.put(ADDRESS, material())
        stamps.append(store.stamp(ADDRESS))
    assert len(set(stamps)) == 4
    assert stamps[0] is None
    assert [file.suffix for file in tmp_path.iterdir()] == [".p12"]  # no draft is left


@pytest.mark.parametrize(("stored", "given", "expected"), [(10, 20, 20), (20, 10, 20)])
def test_identity_that_holds_longest_is_used(
    tmp_path: Path, stored: int, given: int, expected: int
) -> None:
    file = tmp_path / "gegeben.p12"
    file.write_bytes(container(material(given), "geheim"))
    accounts = {ADDRESS.lower(): Account(pkcs12=file, password="geheim")}
    store = KeyStore(tmp_path / "keys", None, accounts)
    store.put(ADDRESS, material(stored))
    identity = store.identity(ADDRESS)
    assert identity is not None
    assert identity.expires == NOW + timedelta(days=expected)


def test_password_is_made_once_however_many_begin_at_the_same_time(tmp_path: Path) -> None:
    keys = [material() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for number, key in enumerate(keys):
            pool.submit(KeyStore(tmp_path / "keys", None, {}).put, f"a{number}@x.test", key)
    store = KeyStore(tmp_path / "keys", None, {})
    assert sorted(store.addresses()) == [f"a{number}@x.test" for number in range(4)]


def test_another_address_lends_its_key_until_there_is_one_that_holds(tmp_path: Path) -> None:
    store, other = KeyStore(tmp_path / "keys", None, {}), "andere@anbieter.kim.telematik-test"
    assert store.owner_of_some_key(ADDRESS, NOW) is None
    store.put(other, material(100))
    assert store.owner_of_some_key(ADDRESS, NOW) == other
    store.put(ADDRESS, material(50))
    assert store.owner_of_some_key(ADDRESS, NOW) == ADDRESS.lower()
    assert store.owner_of_some_key(ADDRESS, NOW + timedelta(days=60)) == other
    assert store.owner_of_some_key(ADDRESS, NOW + timedelta(days=200)) == ADDRESS.lower()


def test_damaged_file_is_named_and_hides_no_other(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", None, {})
    store.put(ADDRESS, material())
    (tmp_path / "keys" / "kaputt.p12").write_bytes(b"kein PKCS#12")
    assert store.addresses() == (ADDRESS.lower(),)
    next((tmp_path / "keys").glob("[0-9a-f]*.p12")).write_bytes(b"kein PKCS#12")
    with pytest.raises(InputError, match="not readable as PKCS#12"):
        store.identity(ADDRESS)


@pytest.mark.requirement("A_18783", "A_19513")
def test_container_is_read_with_its_password_and_a_key_that_fits(tmp_path: Path) -> None:
    given = material()
    assert read_material(container(given, "geheim"), "geheim").certificate == given.certificate
    for content, password in (
        (container(given, "geheim"), "falsch"),
        (b"kein PKCS#12", "geheim"),
        (b"", ""),
    ):
        with pytest.raises(ValueError, match=r".+"):
            read_material(content, password)


@pytest.mark.requirement("A_19453")
def test_store_says_before_anything_is_fetched_that_it_cannot_keep_it(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", None, {})
    store.prepare()
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["password"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="kann nicht geschrieben werden: das gibt es schon"):
        KeyStore(tmp_path / "file", None, {}).prepare()


@pytest.mark.parametrize("content", [b"", b"\xff", None])
def test_password_of_the_store_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None
) -> None:
    store = KeyStore(tmp_path / "keys", None, {})
    store.put(ADDRESS, material())
    password = tmp_path / "keys" / "password"
    password.unlink()
    if content is None:
        password.mkdir()
    else:
        password.write_bytes(content)
    with pytest.raises(InputError, match="password"):
        store.identity(ADDRESS)
    with pytest.raises(InputError, match="password"):
        store.prepare()
    assert store.addresses() == ()
