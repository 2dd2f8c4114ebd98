"""The directory of certificates that a world is given: fixed names below one path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulators.process.settings import TlsIdentity

OCSP_SIGNERS = "ocsp-signers.pem"


@dataclass(frozen=True)
class Pkcs12File:
    """A PKCS#12 file, the file beside it that holds its password, and its certificate's hash.

    ``fingerprint`` is the SHA-256 of the certificate's DER in lower-case hex: what a Konnektor's
    settings name to let a Clientsystem in.
    """

    path: Path
    password_path: Path
    fingerprint_path: Path

    @property
    def password(self) -> str:
        """The password, read from its file."""
        return self.password_path.read_text(encoding="ascii")

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256 in hex, read from its file."""
        return self.fingerprint_path.read_text(encoding="ascii")


@dataclass(frozen=True)
class PkiTree:
    """The certificates of one request, made by ``issue``; never changed afterwards.

    ``own`` is the directory of own test cards, where there are any: it holds the files of the
    cards ``own_iccsns``, trust and the index for the OCSP responder (``own_cards``).
    """

    directory: Path
    own: Path | None = None
    own_iccsns: frozenset[str] = frozenset()

    @property
    def ca(self) -> Path:
        """What TLS clients trust: TEST-ONLY roots and component CAs."""
        return self.directory / "ca.pem"

    @property
    def roots(self) -> Path:
        """The TEST-ONLY roots alone."""
        return self.directory / "roots.pem"

    @property
    def trust(self) -> Path:
        """What a Konnektor trusts: the CAs that issue cards and TLS certificates, and the roots."""
        return (self.own or self.directory) / "trust.pem"

    @property
    def own_ocsp(self) -> Path | None:
        """The index of own test cards, for the OCSP responder."""
        return None if self.own is None else self.own / "ocsp"

    @property
    def ocsp_signers(self) -> Path | None:
        """Who signs OCSP answers about own test cards, to be listed by a Konnektor.

        None where nothing can be answered, for no issuer of an own certificate is known.
        """
        if self.own is None or not (self.own / OCSP_SIGNERS).is_file():
            return None
        return self.own / OCSP_SIGNERS

    @property
    def provider_ca(self) -> Path:
        """Trust for client certificates at a provider: C.CM.TLS-CS and C.FD.TLS-C."""
        return self.directory / "provider-ca.pem"

    @property
    def provider_authority(self) -> TlsIdentity:
        """Certificate and key of the authority in whose name createCert issues C.CM.TLS-CS."""
        base = self.directory / "provider-authority"
        return TlsIdentity(
            certificate=base.with_suffix(".crt.pem"), key=base.with_suffix(".key.pem")
        )

    @property
    def clients_ca(self) -> Path:
        """Trust for the Clientsysteme's certificates at their Konnektor."""
        return self.directory / "clients-ca.pem"

    def card(self, iccsn: str) -> Path:
        """Return the path of the card's card.json, to be read with ``read_card``."""
        base = self.own if self.own is not None and iccsn in self.own_iccsns else self.directory
        return base / "cards" / iccsn / "card.json"

    def tls(self, name: str) -> TlsIdentity:
        """Return the TLS identity *name*: certificate with its CA, and key."""
        folder = self.directory / "tls"
        return TlsIdentity(certificate=folder / f"{name}.crt.pem", key=folder / f"{name}.key.pem")

    def terminal(self, name: str) -> Path:
        """Return the certificate on the gSMC-KT of the card terminal *name*."""
        return self.directory / "terminals" / f"{name}.crt.pem"

    def client(self, name: str) -> Pkcs12File:
        """Return the client certificate of the Clientsystem *name*."""
        return self._pkcs12("clients", name)

    def kim_certificate(self, participant: str) -> Pkcs12File:
        """Return the certificate C.CM.TLS-CS of *participant*."""
        return self._pkcs12("kim", participant)

    def _pkcs12(self, folder: str, name: str) -> Pkcs12File:
        base = self.directory / folder
        return Pkcs12File(
            base / f"{name}.p12", base / f"{name}.password", base / f"{name}.fingerprint"
        )
