"""Making a certificate: a profile, a subject, a public key and an issuer become DER."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from .profiles import OCSP_URL, KeyKind, Profile, key_usage

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

SERIAL_BITS = 63


@dataclass(frozen=True)
class AdmissionOf:
    """What the extension Admission (1.3.36.8.3.3) says of the holder."""

    profession_oid: str
    profession_item: str | None = None
    telematik_id: str | None = None
    authority: str | None = None


@dataclass(frozen=True)
class Content:
    """What distinguishes a certificate from others of its profile."""

    profile: Profile
    subject: x509.Name
    not_before: datetime
    not_after: datetime
    admission: AdmissionOf | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and its key."""

    certificate: x509.Certificate
    private_key: PrivateKey


def new_key(kind: KeyKind) -> PrivateKey:
    """Return a fresh private key of *kind*."""
    match kind:
        case KeyKind.RSA:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case KeyKind.BRAINPOOL:
            return ec.generate_private_key(ec.BrainpoolP256R1())
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())


def kind_of(key: PublicKey) -> KeyKind:
    """Return the kind of the public *key*."""
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind.RSA
    return KeyKind.P256 if isinstance(key.curve, ec.SECP256R1) else KeyKind.BRAINPOOL


def end_entity(content: Content, public_key: PublicKey, issuer: Authority) -> x509.Certificate:
    """Return the certificate of *content* for *public_key*, signed by *issuer* with SHA-256."""
    profile = content.profile
    builder = _builder(content.subject, public_key, content.not_before, content.not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(profile.key_usage(kind_of(public_key)), True)
    if profile.extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.extended), False)
    oid = content.admission.profession_oid if content.admission else None
    policies = profile.policy_extension(oid)
    if policies is not None:
        builder = builder.add_extension(policies, False)
    if profile.ocsp:
        builder = builder.add_extension(_ocsp_address(), False)
    if content.admission is not None:
        builder = builder.add_extension(admission_extension(content.admission), False)
    if content.hosts:
        builder = builder.add_extension(_alternative_names(content.hosts), False)
    for extension in profile.extensions:
        builder = builder.add_extension(extension, False)
    return _signed(builder, issuer)


def authority_certificate(
    subject: x509.Name,
    key: PrivateKey,
    validity: tuple[datetime, datetime],
    issuer: Authority | None,
) -> x509.Certificate:
    """Return the certificate of an authority, self-signed if it has no *issuer*.

    A root may have authorities below it, any other only end entities.
    """
    builder = _builder(subject, key.public_key(), *validity)
    depth = 1 if issuer is None else 0
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=depth), True)
    builder = builder.add_extension(key_usage("key_cert_sign", "crl_sign"), True)
    if issuer is not None:
        return _signed(builder, issuer)
    return builder.issuer_name(subject).sign(key, hashes.SHA256())


def admission_extension(of: AdmissionOf) -> x509.Admissions:
    """Return the extension Admission: who admitted the holder, as what, and the Telematik-ID."""
    profession = x509.ProfessionInfo(
        naming_authority=None,
        profession_items=[of.profession_item] if of.profession_item else [],
        profession_oids=[x509.ObjectIdentifier(of.profession_oid)],
        registration_number=of.telematik_id,
        add_profession_info=None,
    )
    authority = None
    if of.authority is not None:
        authority = x509.DirectoryName(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
                    x509.NameAttribute(NameOID.ORGANIZATION_NAME, of.authority),
                ]
            )
        )
    return x509.Admissions(authority, [x509.Admission(None, None, [profession])])


def _builder(
    subject: x509.Name,
    public_key: PublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(secrets.randbits(SERIAL_BITS) | 1)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    )


def _signed(builder: x509.CertificateBuilder, issuer: Authority) -> x509.Certificate:
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)
    return (
        builder.issuer_name(issuer.certificate.subject)
        .add_extension(issued_by, False)
        .sign(issuer.private_key, hashes.SHA256())
    )


def _ocsp_address() -> x509.AuthorityInformationAccess:
    address = x509.UniformResourceIdentifier(OCSP_URL)
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, address)]
    )


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)
