"""Putting own test cards into a world: their objects beside those that are made here.

Keys are copied out of the PKCS#12 files into PEM files that only their owner can read, so that no
process needs a password. Konnektoren trust the issuing authorities as a TSL would list them. The
responders that the certificates name cannot be reached: the world's own responder answers for
exactly these certificates, and Konnektoren list its signers, as a TSL lists responders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.formats.certificates import is_ecc

from .authorities import SMCB_CA
from .cards import CardFile, ObjectFiles
from .own_pkcs12 import OwnObject
from .profiles import CARD_PROFILES, KeyKind
from .request import HBAX, CardType, Crypt, Reference
from .store import make_private_directory, write_private
from .tree import OCSP_SIGNERS, PkiTree
from .trust import Trust

Objects = Mapping[tuple[Reference, Crypt], OwnObject]


@dataclass(frozen=True)
class OwnCard:
    """A card of the tree and the objects that take the place of some of its own."""

    type: CardType
    iccsn: str
    objects: Objects

    def holder(self) -> str | None:
        """Return the common name in the first of the certificates."""
        names = next(iter(self.objects.values())).certificate.subject.get_attributes_for_oid(
            x509.NameOID.COMMON_NAME
        )
        return str(names[0].value) if names else None


def add_own_cards(
    tree: PkiTree,
    cards: Sequence[OwnCard],
    authorities: Iterable[x509.Certificate],
    directory: Path,
) -> PkiTree:
    """Write *cards* and the trust in *authorities* into the new *directory*.

    Returns *tree* with both. *authorities* may hold others than those that issued the cards, and
    certificates that are none, which are left out.
    """
    make_private_directory(directory)
    trusted = Trust(authorities).authorities
    for card in cards:
        _write_card(tree, card, directory / "cards" / card.iccsn)
    pem = b"".join(authority.public_bytes(Encoding.PEM) for authority in trusted)
    write_private(directory / "trust.pem", tree.trust.read_bytes() + pem)
    _write_ocsp(tree, cards, trusted, directory)
    return replace(tree, own=directory, own_iccsns=frozenset(card.iccsn for card in cards))


def _write_card(tree: PkiTree, card: OwnCard, folder: Path) -> None:
    """Write card.json: own objects beside it, the others where the tree has them."""
    make_private_directory(folder)
    path = tree.card(card.iccsn)
    made = CardFile.model_validate_json(path.read_bytes())
    objects = [
        _own_files(own, folder)
        if (own := card.objects.get((files.reference, files.crypt)))
        else _elsewhere(files, path.parent)
        for files in made.objects
    ]
    known = {(files.reference, files.crypt) for files in made.objects}
    objects += [_own_files(own, folder) for key, own in card.objects.items() if key not in known]
    content = made.model_copy(update={"objects": objects, "holder": card.holder() or made.holder})
    text = content.model_dump_json(indent=1, exclude_none=True)
    write_private(folder / "card.json", text.encode())


def _elsewhere(files: ObjectFiles, folder: Path) -> ObjectFiles:
    assert files.certificate is not None
    assert files.key is not None
    changed = {"certificate": folder / files.certificate, "key": folder / files.key}
    return files.model_copy(update=changed)


def _own_files(own: OwnObject, folder: Path) -> ObjectFiles:
    name = f"{own.reference}.{own.crypt}"
    pem = own.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(folder / f"{name}.key.pem", pem)
    write_private(folder / f"{name}.crt.pem", own.certificate.public_bytes(Encoding.PEM))
    return ObjectFiles(
        reference=own.reference,
        crypt=own.crypt,
        certificate=Path(f"{name}.crt.pem"),
        key=Path(f"{name}.key.pem"),
    )


def _write_ocsp(
    tree: PkiTree,
    cards: Sequence[OwnCard],
    authorities: Sequence[x509.Certificate],
    directory: Path,
) -> None:
    """Write the index for the responder: own certificates whose issuer is known."""
    folder = directory / "ocsp"
    make_private_directory(folder)
    trust = Trust(authorities)
    names: dict[x509.Certificate, str] = {}
    index: list[dict[str, Any]] = []
    signers: list[bytes] = []
    for card in cards:
        for own in card.objects.values():
            issuer = trust.issuer_of(own.certificate)
            if issuer is None:
                continue
            if issuer not in names:
                names[issuer] = f"OWN-CA{len(names) + 1}"
                signers.append(_write_authority(tree, folder, names[issuer], issuer))
            index.append(_index_entry(card, own, names[issuer]))
    if signers:
        write_private(directory / OCSP_SIGNERS, b"".join(signers))
    content = {"authorities": list(names.values()), "certificates": index}
    write_private(folder / "index.json", json.dumps(content, indent=1, ensure_ascii=False).encode())


def _write_authority(tree: PkiTree, folder: Path, name: str, issuer: x509.Certificate) -> bytes:
    """Write who answers for *issuer*: the signer of our SMC-B authority with the same kind of key.

    Returns the signer's certificate.
    """
    ours = SMCB_CA[KeyKind.BRAINPOOL if is_ecc(issuer) else KeyKind.RSA]
    ocsp = tree.directory / "ocsp"
    signer = (ocsp / f"{ours}.crt.pem").read_bytes()
    write_private(folder / f"{name}.crt.pem", signer)
    write_private(folder / f"{name}.key.pem", (ocsp / f"{ours}.key.pem").read_bytes())
    write_private(folder / f"{name}.ca.pem", issuer.public_bytes(Encoding.PEM))
    return signer


def _index_entry(card: OwnCard, own: OwnObject, authority: str) -> dict[str, Any]:
    certificate = own.certificate
    return {
        "serial": str(certificate.serial_number),
        "authority": authority,
        "profile": CARD_PROFILES["HBA" if card.type in HBAX else "SMC-B"][own.reference].name,
        "crypt": own.crypt,
        "iccsn": card.iccsn,
        "subject": certificate.subject.rfc4514_string(),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    }
