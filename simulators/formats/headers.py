"""A raw, order-preserving header block: what is not changed keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterator


class Headers:
    """The header fields of a message, each with its bytes as they came (folding, case, 8 bit).

    Names are compared without case. Lines end in CRLF on writing.
    """

    @classmethod
    def parse(cls, block: bytes) -> Headers:
        """Read a header block without the empty line after it."""
        raise NotImplementedError

    def get(self, name: str) -> str | None:
        """Return the first value of *name*, unfolded; UTF-8, or Latin-1 where that fails."""
        raise NotImplementedError

    def get_all(self, name: str) -> list[str]:
        """Return every value of *name*, unfolded."""
        raise NotImplementedError

    def raw(self, name: str) -> list[bytes]:
        """Return the whole fields called *name* with their folding, without the last CRLF."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """Return the names of all fields in their order."""
        raise NotImplementedError

    def remove(self, name: str) -> int:
        """Remove every field called *name*; return how many there were."""
        raise NotImplementedError

    def replace(self, name: str, value: str) -> None:
        """Set *name* to *value* at the place of its first field, else at the end; drop others."""
        raise NotImplementedError

    def append(self, name: str, value: str) -> None:
        """Add a field at the end."""
        raise NotImplementedError

    def prepend(self, name: str, value: str) -> None:
        """Add a field at the top (trace fields)."""
        raise NotImplementedError

    def append_raw(self, field: bytes) -> None:
        """Add a whole field as it stands (from ``raw``) at the end."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Return the block, every line ended by CRLF, without the empty line."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, str]]:
        raise NotImplementedError


def split_message(message: bytes) -> tuple[Headers, bytes]:
    """Return headers and body (what follows the first empty line)."""
    raise NotImplementedError


def addresses(value: str) -> list[str]:
    """Return the addr-specs of an address header's value, those inside groups too."""
    raise NotImplementedError


def canonical(address: str) -> str:
    """Return the form under which addresses are compared: no case, no needless quotes."""
    raise NotImplementedError


def same_address(first: str, second: str) -> bool:
    """Tell whether both are the same mailbox: case carries no meaning in KIM."""
    return canonical(first) == canonical(second)
