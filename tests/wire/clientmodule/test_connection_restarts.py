"""Konnektor and provider are stopped and started again at the same ports."""

from __future__ import annotations

import email
import smtplib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.clientmodule_process import Module, access_to, settings_of

if TYPE_CHECKING:
    from tests.clientmodule_world import World
    from tests.conftest import RunningRole

Start = Callable[[str, dict[str, Any]], "RunningRole"]


def code_of(smtp: smtplib.SMTP, kim: World) -> int:
    try:
        smtp.send_message(kim.mail("praxis", "praxis"))
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    return 250


@pytest.mark.requirement("KOM-LE-A_2076", "KOM-LE-A_2021", "KOM-LE-A_2047-02")
def test_konnektor_stopped_and_started(kim: World, start_role: Start) -> None:
    """451 and 4011 meanwhile; afterwards the same sessions go on: SOAP, LDAP, job numbers."""
    konnektor = start_role("simulators.konnektor", settings_of(kim, "konnektor-praxis"))
    settings = settings_of(kim, "clientmodule-praxis")
    settings["konnektors"]["default"] = access_to(kim, "praxis", konnektor)
    module = Module(kim, start_role("clientmodule", settings))
    with module.smtp() as smtp:
        smtp.login(*kim.user("praxis"))
        assert code_of(smtp, kim) == 250
        kim.stored("praxis", 1)
        pop3 = module.pop3(*kim.pop3_user("praxis"))

        def fetched() -> tuple[str | None, str | None]:
            mail = email.message_from_bytes(b"\r\n".join(pop3.retr(1)[1]))
            return mail["X-KIM-DecryptionResult"], mail["X-KIM-Fehlermeldung"]

        assert fetched() == ("00", None)
        konnektor.stop()
        assert code_of(smtp, kim) == 451
        assert fetched() == ("03", "4011")
        konnektor.restart()
        assert code_of(smtp, kim) == 250
        assert fetched() == ("00", None)
        pop3.quit()
    kim.stored("praxis", 2)


@pytest.mark.requirement("KOM-LE-A_2016", "KOM-LE-A_2015-01", "KOM-LE-A_2039")
def test_provider_stopped_and_started(kim: World, start_role: Start) -> None:
    """Its farewell is passed on, 454 meanwhile; what it had taken is there afterwards, once."""
    provider = start_role("simulators.mailserver", settings_of(kim, "mailserver-erst"))
    module = Module(kim, start_role("clientmodule", settings_of(kim, "clientmodule-praxis")))

    def user(given: tuple[str, str], listener: str) -> tuple[str, str]:
        address, _, *context = given[0].split("#")
        host, port = provider.address(listener)
        return "#".join([address, f"{host}:{port}", *context]), given[1]

    name = user(kim.user("praxis"), "smtp")
    with module.smtp() as smtp:
        smtp.login(*name)
        assert code_of(smtp, kim) == 250
        provider.stop()
        assert smtp.getreply()[0] == 421
        smtp.close()
    with module.smtp() as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            smtp.login(*name)
        assert refused.value.smtp_code == 454
        provider.restart()
        smtp.login(*name)
        assert code_of(smtp, kim) == 250
    pop3 = module.pop3(*user(kim.pop3_user("praxis"), "pop3"))
    assert pop3.stat()[0] == 2
    pop3.quit()
