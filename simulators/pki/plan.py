"""From a request to the list of certificates that it needs: who, which profile, which issuer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from .authorities import (
    AUTHORITIES,
    AUTHORITY_VALIDITY,
    CLIENTS_CA,
    EGK_CA,
    HBA_CA,
    OCSP_CAS,
    PROVIDER_CA,
    QES_CA,
    SMCB_CA,
    TLS_CA,
)
from .certificate import AdmissionOf, Content
from .profiles import (
    CARD_PROFILES,
    CLIENTSYSTEM,
    CM_TLS,
    OCSP_SIGNER,
    SMKT_AUT,
    TLS_PROFILES,
    KeyKind,
)
from .request import (
    HBAX,
    TEST_ONLY,
    CardRequest,
    Crypt,
    PkiRequest,
    Reference,
    TlsRequest,
    Validity,
)
from .subjects import authority_subject, card_subject, tls_subject

YEARS_VALID = 5
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
CRYPT: dict[KeyKind, Crypt] = {KeyKind.RSA: "RSA", KeyKind.BRAINPOOL: "ECC"}


class Form(Enum):
    """How certificate and key are handed over."""

    PEM = "pem"
    PEM_WITH_ISSUER = "pem with issuer"
    PKCS12 = "pkcs12"


@dataclass(frozen=True)
class CardObjectOf:
    """Which object of which card a certificate is."""

    iccsn: str
    reference: Reference
    crypt: Crypt


@dataclass(frozen=True)
class Item:
    """A certificate with its key. ``path`` is relative, without suffix, and names the key, too."""

    path: str
    kind: KeyKind
    content: Content
    issuer: str
    form: Form
    card_object: CardObjectOf | None = None

    @property
    def file_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def usual_start(now: datetime) -> datetime:
    """Return when certificates without dates of their own begin: 1 January of last year.

    Rounded, so that a year's requests find the same certificates; in the past, so that a
    world's clock may be set back by months.
    """
    return datetime(now.year - 1, 1, 1, tzinfo=UTC)


def plan(request: PkiRequest, start: datetime) -> list[Item]:
    """Return every end entity's certificate that *request* needs, the OCSP signers included."""
    items = [item for card in request.cards for item in _card_items(card, start)]
    hosts = tuple(request.hosts)
    items += [_tls_item(identity, hosts, start) for identity in request.tls]
    for terminal in request.terminals:
        content = Content(SMKT_AUT, tls_subject(terminal.iccsn), *_dates(terminal, start))
        kind = KeyKind(terminal.key)
        items.append(
            Item(f"terminals/{terminal.name}", kind, content, TLS_CA[kind], Form.PEM_WITH_ISSUER)
        )
    for client in request.clients:
        subject = tls_subject((client.common_name or client.name) + TEST_ONLY)
        content = Content(CLIENTSYSTEM, subject, *_dates(client, start))
        kind = KeyKind(client.key)
        items.append(Item(f"clients/{client.name}", kind, content, CLIENTS_CA, Form.PKCS12))
    for kim in request.kim_certificates:
        subject = tls_subject(f"{kim.common_name}#CM")
        content = Content(CM_TLS, subject, *_dates(kim, start))
        kind = KeyKind(kim.key)
        items.append(Item(f"kim/{kim.participant}", kind, content, PROVIDER_CA, Form.PKCS12))
    return items + list(_ocsp_signers())


def _card_items(card: CardRequest, start: datetime) -> Iterator[Item]:
    subject = card_subject(card)
    admission = AdmissionOf(
        card.profession_oid, card.profession_item, card.telematik_id, card.admission_authority
    )
    rsa_only = card.generation == "G2.0" or card.type in HBAX - {"HBA"}
    kinds = [KeyKind.RSA] if rsa_only else [KeyKind.RSA, KeyKind.BRAINPOOL]
    for reference, profile in CARD_PROFILES[card.type].items():
        issuers = {"EGK": EGK_CA}.get(card.type, HBA_CA if card.type in HBAX else SMCB_CA)
        if reference == "C.QES":
            issuers = QES_CA
        content = Content(profile, subject, *_dates(card, start), admission=admission)
        for kind in kinds:
            of = CardObjectOf(card.iccsn, reference, CRYPT[kind])
            path = f"cards/{of.iccsn}/{of.reference}.{of.crypt}"
            yield Item(path, kind, content, issuers[kind], Form.PEM, of)


def _tls_item(identity: TlsRequest, hosts: tuple[str, ...], start: datetime) -> Item:
    local = () if identity.elsewhere else (*hosts, *LOCAL_HOSTS)
    names = tuple(dict.fromkeys((*identity.dns_names, *local)))
    admission = AdmissionOf(identity.role_oid) if identity.role_oid else None
    content = Content(
        TLS_PROFILES[identity.profile],
        tls_subject((identity.dns_names or [identity.name])[0][:64]),
        *_dates(identity, start),
        admission=admission,
        hosts=names,
    )
    kind = KeyKind(identity.key)
    return Item(f"tls/{identity.name}", kind, content, TLS_CA[kind], Form.PEM_WITH_ISSUER)


def _ocsp_signers() -> Iterator[Item]:
    """Yield a delegated signer for each authority: RFC 6960 wants it issued by that authority."""
    kinds = {authority.name: authority.kind for authority in AUTHORITIES}
    for name in OCSP_CAS:
        subject = authority_subject(f"KIMULATOR.{name}-OCSP{TEST_ONLY}", None)
        content = Content(OCSP_SIGNER, subject, *AUTHORITY_VALIDITY)
        yield Item(f"ocsp/{name}", kinds[name], content, name, Form.PEM)


def _dates(wanted: Validity, start: datetime) -> tuple[datetime, datetime]:
    """Return the dates asked for; what is missing follows from the usual five years."""
    match wanted.not_before, wanted.not_after:
        case None, None:
            return start, _later(start, YEARS_VALID) - timedelta(seconds=1)
        case None, datetime() as end:
            return _later(end, -YEARS_VALID), end
        case datetime() as begin, None:
            return begin, _later(begin, YEARS_VALID) - timedelta(seconds=1)
        case datetime() as begin, datetime() as end:
            return begin, end
    raise AssertionError(wanted)


def _later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, day=28)
