"""Packages of a user: what is none ends in one line, whatever is in it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenarios.engine.profiles.packages import read_packages
from simulators.process.errors import InputError

PROFILE: dict[str, Any] = {
    "resourceType": "StructureDefinition",
    "url": "https://fhir.kbv.de/StructureDefinition/KBV_PR_X",
    "version": "1.2.0",
    "type": "Patient",
    "differential": {"element": [{"id": "Patient"}, {"id": "Patient.name", "min": 1}]},
}


def package(path: Path, *members: tuple[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_the_newest_version_of_a_definition_counts(tmp_path: Path) -> None:
    newer = json.loads(json.dumps(PROFILE))
    newer["version"] = "1.10.0"
    newer["differential"]["element"][1]["min"] = 2
    package(tmp_path / "a.tgz", ("package/a.json", json.dumps(newer).encode()))
    package(tmp_path / "b.tgz", ("package/a.json", json.dumps(PROFILE).encode()))
    rows = read_packages(tmp_path).rows
    assert [row.minimum for row in rows if row.path == "name"] == [2]


def nothing(path: Path) -> None:
    """Leave the directory empty."""


def no_archive(path: Path) -> None:
    (path / "a.tgz").write_bytes(b"kein Archiv")


def cut_off(path: Path) -> None:
    package(path / "a.tgz", ("package/a.json", json.dumps(PROFILE).encode() * 20))
    whole = (path / "a.tgz").read_bytes()
    (path / "a.tgz").write_bytes(whole[: len(whole) // 2])


def no_profile(path: Path) -> None:
    package(path / "a.tgz", ("package/a.json", b"{}"), ("package/b.json", b"[1]"))


def no_json(path: Path) -> None:
    package(path / "a.tgz", ("package/a.json", b"{"))


def nested(path: Path) -> None:
    package(path / "a.tgz", ("package/a.json", b"[" * 100_000))


def too_large(path: Path) -> None:
    package(path / "a.tgz", ("package/a.json", b" " * (5 << 20)))


def incomplete(path: Path) -> None:
    broken = {**PROFILE, "differential": {"element": [{"path": "Patient"}]}}
    package(path / "a.tgz", ("package/a.json", json.dumps(broken).encode()))


@pytest.mark.parametrize(
    "made", [nothing, no_archive, cut_off, no_profile, no_json, nested, too_large, incomplete]
)
def test_what_is_no_package_is_refused_in_one_line(
    tmp_path: Path, made: Callable[[Path], None]
) -> None:
    made(tmp_path)
    with pytest.raises(InputError) as refusal:
        read_packages(tmp_path)
    assert "\n" not in str(refusal.value)
