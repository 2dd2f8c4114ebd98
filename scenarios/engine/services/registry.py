"""The register: the shipped file, extended or overridden by a file of the user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..yaml_files import yaml_source
from .entry import Entry, Register

SHIPPED = Path(__file__).resolve().parents[2] / "dienstkennungen.yaml"


@dataclass(frozen=True)
class Registry:
    """The known Dienstkennungen in the order of their files."""

    entries: tuple[Entry, ...]

    def find(self, service: str) -> Entry | None:
        """Return the entry of *service*, read without regard to case."""
        text = service.strip()
        return next((entry for entry in self.entries if entry.loose.fullmatch(text)), None)

    def entry(self, service: str) -> Entry:
        """Return the entry that is written exactly *service*. Raises KeyError without one."""
        for entry in self.entries:
            if entry.exact.fullmatch(service):
                return entry
        raise KeyError(service)

    def named(self, part: str) -> Iterator[Entry]:
        """Yield the entries whose application, or application and operation, is *part*."""
        wanted = part.strip().casefold().split(";")
        for entry in self.entries:
            if entry.dienstkennung.casefold().split(";")[: len(wanted)] == wanted:
                yield entry

    def extended_by(self, path: Path) -> Registry:
        """Return the register with the entries of the file *path*, before those here.

        Raises InputError ``FILE:LINE: key: expected`` for a file that cannot be used.
        """
        own = _read(path)
        replaced = {entry.dienstkennung.casefold() for entry in own}
        kept = (one for one in self.entries if one.dienstkennung.casefold() not in replaced)
        return Registry((*own, *kept))


@cache
def shipped() -> Registry:
    """Return the register that comes with the package."""
    return Registry(_read(SHIPPED))


def registry(own: Path | None) -> Registry:
    """Return the shipped register, extended by the file *own* if there is one.

    Raises InputError as ``extended_by`` does.
    """
    return shipped() if own is None else shipped().extended_by(own)


def _read(path: Path) -> tuple[Entry, ...]:
    return yaml_source.read(path).validate(Register).dienstkennungen
