"""A Konnektor under load, each figure beside the bare operation.

Where the machine has two cores the Konnektor (or the bare server) has the last one for itself and
the caller the others. Calls go over TLS with client certificates, as the default is.
"""

from __future__ import annotations

import base64
import itertools
import os
import re
import statistics
import tempfile
from pathlib import Path

import psutil

from tests.konnektor_site import PATHS, SMCB, Site, context, document, envelope

from . import bare
from .running_konnektor import (
    client_tls,
    cpu_seconds,
    forget_peak,
    peak_memory,
    running_echo,
    running_konnektor,
)
from .soap_load import Target, in_parallel, one_by_one

LISTED_CALLS, LISTING_CONNECTIONS = 12_000, 8
SMALL, SMALL_CALLS = 10_000, 150
LARGE, LARGE_CALLS = 15 << 20, 3
MIXED_CALLS, MIXED_CONNECTIONS = 10_000, 16
WARM_CALLS = 8_000
"""With those before it is as many as a journal keeps: its growth is no leak."""


def figures() -> dict[str, float]:
    """Measure all of it; return the figures by their names in ``build/bench.json``."""
    with (
        tempfile.TemporaryDirectory(prefix="kimulator-bench-") as directory,
        running_konnektor(Path(directory)) as site,
    ):
        measured = Measured(site)
        return {
            **measured.listing(),
            **measured.signing(),
            **measured.decrypting(),
            **measured.encrypting(),
            **measured.mixed(),
        }


class Measured:
    """A running Konnektor, its process and what it is asked."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._process = psutil.Process(site.role.process.pid)
        self._handle = site.handle(SMCB)
        self._jobs = itertools.count()
        self._target = Target(*site.role.address("soap"), client_tls(site.pki))

    def listing(self) -> dict[str, float]:
        """GetCards beside a bare aiohttp server that gives an answer of the same size."""
        cards = self._target.request(PATHS["EVT"], _get_cards())
        _, answer = one_by_one(self._target, [cards])
        before = cpu_seconds(self._process)
        seconds = in_parallel(self._target, [cards], LISTED_CALLS, LISTING_CONNECTIONS)
        used = cpu_seconds(self._process) - before
        with running_echo(len(answer), self._process.pid) as echo:
            bare_seconds = in_parallel(echo, [cards], LISTED_CALLS, LISTING_CONNECTIONS)
        return {
            "konnektor_get_cards_per_second": round(LISTED_CALLS / seconds, 1),
            "konnektor_get_cards_cpu_us": round(used / LISTED_CALLS * 1e6, 1),
            "konnektor_get_cards_bare_per_second": round(LISTED_CALLS / bare_seconds, 1),
            "konnektor_get_cards_ratio": round(bare_seconds / seconds, 3),
        }

    def signing(self) -> dict[str, float]:
        """SignDocument of 10 KB, CAdES, beside one signature."""
        content = document(os.urandom(SMALL), "application/octet-stream")
        taken = {
            crypt: self._p50([self._sign(content, crypt) for _ in range(SMALL_CALLS)])
            for crypt in ("ecc", "rsa")
        }
        return _beside("sign", taken, bare.sign_seconds(SMALL))

    def decrypting(self) -> dict[str, float]:
        """DecryptDocument of 10 KB beside one key opened and one AES-256-GCM."""
        taken = {}
        for crypt in ("ecc", "rsa"):
            encrypt = self._encrypt(os.urandom(SMALL), crypt)
            _, answer = one_by_one(self._target, [encrypt])
            taken[crypt] = self._p50([self._decrypt(_base64_data(answer))] * SMALL_CALLS)
        return _beside("decrypt", taken, bare.decrypt_seconds(SMALL))

    def encrypting(self) -> dict[str, float]:
        """EncryptDocument of 15 MiB beside one AES-256-GCM: seconds, and MB above idle."""
        request = self._encrypt(os.urandom(LARGE), "ecc")
        idle = self._process.memory_info().rss
        forget_peak(self._process.pid)
        taken, _ = one_by_one(self._target, [request] * LARGE_CALLS)
        peak = peak_memory(self._process.pid)
        seconds, alone = statistics.median(taken), bare.encrypt_seconds(LARGE)
        return {
            "konnektor_encrypt_15_mib_seconds": round(seconds, 3),
            "konnektor_encrypt_15_mib_bare_seconds": round(alone, 3),
            "konnektor_encrypt_15_mib_ratio": round(seconds / alone, 1),
            "konnektor_encrypt_15_mib_mb_above_idle": round((peak - idle) / 1e6, 1),
        }

    def mixed(self) -> dict[str, float]:
        """Calls of all kinds at once: none unanswered, nothing left behind."""
        in_parallel(self._target, self._mixture(WARM_CALLS), WARM_CALLS, MIXED_CONNECTIONS)
        requests = self._mixture(MIXED_CALLS)
        before = self._holds()
        seconds = in_parallel(self._target, requests, MIXED_CALLS, MIXED_CONNECTIONS)
        after = self._holds()
        if (after[1] > before[1]) or (after[2] > before[2]):
            raise SystemExit(f"descriptors and threads grew from {before[1:]} to {after[1:]}")
        return {
            "konnektor_mixed_calls_per_second": round(MIXED_CALLS / seconds, 1),
            "konnektor_mixed_growth_mb": round((after[0] - before[0]) / 1e6, 1),
        }

    def _mixture(self, calls: int) -> list[bytes]:
        """Return requests of eight kinds in turn."""
        content = os.urandom(SMALL)
        encrypt = self._encrypt(content, "ecc")
        _, answer = one_by_one(self._target, [encrypt])
        handle = f"<CONN:CardHandle>{self._handle}</CONN:CardHandle>"
        get_cards = self._target.request(PATHS["EVT"], _get_cards())
        inner = f"{context()}{handle}<CARDCMN:PinTyp>PIN.SMC</CARDCMN:PinTyp>"
        status = envelope(f"<CARD:GetPinStatus>{inner}</CARD:GetPinStatus>")
        inner = f"{handle}{context()}<CERT:CertRefList><CERT:CertRef>C.ENC</CERT:CertRef>"
        certificate = envelope(
            f"<CERT:ReadCardCertificate>{inner}</CERT:CertRefList></CERT:ReadCardCertificate>"
        )
        job = envelope(f"<SIG:GetJobNumber>{context()}</SIG:GetJobNumber>")
        signed = document(content, "application/octet-stream")
        kinds = [
            get_cards,
            self._target.request(PATHS["CARD"], status),
            self._target.request(PATHS["CERT"], certificate),
            self._target.request(PATHS["SIG"], job),
            get_cards,
            encrypt,
            self._decrypt(_base64_data(answer)),
        ]
        return [
            self._sign(signed, "ecc") if number % 8 == 0 else kinds[number % 8 - 1]
            for number in range(calls)
        ]

    def _holds(self) -> tuple[int, int, int]:
        """Return memory in bytes, descriptors and threads."""
        process = self._process
        return process.memory_info().rss, process.num_fds(), process.num_threads()

    def _p50(self, requests: list[bytes]) -> float:
        taken, _ = one_by_one(self._target, requests)
        return statistics.median(taken)

    def _sign(self, content: str, crypt: str) -> bytes:
        inner = (
            f"<CONN:CardHandle>{self._handle}</CONN:CardHandle>"
            f"<SIG:Crypt>{crypt.upper()}</SIG:Crypt>{context()}<SIG:TvMode>NONE</SIG:TvMode>"
            f"<SIG:JobNumber>{self._job()}</SIG:JobNumber>"
            '<SIG:SignRequest RequestID="r1"><SIG:OptionalInputs><dss:SignatureType>'
            "urn:ietf:rfc:5652</dss:SignatureType></SIG:OptionalInputs>"
            f"{content}<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>"
            "</SIG:SignRequest>"
        )
        body = envelope(f"<SIG:SignDocument>{inner}</SIG:SignDocument>")
        return self._target.request(PATHS["SIG"], body)

    def _job(self) -> str:
        """Return a JobNumber that was not used in the last 1,000 calls."""
        number = next(self._jobs)
        return f"TS{chr(ord('A') + number // 1000 % 26)}-{number % 1000:03d}"

    def _encrypt(self, content: bytes, crypt: str) -> bytes:
        data = base64.b64encode(content).decode()
        return self._crypt(
            "EncryptDocument",
            "<CRYPT:RecipientKeys><CRYPT:CertificateOnCard>"
            f"<CONN:CardHandle>{self._handle}</CONN:CardHandle>"
            f"<CRYPT:Crypt>{crypt.upper()}</CRYPT:Crypt>"
            f"</CRYPT:CertificateOnCard></CRYPT:RecipientKeys>{_document(data)}"
            "<CRYPT:OptionalInputs><CRYPT:EncryptionType>urn:ietf:rfc:5652"
            "</CRYPT:EncryptionType></CRYPT:OptionalInputs>",
        )

    def _decrypt(self, data: str) -> bytes:
        return self._crypt(
            "DecryptDocument",
            f"<CRYPT:PrivateKeyOnCard><CONN:CardHandle>{self._handle}</CONN:CardHandle>"
            f"</CRYPT:PrivateKeyOnCard>{_document(data)}",
        )

    def _crypt(self, operation: str, inner: str) -> bytes:
        body = envelope(f"<CRYPT:{operation}>{context()}{inner}</CRYPT:{operation}>")
        return self._target.request(PATHS["CRYPT"], body)


def _get_cards() -> bytes:
    return envelope(f"<EVT:GetCards>{context()}</EVT:GetCards>")


def _document(data: str) -> str:
    return f"<CONN:Document><dss:Base64Data>{data}</dss:Base64Data></CONN:Document>"


def _base64_data(answer: bytes) -> str:
    found = re.search(rb"Base64Data[^>]*>([^<]+)<", answer)
    assert found
    return found.group(1).decode()


def _beside(name: str, taken: dict[str, float], alone: dict[str, float]) -> dict[str, float]:
    """Return p50, the bare operation's and the difference in milliseconds, by kind of key."""
    found = {}
    for crypt, seconds in taken.items():
        found[f"konnektor_{name}_{crypt}_p50_ms"] = round(seconds * 1e3, 2)
        found[f"konnektor_{name}_{crypt}_bare_ms"] = round(alone[crypt] * 1e3, 2)
        found[f"konnektor_{name}_{crypt}_beyond_ms"] = round((seconds - alone[crypt]) * 1e3, 2)
    return found
