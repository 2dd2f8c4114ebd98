"""AuthSignatureService 7.4: ExternalAuthenticate (TIP1-A_5439)."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from simulators.pki.certificate import PrivateKey

from ..access.check import Target
from ..faults import Code, fault
from ..operation import Call, Service, read_handle
from ..soap import reading
from ..soap.answers import add_signature_object
from ..soap.namespaces import CONN, CONTEXT, DSS, SIGNATURE_7_4, name
from ..soap.reading import Element, Parts, optional, required

PKCS1_TYPE = "urn:ietf:rfc:3447"
ECDSA_TYPE = "urn:bsi:tr:03111:ecdsa"
PSS, PKCS1_V15, ECDSA = "RSASSA-PSS", "RSASSA-PKCS1-v1_5", "ECDSA"
_HASHES: dict[int, hashes.HashAlgorithm] = {
    32: hashes.SHA256(),
    48: hashes.SHA384(),
    64: hashes.SHA512(),
}
_DATA = name(DSS, "Base64Data")


async def external_authenticate(call: Call) -> Element:
    """Sign a hash with the card's authentication key."""
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONN, "CardHandle")),
        required(name(CONTEXT, "Context")),
        optional(own("OptionalInputs")),
        required(own("BinaryString")),
    )
    signature_type, scheme = _read_inputs(call, parts)
    digest = _read_digest(parts.one(own("BinaryString")))
    handle = read_handle(parts)
    card = call.konnektor.cards.by_handle(handle)
    if card is not None and not (card.is_smb or card.is_hba):
        raise fault(Code.CALL_NOT_ALLOWED)
    _check_digest(digest, scheme)
    grant = call.check(parts, Target(handle=handle))
    card, session = grant.required_card()
    if not card.is_open(card.access_pin, session):
        raise fault(Code.ACCESS_CONDITION)
    ecdsa = signature_type == ECDSA_TYPE
    crypt, key = call.konnektor.keys.for_authenticating(card, ecdsa=ecdsa)
    if crypt == "ECC" and not ecdsa:  # the make took ECC where RSA was asked for
        signature_type, scheme = ECDSA_TYPE, ECDSA
        _check_digest(digest, scheme)
    call.facts |= {"crypt": crypt, "scheme": scheme}
    signature = await call.in_thread(sign_hash, key.private_key, digest, scheme)
    answer = call.answer()
    call.add_status(answer)
    add_signature_object(answer, signature, signature_type)
    return answer


def sign_hash(key: PrivateKey, digest: bytes, scheme: str) -> bytes:
    """Sign *digest*: ECDSA (DER) with an ECC key, else RSASSA-PSS or PKCS#1 v1.5."""
    algorithm = _HASHES[len(digest)]
    hashed = utils.Prehashed(algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digest, ec.ECDSA(hashed))
    assert isinstance(key, rsa.RSAPrivateKey)
    if scheme == PKCS1_V15:
        return key.sign(digest, padding.PKCS1v15(), hashed)
    salt = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    return key.sign(digest, salt, hashed)


def _read_inputs(call: Call, parts: Parts) -> tuple[str, str]:
    """Return SignatureType and scheme (ECDSA has none); fault 4111 for another type."""
    element = parts.maybe(call.own("OptionalInputs"))
    signature_type, scheme = PKCS1_TYPE, PSS
    if element is not None:
        type_name, scheme_name = name(DSS, "SignatureType"), call.own("SignatureSchemes")
        inputs = reading.any_order(element, optional(type_name), optional(scheme_name))
        signature_type = inputs.text(type_name) or PKCS1_TYPE
        chosen = inputs.maybe(scheme_name)
        if chosen is not None:
            scheme = reading.choice(chosen, (PSS, PKCS1_V15))
    if signature_type not in (PKCS1_TYPE, ECDSA_TYPE):
        raise fault(Code.SIGNATURE_TYPE, f"{signature_type!r:.80}")
    return signature_type, ECDSA if signature_type == ECDSA_TYPE else scheme


def _check_digest(digest: bytes, scheme: str) -> None:
    """Hashes of 256, 384 or 512 bits for PKCS#1 v1.5, of 256 bits else; fault 4000."""
    if len(digest) not in _HASHES or (scheme != PKCS1_V15 and len(digest) != 32):
        raise fault(Code.SYNTAX, f"BinaryString: {len(digest)} Bytes passen zu keinem Hash")


def _read_digest(element: Element) -> bytes:
    data = reading.sequence(element, required(_DATA)).one(_DATA)
    mime_type = data.get("MimeType", "application/octet-stream")
    if mime_type != "application/octet-stream":
        raise fault(Code.SYNTAX, f"BinaryString: MimeType {mime_type!r:.60}")
    return reading.binary(data)


SERVICE = Service(
    name="AuthSignatureService",
    version="7.4.1",
    namespace=SIGNATURE_7_4,
    prefix="SIG",
    abstract="Authentisierungsdienst",
    path="/AuthSignatureService",
    operations={"ExternalAuthenticate": external_authenticate},
)
