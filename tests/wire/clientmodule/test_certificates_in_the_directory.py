"""What the client module makes of the encryption certificates that the directory names."""

from __future__ import annotations

import base64
import smtplib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.formats import enveloped_data, komle
from simulators.formats.certificates import certificate_id
from simulators.formats.dsn import DeliveryReport, read_report

if TYPE_CHECKING:
    from tests.clientmodule_world import World


def certificates(kim: World, participant: str, reference: str = "C.ENC") -> list[x509.Certificate]:
    return [one.certificate for one in kim.certificates(participant, reference).values()]


def publish(kim: World, participant: str, *published: x509.Certificate) -> None:
    """Have the directory name *published* for the participant until the test ends."""
    assert kim.endpoints.vzd is not None
    control, address = kim.endpoints.vzd.control, kim.address(participant)
    listed = kim.ask(control, "GET", "/entries")["entries"]
    (entry,) = [one for one in listed if address in one["attributes"].get("mail", [])]
    given = {name: values for name, values in entry["attributes"].items() if name in WRITABLE}
    content = {
        "attributes": given,
        "certificates": [
            base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in published
        ],
    }
    kim.ask(control, "PUT", f"/entries/{entry['uid']}", content)


WRITABLE = (
    "telematikID",
    "professionOID",
    "entryType",
    "displayName",
    "mail",
    "komLeData",
    "kimData",
)


def reported(kim: World) -> DeliveryReport:
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    return report


@pytest.mark.requirement("KOM-LE-A_2178", "KOM-LE-A_2192-01", "A_20650-05")
def test_two_telematik_ids_for_one_recipient(kim: World) -> None:
    """KOM-LE-A_2178, 2192-01: the others get the mail, the DSN says 4005."""
    publish(kim, "kasse", *certificates(kim, "kasse"), *certificates(kim, "eilig"))
    kim.send("praxis", "kasse", "person")
    kim.stored("person", 1)
    kim.stored("kasse", 0)
    report = reported(kim)
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4005"]
    assert [(r.address, r.action) for r in report.reports] == [(kim.address("kasse"), "failed")]


def of_nobody() -> x509.Certificate:
    """Return a certificate C.HCI.ENC that names no holder by a Telematik-ID."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Niemand")])
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.276.0.76.4.76"), None)
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
        .sign(key, hashes.SHA256())
    )


@pytest.mark.requirement("A_20650-05", "KOM-LE-A_2176")
@pytest.mark.parametrize("with_others", [False, True])
def test_recipient_without_telematik_id(kim: World, with_others: bool) -> None:
    """A_20650-05: nobody can tell whose the key is; the others get the mail, the DSN says 4003."""
    publish(kim, "kasse", of_nobody(), *(certificates(kim, "kasse") if with_others else ()))
    kim.send("praxis", "kasse", "person")
    kim.stored("person", 1)
    kim.stored("kasse", 0)
    assert reported(kim).headers.get_all("X-KIM-Fehlermeldung") == ["4003"]


@pytest.mark.requirement("KOM-LE-A_2025", "KOM-LE-A_2178")
def test_only_recipient_with_two_telematik_ids(kim: World) -> None:
    """KOM-LE-A_2025, 2178."""
    publish(kim, "kasse", *certificates(kim, "kasse"), *certificates(kim, "eilig"))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        kim.send("praxis", "kasse")
    assert refused.value.smtp_code == 451
    kim.stored("kasse", 0)


@pytest.mark.requirement("KOM-LE-A_2023", "KOM-LE-A_2128")
def test_only_encryption_certificates_are_used(kim: World) -> None:
    """KOM-LE-A_2128: C.HCI.ENC and C.HP.ENC; C.HCI.AUT, which could be encrypted for, is not."""
    publish(kim, "kasse", *certificates(kim, "kasse", "C.AUT"), *certificates(kim, "kasse"))
    kim.send("praxis", "kasse")
    (stored,) = kim.stored("kasse")
    encrypted_for = set(enveloped_data.read(komle.encrypted_cms(stored)).recipients)
    ours = {certificate_id(c) for name in ("praxis", "kasse") for c in certificates(kim, name)}
    assert encrypted_for <= ours


@pytest.mark.requirement("KOM-LE-A_2024-01", "KOM-LE-A_2128")
def test_recipient_with_other_certificates_only(kim: World) -> None:
    publish(kim, "kasse", *certificates(kim, "kasse", "C.AUT"))
    kim.send("praxis", "kasse", "person")
    assert reported(kim).headers.get_all("X-KIM-Fehlermeldung") == ["4004"]
    kim.stored("kasse", 0)
