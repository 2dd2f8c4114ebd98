"""What a log must not give away, in every form in which it could stand there."""

from __future__ import annotations

import base64
import json
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from simulators.pki.certificate import PrivateKey

SHORTEST = 4
"""A value with fewer characters is found in anything."""
_SECRET = re.compile(r"password|secret|reference_id|^PIN\.|^PUK")
_PERSONAL = re.compile(r"^(address|name|street|telematik_id|iccsn|holder|mandant|clientsystem)$")


def forms(value: str) -> set[bytes]:
    """Return *value* as text, base64, quoted-printable, percent-encoded, hexadecimal, escaped."""
    spelt = {value, value.lower(), value.upper()}
    written = {one.encode(code, "replace") for one in spelt for code in ("utf-8", "latin-1")}
    for octets in tuple(written):
        written |= {octets.hex().encode(), octets.hex(":").encode(), repr(octets)[2:-1].encode()}
        written |= {quopri.encodestring(octets), quopri.encodestring(octets, header=True)}
        written |= {quote(octets, safe="").encode(), quote(octets).encode()}
        written |= set(_in_base64(octets))
    written |= {json.dumps(value)[1:-1].encode(), value.encode("utf-16-le")}
    return {form.strip().lower() for form in written if len(form.strip()) >= SHORTEST}


def _in_base64(octets: bytes) -> Iterator[bytes]:
    """Yield what of base64 does not depend on what stands around *octets*, at each position."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + octets)
        first = (0, 2, 3)[before]
        last = len(encoded) - (0, 3, 2)[(before + len(octets)) % 3]
        if last - first >= 2 * SHORTEST:
            yield encoded[first:last]


def disclosed(texts: Mapping[str, bytes], values: Iterable[str]) -> dict[str, list[str]]:
    """Return which of *texts* holds which of *values* in any form, whatever their case.

    Digits count as a word of their own only: a PIN is not found inside a longer number.
    """
    contents = {name: text.lower() for name, text in texts.items()}
    everything = b"\n".join(contents.values())
    found: dict[str, list[str]] = {}
    for value in values:
        held = [form for form in forms(value) if _holds(everything, form)]
        for name, content in contents.items():
            if any(_holds(content, form) for form in held):
                found.setdefault(name, []).append(value)
    return found


def _holds(content: bytes, form: bytes) -> bool:
    if form not in content or not form.isdigit():
        return form in content
    return re.search(rb"(?<![0-9a-f.])" + re.escape(form) + rb"(?![0-9a-f.])", content) is not None


def secrets_of(content: Any) -> set[str]:
    """Return passwords, PINs and the like of *content*, the endpoints or settings of a world."""
    return set(_values(content, _SECRET))


def persons_of(content: Any) -> set[str]:
    """Return names, addresses and identifiers of *content*."""
    return set(_values(content, _PERSONAL))


def _values(content: Any, names: re.Pattern[str]) -> Iterator[str]:
    if isinstance(content, list):
        for each in content:
            yield from _values(each, names)
    if isinstance(content, dict):
        for name, value in content.items():
            if isinstance(value, str) and names.search(name) and len(value) >= SHORTEST:
                yield value
            yield from _values(value, names)


def key_texts(key: PrivateKey) -> set[str]:
    """Return a private key as it could be written: its numbers and its PEM, line by line."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        number = key.private_numbers().private_value
    else:
        number = key.private_numbers().d
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    lines = [line for line in pem.decode().splitlines() if len(line) == 64 and "-" not in line]
    return {str(number), f"{number:x}", *lines}


def pkcs12_key(file: Path, password: str) -> PrivateKey:
    key, _, _ = pkcs12.load_key_and_certificates(file.read_bytes(), password.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return key
