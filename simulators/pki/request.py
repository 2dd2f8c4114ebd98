"""What a world asks of the PKI: cards, TLS identities and client certificates, as data."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from simulators.process.errors import one_line
from simulators.process.settings import Settings

TEST_ONLY = " TEST-ONLY"
NOT_VALID = " NOT-VALID"
# X.520 upper bounds of the attributes that carry one of the two marks.
MAX_COMMON_NAME = 64 - len(TEST_ONLY)
MAX_ORGANIZATION = 64 - len(NOT_VALID)
MAX_HOST = 253
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")

CardType = Literal["SMC-B", "HSM-B", "HBA", "HBA-qSig", "ZOD_2.0", "EGK", "KVK", "UNKNOWN"]
HBAX: frozenset[CardType] = frozenset(("HBA", "HBA-qSig", "ZOD_2.0"))
"""Cards of a person who signs: the HBA, and its predecessors, which have RSA only."""
Reference = Literal["C.AUT", "C.ENC", "C.SIG", "C.QES"]
Crypt = Literal["RSA", "ECC"]
Generation = Literal["G2.0", "G2.1"]
TlsKey = Literal["P-256", "RSA-2048"]
TlsProfile = Literal["C.FD.TLS-S", "C.AK.AUT", "C.CM.TLS-CS"]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the time needs a zone, for example 2026-07-01T00:00:00+00:00")
    return moment.astimezone(UTC).replace(microsecond=0)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
# Also a file name in the tree of certificates: no separator, no leading dot.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Iccsn = Annotated[str, StringConstraints(pattern=r"^80276[0-9]{15}$")]
Oid = Annotated[str, StringConstraints(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,38})){2,30}$")]
# The Admission's registrationNumber is a PrintableString of at most 128 characters.
TelematikId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 '()+,./:=?-]{1,128}$")]
Kvnr = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{9}$")]
NamePart = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _host(name: str) -> str:
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    if len(name) > MAX_HOST or not _HOST.fullmatch(name):
        raise ValueError(f"expected a host name or an IP address, got {one_line(name, 80)!r}")
    return name


Host = Annotated[str, AfterValidator(_host)]


class Validity(Settings):
    """When a certificate is valid, where that shall differ from the usual five years.

    With only ``not_after`` the five years end there, so that an expired certificate is asked
    for by a date in the past.
    """

    not_before: Moment | None = None
    not_after: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Validity:
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("not_before must lie before not_after")
        return self


class CardRequest(Validity):
    """A card and its holder.

    ``organization`` is the BSNR or the institution's name (O, without NOT-VALID),
    ``profession_item`` the text of the Admission ("Betriebsstätte Arzt"),
    ``admission_authority`` the chamber that admitted the holder. ``G2.0`` cards have RSA
    certificates only, ``G2.1`` cards RSA and ECC side by side; the predecessors of the HBA
    (HBA-qSig, ZOD_2.0) have RSA whatever ``generation`` says. A patient's cards (EGK, KVK) have
    no Telematik-ID; an EGK has the holder's ``kvnr`` and as ``organization`` the insurer. KVK and
    UNKNOWN (put in wrongly, not readable) have no certificates; their ``iccsn`` is only a name.
    """

    type: CardType
    iccsn: Iccsn
    telematik_id: TelematikId | None = None
    kvnr: Kvnr | None = None
    profession_oid: Oid
    profession_item: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    common_name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_COMMON_NAME)]
    given_name: NamePart | None = None
    surname: NamePart | None = None
    organization: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_ORGANIZATION)] | None
    ) = None
    street: NamePart | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    locality: NamePart | None = None
    state: NamePart | None = None
    admission_authority: NamePart | None = None
    generation: Generation = "G2.1"

    @model_validator(mode="after")
    def _holder_is_named(self) -> CardRequest:
        if self.type in HBAX and not (self.given_name and self.surname):
            raise ValueError("an HBA needs given_name and surname of its holder")
        if self.type == "EGK" and not (self.kvnr and self.given_name and self.surname):
            raise ValueError("an EGK needs kvnr, given_name and surname of its holder")
        if self.type in {"SMC-B", "HSM-B", *HBAX} and self.telematik_id is None:
            raise ValueError(f"a card of type {self.type} needs a telematik_id")
        return self


class TlsRequest(Validity):
    """The TLS identity of a process: server, and client towards another provider (C.FD.TLS-C).

    ``profile`` is C.FD.TLS-S for a central service (Fachdienst, directory), C.AK.AUT for a
    Konnektor, C.CM.TLS-CS for a client module. The identity is valid for ``dns_names``, for the
    hosts of the whole request, localhost and the loopback addresses. ``role_oid`` is the
    technical role in its Admission, such as 1.2.276.0.76.4.172 for a KOM-LE Fachdienst. With
    ``elsewhere`` it is valid for ``dns_names`` alone: what a client meets at the wrong host.
    """

    name: Name
    profile: TlsProfile = "C.FD.TLS-S"
    dns_names: list[Host] = Field(default=[], max_length=100)
    key: TlsKey = "P-256"
    role_oid: Oid | None = None
    elsewhere: bool = False


class TerminalRequest(Validity):
    """The certificate C.SMKT.AUT on the gSMC-KT of a card terminal; its CN is the ICCSN."""

    name: Name
    iccsn: Iccsn
    key: TlsKey = "P-256"


class ClientRequest(Validity):
    """The client certificate of a Clientsystem at its Konnektor; without CN it has the name."""

    name: Name
    common_name: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_COMMON_NAME)] | None
    ) = None
    key: TlsKey = "P-256"


class KimRequest(Validity):
    """The certificate C.CM.TLS-CS with which a client module meets the provider.

    ``common_name`` is the address's local name or the commonName given at createCert; the
    certificate's CN is ``<common_name>#CM``.
    """

    participant: Name
    common_name: Annotated[str, StringConstraints(min_length=1, max_length=64 - len("#CM"))]
    key: TlsKey = "P-256"


class PkiRequest(Settings):
    """All certificates of a world. ``hosts`` are names and addresses of its TLS servers."""

    cards: list[CardRequest] = []
    tls: list[TlsRequest] = []
    terminals: list[TerminalRequest] = []
    clients: list[ClientRequest] = []
    kim_certificates: list[KimRequest] = []
    hosts: list[Host] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _no_name_twice(self) -> PkiRequest:
        _unique("cards: ICCSN", [card.iccsn for card in self.cards])
        _unique("tls: name", [identity.name for identity in self.tls])
        _unique("terminals: name", [terminal.name for terminal in self.terminals])
        _unique("clients: name", [client.name for client in self.clients])
        _unique("kim_certificates: participant", [k.participant for k in self.kim_certificates])
        return self


def _unique(what: str, names: list[Any]) -> None:
    # Names are file names, too; some file systems do not tell case apart.
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"{what} {name} is there twice")
        seen.add(name.lower())
