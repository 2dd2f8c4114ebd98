"""Cards as a Konnektor reads them: certificates and private keys from files, by card.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID
from pydantic import ValidationError, model_validator

from simulators.process.errors import InputError, one_line
from simulators.process.guardrails import refuse_real_trust_anchor
from simulators.process.settings import Settings

from .certificate import PrivateKey
from .request import CardType, Crypt, Generation, Reference

MAX_FILE_BYTES = 1 << 20


class ObjectFiles(Settings):
    """Where the certificate and key of one object lie, relative to card.json.

    Either two PEM files or a PKCS#12 with its password, written here or in a file of its own.
    """

    reference: Reference
    crypt: Crypt
    certificate: Path | None = None
    key: Path | None = None
    pkcs12: Path | None = None
    password: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_form(self) -> ObjectFiles:
        pem = self.certificate is not None and self.key is not None
        if pem == (self.pkcs12 is not None):
            raise ValueError("expected certificate and key, or pkcs12")
        return self


class CardFile(Settings):
    """The content of card.json."""

    type: CardType
    generation: Generation
    iccsn: str
    telematik_id: str = ""
    holder: str
    kvnr: str | None = None
    objects: list[ObjectFiles]


@dataclass(frozen=True)
class CardObject:
    """A certificate of a card and the private key that belongs to it."""

    certificate: x509.Certificate
    private_key: PrivateKey


@dataclass(frozen=True)
class Card:
    """A card: what GetCards says of it, and its objects by certificate reference and crypt.

    C.SIG is the object of C.HCI.OSIG (SMC-B), C.QES that of C.HP.QES (HBA). ``telematik_id`` is
    empty for a patient's card, ``kvnr`` (the insured person's number) is that of an EGK.
    """

    type: CardType
    generation: Generation
    iccsn: str
    telematik_id: str
    holder: str
    objects: dict[tuple[Reference, Crypt], CardObject]
    kvnr: str | None = None


def read_card(path: Path) -> Card:
    """Read the card that the card.json at *path* describes.

    Raises InputError when a file is missing or broken, when a key does not belong to its
    certificate, or when the certificate belongs to the real TI.
    """
    try:
        content = CardFile.model_validate(json.loads(_read(path)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InputError(f"{path}: {where}: {one_line(first['msg'])}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON: {one_line(str(error))}") from None
    objects = {
        (files.reference, files.crypt): _read_object(path.parent, files)
        for files in content.objects
    }
    return Card(
        content.type,
        content.generation,
        content.iccsn,
        content.telematik_id,
        content.holder,
        objects,
        content.kvnr,
    )


def holder_of(certificate: x509.Certificate) -> str:
    """Return the holder's name as a Konnektor shows it: the subject's CN."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _read_object(folder: Path, files: ObjectFiles) -> CardObject:
    if files.pkcs12 is not None:
        shown = folder / files.pkcs12
        certificate, key = _from_pkcs12(shown, _password(folder, files))
    else:
        assert files.certificate is not None
        assert files.key is not None
        shown = folder / files.certificate
        certificate, key = _from_pem(shown, folder / files.key)
    refuse_real_trust_anchor(certificate.issuer.rfc4514_string())
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise InputError(f"{shown}: neither an RSA nor an elliptic curve key")
    if isinstance(key, rsa.RSAPrivateKey) != (files.crypt == "RSA"):
        raise InputError(f"{shown}: the key does not fit crypt {files.crypt}")
    if key.public_key() != certificate.public_key():
        raise InputError(f"{shown}: the private key belongs to another certificate")
    return CardObject(certificate, key)


def _password(folder: Path, files: ObjectFiles) -> str:
    if files.password_file is not None:
        return _read(folder / files.password_file).decode("utf-8", "replace").rstrip("\r\n")
    return files.password or ""


def _from_pem(certificate: Path, key: Path) -> tuple[x509.Certificate, object]:
    try:
        # That the key belongs to the certificate is compared below; the check of its primes
        # takes 40 ms a key and would find nothing that a signature does not.
        return (
            x509.load_pem_x509_certificate(_read(certificate)),
            load_pem_private_key(_read(key), None, unsafe_skip_rsa_key_validation=True),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{certificate}: not readable: {one_line(str(error))}") from None


def _from_pkcs12(path: Path, password: str) -> tuple[x509.Certificate, object]:
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(_read(path), password.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: not readable as PKCS#12: {one_line(str(error))}") from None
    if key is None or certificate is None:
        raise InputError(f"{path}: holds no private key with its certificate")
    return certificate, key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {one_line(str(error))}") from None
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    return content
