"""Which certificates a mail is encrypted for, and what the DSN says of the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from clientmodule.directory import DirectoryEntry
from clientmodule.mta import MtaReply, Recipient
from clientmodule.sending.protect import entries_of
from clientmodule.sending.recipients import Choice, sort_out
from clientmodule.sending.reports import Failure, failure_report
from simulators.formats.certificates import is_ecc
from simulators.formats.dsn import read_report
from simulators.formats.headers import Headers
from simulators.pki.cards import read_card
from simulators.pki.issue import issue
from simulators.pki.request import CardRequest, PkiRequest

FIRST, SECOND = "80276000000000000001", "80276000000000000002"


@pytest.fixture(scope="session")
def certificates(pki_cache: Path) -> Callable[[str], tuple[x509.Certificate, ...]]:
    """Return a function from an ICCSN to the card's certificates C.ENC, RSA and ECC."""
    tree = issue(
        PkiRequest(
            cards=[
                CardRequest(
                    type="SMC-B",
                    iccsn=iccsn,
                    telematik_id=f"1-2{iccsn[-4:]}",
                    profession_oid="1.2.276.0.76.4.50",
                    profession_item="Betriebsstätte Arzt",
                    common_name=f"Praxis {iccsn[-1]}",
                    organization="201234500",
                )
                for iccsn in (FIRST, SECOND)
            ]
        ),
        pki_cache,
    )

    def of(iccsn: str) -> tuple[x509.Certificate, ...]:
        objects = read_card(tree.card(iccsn)).objects
        return tuple(objects["C.ENC", crypt].certificate for crypt in ("RSA", "ECC"))

    return of


Certificates = Callable[[str], tuple[x509.Certificate, ...]]
NOW = datetime.now(UTC)


@pytest.mark.requirement("KOM-LE-A_2022", "A_17472")
@pytest.mark.parametrize(
    ("every", "ecc", "kinds"),
    [
        (True, True, [True, False]),
        (True, False, [False]),
        (False, True, [True]),
        (False, False, [False]),
    ],
)
def test_choice(certificates: Certificates, every: bool, ecc: bool, kinds: list[bool]) -> None:
    """Up to 1.5.2-8 all, then RSA only if nothing else; no ECC without a Konnektor for it."""
    entry = DirectoryEntry(certificates(FIRST))
    chosen = Choice(every=every, ecc=ecc, at=NOW).usable(entry)
    assert [is_ecc(certificate) for certificate in chosen] == kinds


@pytest.mark.requirement("KOM-LE-A_2022")
def test_rsa_where_there_is_nothing_else(certificates: Certificates) -> None:
    rsa, _ = certificates(FIRST)
    assert Choice(every=False, ecc=True, at=NOW).usable(DirectoryEntry((rsa,))) == (rsa,)


def test_expired_certificates_are_not_used(certificates: Certificates) -> None:
    entry = DirectoryEntry(certificates(FIRST))
    late = max(c.not_valid_after_utc for c in entry.certificates) + timedelta(seconds=1)
    early = min(c.not_valid_before_utc for c in entry.certificates) - timedelta(seconds=1)
    for moment in (early, late):
        assert Choice(every=True, ecc=True, at=moment).usable(entry) == ()


@pytest.mark.requirement("KOM-LE-A_2178", "KOM-LE-A_2192-01")
def test_two_telematik_ids(certificates: Certificates) -> None:
    """KOM-LE-A_2178, 2192-01: 4005; nobody found: 4004; the order stays."""
    recipients = [Recipient(address) for address in ("zwei@x", "gut@x", "keiner@x")]
    entries = [
        DirectoryEntry((*certificates(FIRST), *certificates(SECOND))),
        DirectoryEntry(certificates(FIRST)),
        DirectoryEntry(()),
    ]
    accepted, refused = sort_out(recipients, entries, Choice(every=False, ecc=True, at=NOW))
    assert [one.recipient.address for one in accepted] == ["gut@x"]
    assert [(one.recipient.address, one.code) for one in refused] == [
        ("zwei@x", "4005"),
        ("keiner@x", "4004"),
    ]


@pytest.mark.requirement("KOM-LE-A_2027")
def test_recipient_emails_hold_each_entry_once(certificates: Certificates) -> None:
    """KOM-LE-A_2027: a sender who is a recipient, too, stands there once."""
    rsa, ecc = certificates(FIRST)
    entries = entries_of([("a@x", (rsa, ecc)), ("A@X", (ecc,)), ("b@x", (ecc,))])
    assert sorted((address.lower(), is_ecc(c)) for address, c in entries) == [
        ("a@x", False),
        ("a@x", True),
        ("b@x", True),
    ]


@pytest.mark.requirement("KOM-LE-A_2024-01", "A_20650-05")
def test_report_names_every_failure_and_each_code_once() -> None:
    """A_20650-05, KOM-LE-A_2024-01."""
    failures = [
        Failure(Recipient("a@x"), code="4004"),
        Failure(Recipient("b@x", ("ORCPT=rfc822;b@x",)), code="4005"),
        Failure(Recipient("c@x"), code="4004"),
        Failure(Recipient("d@x"), reply=MtaReply(550, b"550 5.1.1 unbekannt\r\n")),
        Failure(Recipient("e@x"), reply=MtaReply(550, b"550 nein\r\n")),
    ]
    outer = Headers.parse(b"Message-ID: <1@x>\r\nSubject: KOM-LE-Nachricht")
    dsn = failure_report(
        failures, sender="s@x", outer=outer, arrival=NOW, now=NOW, envelope_id="abc"
    )
    report = read_report(dsn)
    assert report is not None
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4004", "4005"]
    assert [(r.address, r.action, r.status) for r in report.reports] == [
        ("a@x", "failed", "5.7.5"),
        ("b@x", "failed", "5.7.5"),
        ("c@x", "failed", "5.7.5"),
        ("d@x", "failed", "5.1.1"),
        ("e@x", "failed", "5.0.0"),
    ]
    assert report.reports[1].original_recipient == "rfc822;b@x"
    assert report.in_reply_to == "<1@x>"
    assert dsn.isascii()
    assert b"Original-Envelope-Id: abc\r\n" in dsn
