"""Hostile CMS: cut off, bytes flipped, inserted, removed; FormatError and nothing else."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.formats import (
    asn1,
    certificates,
    enveloped_data,
    recipient_emails,
    signed_data,
)
from simulators.formats.errors import FormatError
from tests.unit.formats.conftest import Identity

NOW = datetime(2026, 11, 23, tzinfo=UTC)

mutations = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "insert", "remove", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)
hostile = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def mutated(message: bytes, steps: list[tuple[str, float, int]]) -> bytes:
    changed = bytearray(message)
    for kind, where, value in steps:
        at = int(where * len(changed))
        if not changed:
            break
        if kind == "flip":
            changed[at] ^= 1 << value % 8
        elif kind == "set":
            changed[at] = value
        elif kind == "insert":
            changed.insert(at, value)
        elif kind == "remove":
            del changed[at : at + 1 + value % 4]
        else:
            del changed[at:]
    return bytes(changed)


@pytest.fixture(scope="module")
def signed_messages(
    rsa_identity: Identity, ecc_identity: Identity, to_ber: Callable[..., bytes]
) -> list[bytes]:
    entry = recipient_emails.attribute([("a@x.kim.telematik-test", ecc_identity.certificate)])
    messages = [
        signed_data.sign(
            b"content",
            signed_data.key_signer(identity.certificate, identity.private_key),
            signing_time=NOW,
            content_hint="none",
            attributes=[entry],
            ocsp_responses=[asn1.sequence(asn1.encode(0x0A, b"\x01"))],
        )
        for identity in (rsa_identity, ecc_identity)
    ]
    return [*messages, *map(to_ber, messages)]


@pytest.fixture(scope="module")
def envelopes(
    rsa_identity: Identity, ecc_identity: Identity, to_ber: Callable[..., bytes]
) -> list[bytes]:
    both = [rsa_identity.certificate, ecc_identity.certificate]
    entry = recipient_emails.attribute([("a@b", certificate) for certificate in both])
    message = enveloped_data.encrypt(b"content", both, unauthenticated=[entry])
    return [message, to_ber(message)]


def read_all_of(message: bytes) -> None:
    read = signed_data.read(message, b"content")
    for signer in read.signers:
        recipient_emails.read(signer.attributes.get(recipient_emails.OID, ()))
    for certificate in read.certificates:
        for facts in (
            certificates.telematik_id,
            certificates.profession_oids,
            certificates.policies,
            certificates.common_name,
            certificates.is_ecc,
            enveloped_data.recipient,
        ):
            facts(certificate)


@hostile
@given(which=st.integers(0, 3), steps=mutations)
def test_signed_data(
    which: int, steps: list[tuple[str, float, int]], signed_messages: list[bytes]
) -> None:
    message = mutated(signed_messages[which], steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        with contextlib.suppress(FormatError):
            read_all_of(message)


@hostile
@given(which=st.integers(0, 1), steps=mutations)
def test_enveloped_data(
    which: int,
    steps: list[tuple[str, float, int]],
    envelopes: list[bytes],
    rsa_identity: Identity,
    ecc_identity: Identity,
) -> None:
    message = mutated(envelopes[which], steps)
    for identity in (rsa_identity, ecc_identity):
        name = certificates.certificate_id(identity.certificate)
        with contextlib.suppress(FormatError):
            read = enveloped_data.read(message)
            recipient_emails.read(read.unauthenticated.get(recipient_emails.OID, ()))
            assert read.decrypt(name, identity.private_key) == b"content"


@hostile
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for read in (signed_data.read, enveloped_data.read):
        with pytest.raises(FormatError):
            read(data)


def test_every_cut_is_refused(signed_messages: list[bytes], envelopes: list[bytes]) -> None:
    for read, messages in ((signed_data.read, signed_messages), (enveloped_data.read, envelopes)):
        for message in messages:
            for end in range(0, len(message), 7):
                with pytest.raises(FormatError):
                    read(message[:end])
