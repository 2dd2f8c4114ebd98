"""Trust: which authorities issued what, and whether a certificate's path leads to a root."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from simulators.process.errors import InputError, one_line
from simulators.process.guardrails import refuse_real_trust_anchor

MAX_TRUST_BYTES = 4 << 20
MAX_DEPTH = 5
REMEMBERED = 4096


class PathResult(Enum):
    """What the check of a certificate's path says."""

    OK = "ok"
    UNTRUSTED = "no trusted authority issued it"
    BAD_SIGNATURE = "the issuer's signature does not hold"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"


@dataclass(frozen=True)
class _Path:
    result: PathResult
    chain: tuple[x509.Certificate, ...] = ()


class Trust:
    """A set of trusted authorities: roots, and the authorities below them.

    An authority whose own issuer is not in the set is trusted all the same, as every authority is
    that a TSL lists.
    Signatures are checked once for a certificate and remembered, dates at every call.
    """

    def __init__(self, authorities: Iterable[x509.Certificate]) -> None:
        self._by_subject: dict[bytes, list[x509.Certificate]] = {}
        for authority in authorities:
            refuse_real_trust_anchor(authority.subject.rfc4514_string())
            if _may_issue(authority):
                subject = authority.subject.public_bytes()
                self._by_subject.setdefault(subject, []).append(authority)
        self._paths: OrderedDict[x509.Certificate, _Path] = OrderedDict()

    @classmethod
    def load(cls, path: Path) -> Trust:
        """Read the authorities from the PEM file *path*.

        Raises InputError when the file is not readable or holds an authority of the real TI.
        """
        return cls(read_certificates(path))

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The trusted authorities."""
        return tuple(a for same_name in self._by_subject.values() for a in same_name)

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """Return the trusted authority that signed *certificate*, None if there is none."""
        path = self._path(certificate)
        if path.result is not PathResult.OK:
            return None
        return path.chain[1] if len(path.chain) > 1 else certificate

    def chain(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Return *certificate* and the authorities above it up to the root.

        Empty when no path leads there.
        """
        return self._path(certificate).chain

    def check_path(self, certificate: x509.Certificate, at: datetime) -> PathResult:
        """Say whether *certificate* leads to a trusted root and everything on it is valid *at*.

        *at* has a time zone. Revocation is a matter of OCSP.
        """
        path = self._path(certificate)
        if path.result is not PathResult.OK:
            return path.result
        for link in path.chain:
            if at > link.not_valid_after_utc:
                return PathResult.EXPIRED
            if at < link.not_valid_before_utc:
                return PathResult.NOT_YET_VALID
        return PathResult.OK

    def _path(self, certificate: x509.Certificate) -> _Path:
        known = self._paths.get(certificate)
        if known is None:
            known = self._paths[certificate] = self._build(certificate)
            if len(self._paths) > REMEMBERED:
                self._paths.popitem(last=False)
        return known

    def _build(self, certificate: x509.Certificate) -> _Path:
        chain = [certificate]
        while len(chain) <= MAX_DEPTH:
            link = chain[-1]
            candidates = self._by_subject.get(link.issuer.public_bytes(), [])
            issuer = next((c for c in candidates if _issued(c, link)), None)
            if issuer is None:
                if not candidates and len(chain) > 1:
                    return _Path(PathResult.OK, tuple(chain))
                result = PathResult.BAD_SIGNATURE if candidates else PathResult.UNTRUSTED
                return _Path(result)
            if issuer == link:
                return _Path(PathResult.OK, tuple(chain))
            chain.append(issuer)
        return _Path(PathResult.UNTRUSTED)


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of the PEM file *path*. Raises InputError when it is none."""
    try:
        with path.open("rb") as file:
            return tuple(x509.load_pem_x509_certificates(file.read(MAX_TRUST_BYTES)))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be used as trust: {one_line(str(error))}") from None


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return extension.value.ca
