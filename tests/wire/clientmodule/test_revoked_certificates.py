"""What the client module makes of certificates that the Konnektor finds revoked."""

from __future__ import annotations

import smtplib
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from simulators.formats.dsn import read_report
from tests.clientmodule_changes import revoke, revoke_encryption

if TYPE_CHECKING:
    from tests.clientmodule_world import World


@pytest.mark.requirement("KOM-LE-A_2024-01", "KOM-LE-A_2176")
def test_recipient_with_revoked_certificates_is_left_out(kim: World) -> None:
    """3.3.4.1.1: EncryptDocument refuses, the invalid ones are found, the others get the mail."""
    kim.send("praxis", "kasse", "person")  # the certificates are known from now on
    for name in ("kasse", "person"):
        kim.stored(name, 1)
    revoke_encryption(kim, "kasse")
    for name in ("praxis", "kasse", "person"):
        kim.ask(kim.provider(name), "DELETE", f"/mailboxes/{kim.address(name)}")
    kim.ask(kim.konnektor("praxis"), "POST", "/reset")  # its OCSP cache
    mail = kim.send("praxis", "kasse", "person")
    kim.stored("person", 1)
    kim.stored("kasse", 0)
    (dsn,) = kim.stored("praxis")
    report = read_report(dsn)
    assert report is not None
    assert [r.address for r in report.reports] == [kim.address("kasse")]
    assert report.headers.get_all("X-KIM-Fehlermeldung") == ["4004"]
    assert report.in_reply_to == mail["Message-ID"]


@pytest.mark.requirement("KOM-LE-A_2075-01")
def test_provider_with_a_revoked_certificate(kim: World) -> None:
    """KOM-LE-A_2075-01: INVALID aborts, the client hears 454."""
    module = kim.endpoints.providers["erst.kim.telematik-test"]
    host, _, port = module.smtp.rpartition(":")
    served = ssl.get_server_certificate((host, int(port)))
    revoke(kim, x509.load_pem_x509_certificate(served.encode()).serial_number)
    with kim.smtp("praxis") as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            smtp.login(*kim.user("praxis"))
        assert refused.value.smtp_code == 454
