"""Writing a tree of certificates: authorities first, then what they issue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from .authorities import (
    AUTHORITIES,
    AUTHORITY_VALIDITY,
    OCSP_CAS,
    PROVIDER_CA,
    TRUST_FILES,
    AuthorityPlan,
)
from .cards import CardFile, ObjectFiles
from .certificate import Authority, PublicKey, authority_certificate, end_entity
from .pkcs12 import new_password, pkcs12_file
from .plan import Form, Item
from .profiles import OCSP_SIGNER
from .request import TEST_ONLY, CardRequest
from .store import Store, StoredKey, make_private_directory, write_private
from .subjects import authority_subject

_SHORT_NAMES = {
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "GN",
    NameOID.POSTAL_CODE: "postalCode",
}


def fingerprint(*parts: bytes | str) -> str:
    """Return the SHA-256 in hex over *parts*, each told from the next by its length."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class TreeWriter:
    """Writes one tree into a new *directory*, with keys and certificates from *store*."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._authorities: dict[str, Authority] = {}
        self._index: list[dict[str, Any]] = []

    def write(self, cards: Sequence[CardRequest], items: Sequence[Item]) -> None:
        """Write every file of the tree but its manifest."""
        make_private_directory(self._directory)
        wanted = {f"ca/{authority.name}": authority.kind for authority in AUTHORITIES}
        wanted |= {item.path: item.kind for item in items}
        keys = self._store.keys(wanted)
        for authority in AUTHORITIES:
            self._make_authority(authority, keys[f"ca/{authority.name}"])
        for file, names in TRUST_FILES.items():
            self._put(file, b"".join(self._pem_of(name) for name in names))
        self._put("provider-authority.crt.pem", self._pem_of(PROVIDER_CA))
        self._put("provider-authority.key.pem", keys[f"ca/{PROVIDER_CA}"].pem)
        for item in items:
            self._write_item(item, keys[item.path])
        for card in cards:
            self._write_card(card, items)
        self._write_ocsp(keys)

    def _make_authority(self, authority: AuthorityPlan, stored: StoredKey) -> None:
        key = stored.private_key
        subject = authority_subject(authority.common_name, authority.unit)
        issuer = self._authorities[authority.issuer] if authority.issuer else None
        signer = issuer.private_key if issuer else key
        certificate = self._store.certificate(
            fingerprint(
                "authority",
                subject.public_bytes(),
                _spki(key.public_key()),
                _spki(signer.public_key()),
            ),
            partial(authority_certificate, subject, key, AUTHORITY_VALIDITY, issuer),
        )
        self._authorities[authority.name] = Authority(certificate, key)

    def _write_item(self, item: Item, stored: StoredKey) -> None:
        issuer = self._authorities[item.issuer]
        key = stored.private_key
        certificate = self._store.certificate(
            fingerprint(
                repr(item.content),
                _spki(key.public_key()),
                issuer.certificate.public_bytes(Encoding.DER),
            ),
            partial(end_entity, item.content, key.public_key(), issuer),
        )
        if item.form is Form.PKCS12:
            self._write_pkcs12(item, stored, certificate)
        else:
            chain = self._pem_of(item.issuer) if item.form is Form.PEM_WITH_ISSUER else b""
            self._put(f"{item.path}.crt.pem", certificate.public_bytes(Encoding.PEM) + chain)
            self._put(f"{item.path}.key.pem", stored.pem)
        if item.issuer in OCSP_CAS and item.content.profile is not OCSP_SIGNER:
            self._index.append(_index_entry(item, certificate))

    def _write_pkcs12(self, item: Item, stored: StoredKey, certificate: x509.Certificate) -> None:
        password = new_password()
        content = pkcs12_file(
            item.file_name,
            stored.private_key,
            certificate,
            [self._authorities[item.issuer].certificate],
            password,
        )
        self._put(f"{item.path}.p12", content)
        self._put(f"{item.path}.password", password.encode())
        self._put(f"{item.path}.fingerprint", _sha256(certificate).encode())

    def _write_card(self, card: CardRequest, items: Sequence[Item]) -> None:
        objects = [
            ObjectFiles(
                reference=item.card_object.reference,
                crypt=item.card_object.crypt,
                certificate=Path(f"{item.file_name}.crt.pem"),
                key=Path(f"{item.file_name}.key.pem"),
            )
            for item in items
            if item.card_object is not None and item.card_object.iccsn == card.iccsn
        ]
        content = CardFile(
            type=card.type,
            generation=card.generation,
            iccsn=card.iccsn,
            telematik_id=card.telematik_id or "",
            kvnr=card.kvnr,
            holder="" if card.type == "UNKNOWN" else card.common_name + TEST_ONLY,
            objects=objects,
        )
        text = content.model_dump_json(indent=1, exclude_none=True)
        self._put(f"cards/{card.iccsn}/card.json", text.encode())

    def _write_ocsp(self, keys: Mapping[str, StoredKey]) -> None:
        """Write the responder's index; its signers' files are there already."""
        for name in OCSP_CAS:
            assert f"ocsp/{name}" in keys
            self._put(f"ocsp/{name}.ca.pem", self._pem_of(name))
        content = {"authorities": list(OCSP_CAS), "certificates": self._index}
        self._put("ocsp/index.json", json.dumps(content, indent=1, ensure_ascii=False).encode())

    def _pem_of(self, authority: str) -> bytes:
        return self._authorities[authority].certificate.public_bytes(Encoding.PEM)

    def _put(self, name: str, content: bytes) -> None:
        path = self._directory / name
        if not path.parent.is_dir():
            make_private_directory(path.parent)
        write_private(path, content)


def _index_entry(item: Item, certificate: x509.Certificate) -> dict[str, Any]:
    of = item.card_object
    return {
        "serial": str(certificate.serial_number),
        "authority": item.issuer,
        "profile": item.content.profile.name,
        "crypt": of.crypt if of else None,
        "iccsn": of.iccsn if of else None,
        "subject": certificate.subject.rfc4514_string(_SHORT_NAMES),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sha256": _sha256(certificate),
    }


def _sha256(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _spki(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
