"""A signature as it was found in a document, whatever its form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cryptography import x509

from ...faults import Trace

Form = Literal["CAdES", "XAdES", "PAdES", "PKCS#1"]
OID_URI: Final = "urn:oid:"


@dataclass(frozen=True)
class Manifested:
    """What became of one reference of a ds:Manifest; ``path`` is its XPath in the document."""

    path: str
    holds: bool


@dataclass(frozen=True)
class Found:
    """One signature, its mathematics checked, its certificate not.

    ``digest_ok``: what it signs is what is there. ``signature_ok``: the value holds under the
    key of ``certificate``, None where nobody gave it. ``problem``: how it departs from the
    profile of its form, None when it does not. ``algorithm`` and ``digest_algorithm`` are URIs;
    ``field_name`` is that of a PDF.
    ``timestamp_ok``: the signature timestamps, if there are any, are over this signature.
    """

    form: Form
    certificate: x509.Certificate | None
    digest_ok: bool
    signature_ok: bool
    algorithm: str
    value: bytes
    signing_time: datetime | None = None
    digest_algorithm: str | None = None
    digest: bytes | None = None
    short_text: str | None = None
    field_name: str | None = None
    ocsp_responses: tuple[bytes, ...] = ()
    manifests: tuple[Manifested, ...] = ()
    timestamp_ok: bool = True
    problem: str | None = None

    @property
    def mathematics_ok(self) -> bool:
        """Whether the signature holds over the document."""
        return self.digest_ok and self.signature_ok and self.problem is None


@dataclass(frozen=True)
class Updated:
    """A signature with revocation information, or the whole document with it inside.

    ``signature_type`` is the URI of its form.
    """

    octets: bytes
    signature_type: str
    is_document: bool = False


@dataclass(frozen=True)
class Document:
    """The signatures of a document, at least one, and what is wrong with it as a whole.

    ``kind_ok``: the document is of a kind that may have a QES. ``update`` puts revocation
    information (DER OCSPResponse each) into the signature, where its form can take it.
    """

    signatures: tuple[Found, ...]
    wrong: tuple[Trace, ...] = ()
    kind_ok: bool = True
    update: Callable[[Sequence[bytes]], Updated] | None = None
