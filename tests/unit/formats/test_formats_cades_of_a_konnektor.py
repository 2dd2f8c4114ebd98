"""What a real Konnektor puts into a CAdES, beside what ours puts there (spec/eeb)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import asn1, cms_attributes, content_info, signed_data
from tests.unit.formats.conftest import Identity

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SAMPLES = {"example_eEB_ANF_konnektor_CAdES": "eEB", "example_eEB_BES_CAdES": None}


def ours(identity: Identity, hint: str | None) -> bytes:
    signer = signed_data.key_signer(identity.certificate, identity.private_key)
    return signed_data.sign(b"<Bundle/>", signer, signing_time=NOW, content_hint=hint)


def shape(message: bytes) -> list[object]:
    """Return what two SignedData must have in common when only names and values differ."""
    fields = content_info.read(message, asn1.oid(signed_data.OID), "SignedData")
    version, digests, content = (
        fields.take(asn1.INTEGER).integer(),
        fields.take(asn1.SET).der(),
        fields.take(asn1.SEQUENCE).children,
    )
    certificates = fields.take(asn1.context(0)).children
    infos = fields.take(asn1.SET).children
    fields.end()
    info = infos[0].fields()
    info_version = info.take(asn1.INTEGER).integer()
    info.take(asn1.SEQUENCE)
    digest = info.take(asn1.SEQUENCE).der()
    attributes = info.take(asn1.context(0)).children
    algorithm = info.take(asn1.SEQUENCE).der()
    info.take(*asn1.OCTET_STRINGS)
    info.end()
    return [
        (version, digests, content[0].oid(), len(content)),
        (len(certificates), len(infos), info_version, digest, algorithm),
        [attribute.children[0].oid() for attribute in attributes],
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_same_parts_in_the_same_order(
    spec: Callable[[str], Path], rsa_identity: Identity, name: str
) -> None:
    real = spec(f"eeb/{name}.p7s").read_bytes()
    assert shape(real) == shape(ours(rsa_identity, SAMPLES[name]))


@pytest.mark.parametrize("name", SAMPLES)
def test_attributes_have_the_same_form(
    spec: Callable[[str], Path], rsa_identity: Identity, name: str
) -> None:
    real = signed_data.read(spec(f"eeb/{name}.p7s").read_bytes()).signers[0]
    mine = signed_data.read(ours(rsa_identity, SAMPLES[name])).signers[0]
    assert real.digest_ok
    assert real.signature_ok
    for oid in (
        cms_attributes.CONTENT_TYPE,
        cms_attributes.CONTENT_HINTS,
        cms_attributes.ALGORITHM_PROTECTION,
    ):
        assert real.attributes.get(oid) == mine.attributes.get(oid)
    times = [entry.attributes[cms_attributes.SIGNING_TIME][0][0] for entry in (real, mine)]
    assert times[0] == times[1] == asn1.encode(asn1.UTC_TIME, b"")[0]
    named = [entry.attributes[cms_attributes.SIGNING_CERTIFICATE_V2] for entry in (real, mine)]
    assert tags(named[0][0], 4) == tags(named[1][0], 4)


def tags(encoded: bytes, depth: int) -> list[object]:
    """Return the nested tags of a value, as deep as the form is the same for every issuer."""

    def of(element: asn1.Element, left: int) -> object:
        inner = isinstance(element.tag, int) and bool(element.encoded[0] & 0x20)
        return (
            (element.tag, [of(child, left - 1) for child in element.children])
            if (inner and left)
            else element.tag
        )

    return [of(asn1.parse(encoded), depth)]


def test_ocsp_answers_added_later_leave_the_signature(
    rsa_identity: Identity, ecc_identity: Identity, to_ber: Callable[..., bytes]
) -> None:
    response = asn1.sequence(asn1.encode(0x0A, b"\x00"))
    for identity in (rsa_identity, ecc_identity):
        message = ours(identity, None)
        for octets in (message, to_ber(message)):
            once = signed_data.with_ocsp_responses(octets, [response])
            twice = signed_data.read(signed_data.with_ocsp_responses(once, [response]))
            assert twice.signers[0].signature_ok
            assert twice.signers[0].digest_ok
            assert twice.ocsp_responses == (response, response)


def test_openssl_reads_what_was_added(
    rsa_identity: Identity, tool: Callable[[str], str], tmp_path: Path
) -> None:
    response = asn1.sequence(asn1.encode(0x0A, b"\x00"))
    file = tmp_path / "signature.p7s"
    file.write_bytes(signed_data.with_ocsp_responses(ours(rsa_identity, "x"), [response]))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(rsa_identity.certificate.public_bytes(Encoding.PEM))
    command = [tool("openssl"), "cms", "-verify", "-cades", "-inform", "DER", "-partial_chain"]
    command += ["-no_check_time", "-purpose", "any", "-CAfile", str(trusted), "-in", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"<Bundle/>"
