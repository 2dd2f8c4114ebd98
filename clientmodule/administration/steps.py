"""The single steps of the command: what they ask, do and show (A_21396)."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, reason

from . import texts
from .account_data import OutOfOffice
from .account_manager import Login
from .administration import Administration, Place
from .assistant import Assistant
from .dialogue import Dialogue
from .overview import account_lines, day, note_lines, overview_lines
from .secret_files import read_secret

MAX_PKCS12 = 1 << 18


@dataclass(frozen=True)
class Step:
    """What a step works with: the assistant's questions, and the arguments."""

    assistant: Assistant
    given: argparse.Namespace

    @property
    def administration(self) -> Administration:
        """The steps themselves."""
        return self.assistant.administration

    @property
    def dialogue(self) -> Dialogue:
        """The person who is asked."""
        return self.assistant.dialogue

    def say(self, *lines: str) -> None:
        """Show lines."""
        for line in lines:
            self.dialogue.say(line)

    def secret(self, question: str, argument: str) -> str:
        """Return a password: of the file that *argument* names, or asked."""
        file: Path | None = getattr(self.given, argument)
        option = "--" + argument.replace("_", "-")
        return read_secret(file) or self.dialogue.secret(question, option)

    def switch(self) -> bool:
        """Return on or off."""
        if self.given.on is None:
            return self.dialogue.confirm("Einschalten?")
        return bool(self.given.on)

    def agreed(self, text: str, question: str) -> bool:
        """Show *text* and return whether the person goes on."""
        self.say(text)
        if self.dialogue.confirm(question):
            return True
        self.say("Es wurde nichts geändert.")
        return False

    async def who(self) -> tuple[Place, str, Login]:
        """Return place, card and login."""
        place = await self.assistant.place()
        card = await self.assistant.card(place)
        return place, card.card.iccsn, Login(self.assistant.address(), self.assistant.password())


async def konnektor_test(step: Step) -> None:
    """Test Konnektor and call context."""
    await step.assistant.place()


async def cards(step: Step) -> None:
    """Show the cards that can prove who asks."""
    found = await step.administration.cards(await step.assistant.place())
    step.say(*(f"{one.card.type} {one.card.iccsn}  {one.holder}" for one in found))


async def certificate(step: Step) -> None:
    """Fetch a new certificate."""
    expires = await step.administration.fetch_certificate(*await step.who())
    step.say(f"Das Zertifikat ist abgelegt und gilt bis {day(expires)}.")


async def import_pkcs12(step: Step) -> None:
    """Import a PKCS#12 file (A_18783)."""
    file = step.given.pkcs12 or Path(step.dialogue.ask("PKCS#12-Datei", "--pkcs12"))
    try:
        content = read_bounded(file, MAX_PKCS12)
    except OSError as error:
        raise InputError(f"{file}: {reason(error)}") from None
    address = step.assistant.address()
    password = step.secret("Passwort der PKCS#12-Datei", "pkcs12_password_file")
    expires = await step.administration.import_certificate(address, content, password)
    step.say(f"Das Zertifikat ist abgelegt und gilt bis {day(expires)}.")


async def account(step: Step) -> None:
    """Show the account."""
    step.say(*account_lines(await step.administration.account(*await step.who())))


async def password(step: Step) -> None:
    """Change the password."""
    who = await step.who()
    new = read_secret(step.given.new_password_file) or step.dialogue.new_secret(
        "Neues Passwort", "--new-password-file"
    )
    await step.administration.change_password(*who, new)
    step.say("Das Passwort ist geändert.")


async def large_mails(step: Step) -> None:
    """Enable or disable large mails, with the warning (A_23505)."""
    enabled = step.switch()
    if enabled and not step.agreed(texts.LARGE_MAILS, "Große Nachrichten einschalten?"):
        return
    version = await step.administration.set_large_mails(
        *await step.who(), enabled=enabled, confirmed=enabled
    )
    step.say(f"Die KIM-Version des Kontos ist jetzt {version}.")


async def deregister(step: Step) -> None:
    """Deregister, with what follows from it (A_19464-03)."""
    if not step.agreed(texts.DEREGISTRATION, "Das Konto wirklich deregistrieren?"):
        return
    until = await step.administration.deregister(*await step.who(), confirmed=True)
    end = "" if until is None else f"; Abholen ist möglich bis {day(until)}"
    step.say(f"Das Konto ist deregistriert{end}.")


async def revoke(step: Step) -> None:
    """Take the deregistration back."""
    await step.administration.revoke(*await step.who())
    step.say("Die Deregistrierung ist zurückgenommen.")


async def out_of_office(step: Step) -> None:
    """Show or change the out-of-office note (A_21380)."""
    who = await step.who()
    given = step.given
    if (given.on, given.message, given.start, given.end) == (None,) * 4:
        note = await step.administration.out_of_office(*who)
    else:
        wanted = OutOfOffice(
            start=given.start, end=given.end, message=given.message, active=given.on is not False
        )
        note = await step.administration.set_out_of_office(*who, wanted)
    step.say(*note_lines(note))


async def otp(step: Step) -> None:
    """Ask for a one-time password for porting."""
    found = await step.administration.one_time_password(*await step.who())
    step.say(f"Einmalpasswort: {found}", texts.OTP)


async def port(step: Step) -> None:
    """Give the address to the chosen card."""
    who = await step.who()
    await step.administration.port(*who, step.secret("Einmalpasswort", "otp_file"))
    step.say(f"Die Adresse {who[2].address} gehört jetzt zur gewählten Karte.")


async def overview(step: Step) -> None:
    """Show what to enter in the mail client or PVS."""
    place = await step.assistant.place()
    step.say(*overview_lines(await step.administration.overview(place, step.assistant.address())))


STEPS: Final[Mapping[str, Callable[[Step], Awaitable[None]]]] = MappingProxyType(
    {
        "konnektor-test": konnektor_test,
        "cards": cards,
        "certificate": certificate,
        "import": import_pkcs12,
        "account": account,
        "password": password,
        "large-mails": large_mails,
        "deregister": deregister,
        "revoke": revoke,
        "out-of-office": out_of_office,
        "otp": otp,
        "port": port,
        "overview": overview,
    }
)
