"""recipient-emails: the form of gematik's sample, read in both forms, compared as a set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import asn1, cms_attributes, recipient_emails
from simulators.formats.certificates import certificate_id
from simulators.formats.errors import FormatError
from simulators.formats.recipient_emails import RecipientEmail
from tests.unit.formats.conftest import Identity

ascii_addresses = st.emails()


def values(attribute: bytes) -> tuple[bytes, ...]:
    return cms_attributes.read(asn1.set_of([attribute]))[recipient_emails.OID]


@pytest.mark.requirement("KOM-LE-A_2114-01")
@given(addresses=st.lists(ascii_addresses, min_size=1, max_size=5))
def test_what_was_written_reads_back(addresses: list[str], ecc_identity: Identity) -> None:
    certificate = ecc_identity.certificate
    attribute = recipient_emails.attribute([(address, certificate) for address in addresses])
    assert recipient_emails.read(values(attribute)) == {
        RecipientEmail(address, certificate_id(certificate)) for address in addresses
    }


@pytest.mark.requirement("KOM-LE-A_2114-01")
def test_both_forms_mean_the_same(rsa_identity: Identity, ecc_identity: Identity) -> None:
    """KOM-LE-A_2114-01: a SET OF in attrValues, or attrValues as that set (the sample)."""
    direct = recipient_emails.attribute(
        [("a@b", rsa_identity.certificate), ("c@d", ecc_identity.certificate)]
    )
    entries = values(direct)
    assert len(entries) == 2
    nested = [asn1.encode(asn1.SET, *reversed(entries))]
    assert recipient_emails.read(nested) == recipient_emails.read(entries)


def test_another_certificate_or_address_makes_a_difference(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    def read(address: str, identity: Identity) -> frozenset[RecipientEmail]:
        return recipient_emails.read(
            values(recipient_emails.attribute([(address, identity.certificate)]))
        )

    assert read("a@b", rsa_identity) != read("a@b", ecc_identity)
    assert read("a@b", rsa_identity) != read("b@b", rsa_identity)


@pytest.mark.requirement("KOM-LE-A_2048-01")
def test_case_of_an_address_carries_no_meaning(
    rsa_identity: Identity, ecc_identity: Identity
) -> None:
    """KOM-LE-A_2048-01: compared as addresses are, by certificate and regardless of order."""
    rsa, ecc = (certificate_id(one.certificate) for one in (rsa_identity, ecc_identity))
    first = [RecipientEmail("Praxis@A.example", rsa), RecipientEmail("b@b", ecc)]
    second = [RecipientEmail("B@b", ecc), RecipientEmail("praxis@a.example", rsa)]
    assert recipient_emails.same_recipients(first, second)
    assert not recipient_emails.same_recipients(first, second[:1])
    assert not recipient_emails.same_recipients(first, [RecipientEmail("b@b", rsa), *second[1:]])


def test_an_address_that_is_not_ascii_is_refused(ecc_identity: Identity) -> None:
    with pytest.raises(FormatError):
        recipient_emails.attribute([("müller@b", ecc_identity.certificate)])


@pytest.mark.parametrize(
    "value", [b"", asn1.null(), asn1.sequence(), asn1.sequence(asn1.encode(asn1.IA5_STRING, b"a"))]
)
def test_something_else_is_refused(value: bytes) -> None:
    with pytest.raises(FormatError):
        recipient_emails.read([value])


def test_the_number_of_entries_is_bounded(ecc_identity: Identity) -> None:
    (entry,) = values(recipient_emails.attribute([("a@b", ecc_identity.certificate)]))
    with pytest.raises(FormatError, match="more than"):
        recipient_emails.read([entry] * (recipient_emails.MAX_ENTRIES + 1))
