"""gematik's public test cards: what formats.certificates reads in each of their certificates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.formats import certificates

GEM_OR_CP = "1.2.276.0.76.4.163"
OF_HBA = {"1.2.276.0.76.4.145", "1.3.6.1.4.1.42675.1.1"}
OID = "1.2.276.0.76.4."
HOLDERS = {  # Telematik-ID, professionOID, CN
    "80276001011699900861": ("5-2-KH-APO-Waldesrand-01", "55", "Krankenhausapotheke Am Waldesrand"),
    "80276001011699901102": (
        *("1-2-ARZTPRAXIS-BerndRosenstrauch01", "50"),
        "Arztpraxis Bernd Rosenstrauch",
    ),
    "80276001011699901501": ("1-1-ARZT-AdelheidUlmenwald01", "30", "Arzt Adelheid Ulmenwald"),
}
POLICIES = {
    "C_SMCB_AUT": {GEM_OR_CP, f"{OID}77"},
    "C_SMCB_ENC": {GEM_OR_CP, f"{OID}76"},
    "C_SMCB_OSIG": {GEM_OR_CP, f"{OID}78"},
    "C_HP_AUT": {f"{OID}75", *OF_HBA},
    "C_HP_ENC": {f"{OID}74", *OF_HBA},
    "C_HP_QES": {f"{OID}72", "0.4.0.194112.1.2", *OF_HBA},
}
NAMES = [
    *(
        f"{iccsn}-C_SMCB_{kind}_{key}_X509"
        for iccsn in list(HOLDERS)[:2]
        for kind in ("AUT", "ENC", "OSIG")
        for key in ("E256", "R2048")
    ),
    *(
        f"{list(HOLDERS)[2]}-C_HP_{kind}_{key}"
        for kind in ("AUT", "ENC", "QES")
        for key in ("E256", "R2048")
    ),
]


def test_these_are_all(spec: Callable[[str], Path]) -> None:
    there = {path.name.removesuffix(".crt.pem") for path in spec("certificates").iterdir()}
    assert there == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_official_certificate_is_read(name: str, spec: Callable[[str], Path]) -> None:
    official = x509.load_pem_x509_certificate(spec(f"certificates/{name}.crt.pem").read_bytes())
    iccsn, _, kind = name.partition("-")
    telematik_id, profession, common_name = HOLDERS[iccsn]
    assert certificates.telematik_id(official) == telematik_id
    assert certificates.profession_oids(official) == (OID + profession,)
    assert certificates.common_name(official) == f"{common_name} TEST-ONLY"
    profile = kind.removesuffix("_X509").rpartition("_")[0]
    assert set(certificates.policies(official)) == POLICIES[profile]
    assert certificates.is_ecc(official) == ("E256" in kind)
    key = certificates.public_key(official)
    if isinstance(key, ec.EllipticCurvePublicKey):
        assert key.curve.name == "brainpoolP256r1"
    found = certificates.certificate_id(official)
    assert found.serial == official.serial_number
    assert found.issuer == official.issuer.public_bytes()
