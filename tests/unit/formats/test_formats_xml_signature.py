"""XML signatures: forms, algorithms, canonical forms; hostile ones end in a FormatError."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from simulators.formats import xades, xml_algorithms, xml_signature
from simulators.formats.errors import FormatError
from simulators.formats.signed_data import key_signer
from simulators.formats.xades import DS
from simulators.formats.xml_algorithms import EXCLUSIVE, INCLUSIVE, INCLUSIVE_1_1, SHA256
from simulators.formats.xml_canonical import (
    MIN_CANONICAL,
    Budget,
    TooComplex,
    canonical,
    parse,
    without,
)
from simulators.formats.xml_references import Detached
from tests.unit.formats.conftest import Identity, make_identity

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LETTER = (
    '<brief xmlns="urn:x" xmlns:q="urn:q" xml:lang="de">\r\n<an q:art="1" a="ü">&amp;</an> '
    '<q:text xmlns=""><leer/> </q:text></brief>'
).encode()
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


@pytest.fixture(scope="module", params=["rsa", "ecc", "p256"])
def identity(request: Any, rsa_identity: Identity, ecc_identity: Identity) -> Identity:
    if request.param == "p256":
        return make_identity(ec.generate_private_key(ec.SECP256R1()), "P-256", 3)
    return rsa_identity if request.param == "rsa" else ecc_identity


def signed(identity: Identity, form: str = "enveloped", content: bytes = LETTER) -> bytes:
    signer = key_signer(identity.certificate, identity.private_key)
    properties = xades.Properties("sig-1", NOW, "Brief", "text/xml", [b"0\x00"])
    root = parse(content)
    if form == "enveloping":
        return xades.enveloping(root, signer, properties, None, tagged=False)
    if form == "detached":
        return xades.detached(root, signer, properties, None)
    inside = xades.enveloped(root, signer, properties)
    end = content.rindex(b"</")
    return content[:end] + inside + content[end:]


def read(octets: bytes, detached: Detached | None = None, **more: Any) -> Any:
    (found,) = xml_signature.read_all(parse(octets), detached, **more)
    return found


@pytest.mark.parametrize("form", ["enveloped", "enveloping", "detached"])
def test_made_and_read(identity: Identity, form: str) -> None:
    beside = Detached(LETTER) if form == "detached" else None
    found = read(signed(identity, form), beside)
    assert found.digest_ok
    assert found.signature_ok
    assert found.problem is None
    assert found.signing_time == NOW
    assert found.description == "Brief"
    assert found.certificate == identity.certificate
    covers = {"enveloped": "document", "enveloping": "object", "detached": "detached"}
    assert found.covers == covers[form]


def resigned(
    octets: bytes, identity: Identity, method: str, value_of: Callable[[bytes], bytes]
) -> bytes:
    """Sign SignedInfo anew with another SignatureMethod, as foreign software does."""
    root = parse(octets)
    info = root.find(f".//{{{xades.DS}}}SignedInfo")
    value = root.find(f".//{{{xades.DS}}}SignatureValue")
    assert info is not None
    assert value is not None
    info.find(f"{{{xades.DS}}}SignatureMethod").set("Algorithm", method)  # type: ignore[union-attr]
    value.text = base64.b64encode(value_of(canonical(info))).decode()
    return etree.tostring(root)


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_algorithms_of_others(rsa_identity: Identity, ecc_identity: Identity, name: str) -> None:
    function = getattr(hashes, name.upper())()
    key, curve = rsa_identity.private_key, ecc_identity.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert isinstance(curve, ec.EllipticCurvePrivateKey)
    pss = padding.PSS(padding.MGF1(function), function.digest_size)
    octets = signed(rsa_identity)
    schemes: dict[str, Any] = {
        f"{MORE}rsa-{name}": padding.PKCS1v15(),
        f"http://www.w3.org/2007/05/xmldsig-more#{name}-rsa-MGF1": pss,
    }
    for method, scheme in schemes.items():
        sign = partial(key.sign, padding=scheme, algorithm=function)
        made = resigned(octets, rsa_identity, method, sign)
        assert read(made).signature_ok

    def raw(data: bytes) -> bytes:
        r, s = decode_dss_signature(curve.sign(data, ec.ECDSA(function)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert read(
        resigned(signed(ecc_identity), ecc_identity, f"{MORE}ecdsa-{name}", raw)
    ).signature_ok


@pytest.mark.parametrize(
    "method",
    [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        f"{MORE}hmac-sha256",
        f"{MORE}ecdsa-sha256",
        "",
    ],
)
def test_confused_algorithms(rsa_identity: Identity, method: str) -> None:
    key = rsa_identity.private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    made = resigned(
        signed(rsa_identity),
        rsa_identity,
        method,
        lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256()),
    )
    assert not read(made).signature_ok


def test_weak_key() -> None:
    weak = make_identity(rsa.generate_private_key(65537, 1024), "weak", 9)
    assert not read(signed(weak)).signature_ok


def test_sha1_digest(identity: Identity) -> None:
    changed = signed(identity).replace(
        xml_algorithms.SHA256.encode(), b"http://www.w3.org/2000/09/xmldsig#sha1", 1
    )
    found = read(changed)
    assert not found.digest_ok
    assert found.problem is not None


def test_another_certificate_than_the_one_that_is_named(
    ecc_identity: Identity, rsa_identity: Identity
) -> None:
    pem = base64.b64encode(
        key_signer(rsa_identity.certificate, rsa_identity.private_key).encoded_certificate
    )
    octets = signed(ecc_identity)
    start = octets.index(b"<ds:X509Certificate>") + 20
    end = octets.index(b"</ds:X509Certificate>")
    found = read(octets[:start] + pem + octets[end:])
    assert not found.signature_ok
    found = read(octets[:start] + pem + octets[end:], more_certificates=[ecc_identity.certificate])
    assert found.signature_ok


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'Target="#sig-1"', b'Target="#sig-2"'),
        (b"http://uri.etsi.org/01903#SignedProperties", b"urn:x"),
        (b"XAdES:SigningCertificate>", b"XAdES:Other>"),
        (b"<XAdES:SigningTime>2026", b"<XAdES:SigningTime>gestern"),
        (b'URI="#sig-1-properties"', b'URI="#sig-1-data"'),
    ],
)
def test_not_xades_bes(identity: Identity, old: bytes, new: bytes) -> None:
    octets = signed(identity)
    assert old in octets
    assert read(octets.replace(old, new)).problem is not None


def test_manifest(identity: Identity) -> None:
    """What a manifest refers to is computed on demand, its failure breaks no signature."""
    held = base64.b64encode(xml_algorithms.digest(xml_algorithms.SHA256, b"x")).decode()
    content = (
        f'<ds:Object xmlns:ds="{xades.DS}" Id="o"><ds:Manifest Id="m"><ds:Reference URI="urn:d">'
        f'<ds:DigestMethod Algorithm="{xml_algorithms.SHA256}"/><ds:DigestValue>{held}'
        "</ds:DigestValue></ds:Reference></ds:Manifest></ds:Object>"
    ).encode()
    signer = key_signer(identity.certificate, identity.private_key)
    made = xades.enveloping(
        parse(content), signer, xades.Properties("sig-1", NOW), None, tagged=True
    )
    octets = made.replace(b'URI="#o"', b'URI="#m"').replace(b"#Object", b"#Manifest")
    for content_beside, holds in ((b"x", True), (b"y", False)):
        found = read(octets, Detached(content_beside, "urn:d"), manifests=True)
        assert [entry.holds for entry in found.manifests] == [holds]
    assert read(octets).manifests == ()


@pytest.mark.parametrize("kind", [EXCLUSIVE, INCLUSIVE, INCLUSIVE_1_1])
def test_canonical_form_of_a_part(kind: str) -> None:
    """The same as of the part in a document of its own, with what it inherits written out."""
    root = parse(LETTER)
    part = canonical(root[1], kind)
    inherited = {
        EXCLUSIVE: b'<q:text xmlns:q="urn:q"><leer></leer> </q:text>',
        INCLUSIVE: b'<q:text xmlns:q="urn:q" xml:lang="de"><leer></leer> </q:text>',
    }
    assert part == inherited.get(kind, inherited[INCLUSIVE])
    with_prefix = canonical(root[0], EXCLUSIVE, ("q", "#default"))
    assert b'xmlns:q="urn:q"' in with_prefix


def test_an_element_taken_out_leaves_the_text_around_it() -> None:
    root = parse(b"<a>1<b/>2<c xmlns:p='urn:p'>3<p:d/>4</c>5</a>")
    assert canonical(without(root[0], root)) == b'<a>12<c>3<p:d xmlns:p="urn:p"></p:d>4</c>5</a>'
    assert canonical(without(root[1], root)) == b"<a>1<b></b>25</a>"
    with pytest.raises(FormatError):
        without(root, root)


def test_the_budget_is_shared() -> None:
    budget = Budget(10)
    assert budget.take(b"ab") == b"ab"
    budget.take(bytes(MIN_CANONICAL - 2))
    with pytest.raises(TooComplex):
        budget.take(b"c")
    Budget(MIN_CANONICAL).take(bytes(MIN_CANONICAL + 1))  # of a large document


@pytest.mark.parametrize("steps", [0, 9])
def test_a_small_document_costs_little(steps: int) -> None:
    """It is referred to over and over; every transform counts, not only what comes out last."""
    step = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'
    reference = (
        f'<ds:Reference URI=""><ds:Transforms>{step * steps}</ds:Transforms><ds:DigestMethod '
        f'Algorithm="{SHA256}"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>'
    )
    many = reference * (4 if steps else 30)
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:SignatureMethod Algorithm="x"/>{many}'
        "</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>"
    )
    size = MIN_CANONICAL // 28
    document = f"<a>{'x' * size}{signature}</a>".encode()
    with pytest.raises(TooComplex):
        xml_signature.read_all(parse(document))


def test_a_detached_document_is_hashed_so_often() -> None:
    reference = (
        f'<ds:Reference><ds:DigestMethod Algorithm="{SHA256}"/>'
        "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"
    )
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:SignatureMethod Algorithm="x"/>'
        f"{reference * 30}</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue>"
        "</ds:Signature>"
    )
    with pytest.raises(TooComplex):
        xml_signature.read_all(parse(signature.encode()), Detached(bytes(MIN_CANONICAL // 28)))


@pytest.fixture(scope="module")
def signed_once(ecc_identity: Identity) -> bytes:
    return signed(ecc_identity)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 8), st.binary(max_size=6)),
        min_size=1,
        max_size=3,
    )
)
def test_altered_octets_never_pass_for_the_letter(
    signed_once: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    """Whatever is altered: a FormatError, or a result; never a signature over another letter."""
    octets = bytearray(signed_once)
    for at, length, new in changes:
        octets[at % len(octets) : at % len(octets) + length] = new
    with contextlib.suppress(FormatError):
        root = parse(bytes(octets))
        for found in xml_signature.read_all(root, manifests=True):
            if found.digest_ok and found.signature_ok and found.problem is None:
                assert found.covers == "part" or canonical(
                    without(found.element, root).getroottree()
                ) == canonical(parse(LETTER).getroottree())
