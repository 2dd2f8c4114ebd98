"""The cache of keys: made once, private, shared, safe against damage and simultaneous starts."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from simulators.pki import store
from simulators.pki.cards import read_card
from simulators.pki.issue import cache_directory, issue
from simulators.pki.request import PkiRequest, TlsRequest
from simulators.pki.tree import PkiTree
from simulators.process.errors import InputError
from tests.conftest import ROOT
from tests.unit.pki.conftest import PRACTICE, REQUEST

SMALL = PkiRequest(tls=[TlsRequest(name="mail")], hosts=["a.kim.telematik-test"])


def files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def content(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in files(directory)}


def test_only_the_owner_can_read_what_is_kept(tree: PkiTree, pki_cache: Path) -> None:
    kept = pki_cache / "pki"
    assert len(list(files(kept / "keys"))) > 20
    for path in kept.rglob("*"):
        if path.name != "lock":
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_loose_umask_changes_nothing(cache_copy: Path) -> None:
    before = os.umask(0)
    try:
        directory = issue(SMALL, cache_copy).directory
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in files(directory)} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_same_request_finds_the_same_tree(cache_copy: Path) -> None:
    first = issue(REQUEST, cache_copy)
    before = content(first.directory)
    again = issue(PkiRequest.model_validate(REQUEST.model_dump()), cache_copy)
    assert again == first
    assert content(again.directory) == before


def test_a_warm_start_parses_no_certificate(
    cache_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(REQUEST, cache_copy)

    def refuse(*_: object) -> None:
        raise AssertionError("a warm start made or read a certificate")

    monkeypatch.setattr(store.Store, "keys", refuse)
    monkeypatch.setattr(store.Store, "certificate", refuse)
    issue(REQUEST, cache_copy)


def test_another_host_name_keeps_keys_and_the_cards_certificates(cache_copy: Path) -> None:
    first = issue(REQUEST, cache_copy)
    keys = content(cache_copy / "pki" / "keys")
    second = issue(REQUEST.model_copy(update={"hosts": ["b.kim.telematik-test"]}), cache_copy)
    assert second != first
    assert content(cache_copy / "pki" / "keys") == keys
    old, new = content(first.directory), content(second.directory)
    changed = {name for name in old if old[name] != new[name]}
    # The TLS certificates, what is drawn anew for each tree, and the index of them all.
    assert {name for name in changed if name.endswith(".crt.pem")} == {
        "tls/mail.crt.pem",
        "tls/konnektor.crt.pem",
    }
    assert {name for name in changed if name.endswith((".key.pem", "ca.pem"))} == set()


def test_a_new_year_brings_new_dates_and_keeps_keys_and_roots(cache_copy: Path) -> None:
    first = issue(SMALL, cache_copy, datetime(2026, 12, 31, tzinfo=UTC))
    second = issue(SMALL, cache_copy, datetime(2027, 1, 1, tzinfo=UTC))
    old, new = content(first.directory), content(second.directory)
    assert old["tls/mail.key.pem"] == new["tls/mail.key.pem"]
    assert old["ca.pem"] == new["ca.pem"]
    dates = [
        x509.load_pem_x509_certificate(c["tls/mail.crt.pem"]).not_valid_before_utc
        for c in (old, new)
    ]
    assert dates == [datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]


def _delete_a_key(tree: Path) -> None:
    (tree / "cards" / PRACTICE.iccsn / "C.AUT.RSA.key.pem").unlink()


def _cut_a_certificate(tree: Path) -> None:
    path = tree / "tls" / "mail.crt.pem"
    path.write_bytes(path.read_bytes()[:100])


def _turn_a_bit(tree: Path) -> None:
    path = tree / "trust.pem"
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))


def _open_a_key_to_all(tree: Path) -> None:
    (tree / "tls" / "mail.key.pem").chmod(0o644)


def _open_a_directory_to_all(tree: Path) -> None:
    (tree / "tls").chmod(0o755)


def _lose_the_manifest(tree: Path) -> None:
    (tree / "manifest.json").unlink()


def _spoil_the_manifest(tree: Path) -> None:
    (tree / "manifest.json").write_bytes(b"[" * 100_000)


def _empty_the_manifest(tree: Path) -> None:
    (tree / "manifest.json").write_bytes(b"[]")


@pytest.mark.parametrize(
    "damage",
    [
        _delete_a_key,
        _cut_a_certificate,
        _turn_a_bit,
        _open_a_key_to_all,
        _open_a_directory_to_all,
        _lose_the_manifest,
        _spoil_the_manifest,
        _empty_the_manifest,
    ],
)
def test_a_damaged_tree_is_noticed_and_made_again(
    cache_copy: Path, damage: Callable[[Path], None]
) -> None:
    tree = issue(REQUEST, cache_copy)
    before = content(tree.directory)
    damage(tree.directory)
    again = issue(REQUEST, cache_copy)
    assert again == tree
    after = content(tree.directory)
    assert after.keys() == before.keys()
    pem = {name for name in before if name.endswith(".pem")}
    assert {name: after[name] for name in pem} == {name: before[name] for name in pem}
    assert after["tls/mail.key.pem"]
    assert (tree.directory / "tls" / "mail.key.pem").stat().st_mode & 0o777 == 0o600
    assert read_card(tree.card(PRACTICE.iccsn)).iccsn == PRACTICE.iccsn


@pytest.mark.parametrize("kind", ["keys", "certificates"])
@pytest.mark.parametrize("left", [b"", b"half", None])
def test_damaged_keys_and_certificates_are_made_again(
    cache_copy: Path, kind: str, left: bytes | None
) -> None:
    tree = issue(SMALL, cache_copy)
    shutil.rmtree(tree.directory)
    kept = cache_copy / "pki" / kind
    victims = [p for p in files(kept) if kind != "keys" or p.match("tls/mail.*")]
    for path in victims:
        path.write_bytes(path.read_bytes()[:-40] if left is None else left)
    tree = issue(SMALL, cache_copy)
    identity = tree.tls("mail")
    certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
    issuer = x509.load_pem_x509_certificates(identity.certificate.read_bytes())[1]
    certificate.verify_directly_issued_by(issuer)


def test_what_a_killed_start_left_is_removed(cache_copy: Path) -> None:
    trees = cache_copy / "pki" / "trees"
    half = trees / ".new-0123456789abcdef"
    (half / "cards").mkdir(parents=True)
    (half / "roots.pem").write_bytes(b"half")
    issue(SMALL, cache_copy)
    assert not half.exists()


def test_trees_that_nobody_uses_are_removed_and_others_stay(cache_copy: Path) -> None:
    unused = issue(SMALL, cache_copy)
    manifest = unused.directory / "manifest.json"
    os.utime(manifest, (0, 0))
    used = issue(REQUEST, cache_copy)
    issue(PkiRequest(hosts=["c.kim.telematik-test"]), cache_copy)
    assert used.directory.is_dir()
    assert not unused.directory.exists()


def test_use_keeps_a_tree(cache_copy: Path) -> None:
    tree = issue(SMALL, cache_copy)
    os.utime(tree.directory / "manifest.json", (0, 0))
    issue(SMALL, cache_copy)
    issue(PkiRequest(hosts=["d.kim.telematik-test"]), cache_copy)
    assert tree.directory.is_dir()


def test_several_starts_at_once_agree(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from simulators.pki.issue import PkiRequest, issue\n"
        "request = PkiRequest.model_validate_json(sys.argv[1])\n"
        "sys.stdin.read()\n"
        "print(issue(request, Path(sys.argv[2])).directory)\n"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, SMALL.model_dump_json(), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(4)
    ]
    for starter in starters:  # all are there before the first may go on
        assert starter.stdin is not None
        starter.stdin.close()
        starter.stdin = None
    answers = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert answers == {f"{issue(SMALL, tmp_path).directory}\n"}
    trees = list((tmp_path / "pki" / "trees").iterdir())
    assert [tree.name for tree in trees] == [issue(SMALL, tmp_path).directory.name]


def test_a_lock_that_is_never_released_ends_in_one_line(
    cache_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.0)
    with (cache_copy / "pki" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=r"KIMULATOR_CACHE") as caught:
            issue(SMALL, cache_copy)
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(InputError, match="cannot keep keys here") as caught:
        issue(SMALL, tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_a_full_disk_ends_in_one_line(cache_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simulators.pki.tree_writer.write_private", full)
    with pytest.raises(InputError, match="No space left on device"):
        issue(SMALL, cache_copy)
    assert [p.name for p in (cache_copy / "pki" / "trees").iterdir() if p.name[0] == "."] == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"KIMULATOR_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/kimulator"),
        ({"HOME": "/c"}, "/c/.cache/kimulator"),
    ],
)
def test_where_the_cache_lies(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KIMULATOR_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_directory() == Path(expected)


def test_index_names_every_certificate_that_has_a_status(tree: PkiTree) -> None:
    index = json.loads((tree.directory / "ocsp" / "index.json").read_bytes())
    named = {entry["serial"] for entry in index["certificates"]}
    issued = {
        str(x509.load_pem_x509_certificate(path.read_bytes()).serial_number)
        for folder in ("cards", "tls")
        for path in (tree.directory / folder).rglob("*.crt.pem")
    }
    assert issued < named
    assert len(named) == len(issued) + 1  # and the one in kim/praxis.p12
