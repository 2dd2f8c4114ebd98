from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulators.process.described import description
from simulators.process.errors import InputError
from simulators.process.settings import ProcessSettings, TlsIdentity, read_settings


def write(directory: Path, content: object) -> Path:
    file = directory / "settings.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def complaint(directory: Path, content: object) -> str:
    with pytest.raises(InputError) as caught:
        read_settings(ProcessSettings, write(directory, content))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_listen_on_loopback_and_let_the_system_choose_the_port(tmp_path: Path) -> None:
    settings = read_settings(ProcessSettings, write(tmp_path, {"name": "x", "data_dir": "/tmp/x"}))
    assert (settings.listeners.control.host, settings.listeners.control.port) == ("127.0.0.1", 0)


def test_unknown_key_is_named(tmp_path: Path) -> None:
    assert "colour" in complaint(tmp_path, {"name": "x", "data_dir": "/tmp/x", "colour": "red"})


def test_wrong_type_is_named_with_its_place(tmp_path: Path) -> None:
    content = {"name": "x", "data_dir": "/tmp/x", "listeners": {"control": {"port": "many"}}}
    assert "listeners.control.port" in complaint(tmp_path, content)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_listening_beyond_loopback_needs_words(tmp_path: Path, host: str) -> None:
    content = {"name": "x", "data_dir": "/tmp/x", "listeners": {"control": {"host": host}}}
    assert "allow_all_addresses" in complaint(tmp_path, content)
    allowed = {**content, "allow_all_addresses": True}
    settings = read_settings(ProcessSettings, write(tmp_path, allowed))
    assert settings.listeners.control.host == host


@pytest.mark.parametrize(
    "content", ["{", "[" * 100_000, "just words", "- 1", "&a [*a]", "\x00"], ids=repr
)
def test_what_is_no_settings_file_is_one_line(tmp_path: Path, content: str) -> None:
    assert str(tmp_path) in complaint(tmp_path, content)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(ProcessSettings, tmp_path / "none.json")


def test_a_device_without_end_is_one_line() -> None:
    with pytest.raises(InputError, match="larger than"):
        read_settings(ProcessSettings, Path("/dev/zero"))


class _WithPaths(ProcessSettings):
    """A role's settings."""

    inner: dict[str, TlsIdentity] = {}


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    inner = {"a": {"certificate": "tls/a.pem", "key": "/etc/a.key"}}
    content = {"name": "x", "data_dir": "data", "inner": inner}
    settings = read_settings(_WithPaths, write(tmp_path, content))
    assert settings.data_dir == tmp_path / "data"
    assert settings.inner["a"].certificate == tmp_path / "tls" / "a.pem"
    assert settings.inner["a"].key == Path("/etc/a.key")


def test_everything_is_described() -> None:
    lines = "\n".join(description(_WithPaths)).splitlines()
    assert any(line.split() == ["inner.NAME.key", "(needed)"] for line in lines)
    assert any(line.split() == ["seed", "1"] for line in lines)
    assert any(line.split() == ["listeners.control.host", '"127.0.0.1"'] for line in lines)
