"""What is to be entered in the mail client or PVS, as lines for the screen; times are local."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .account_data import Account, OutOfOffice
from .administration import Overview


def overview_lines(found: Overview) -> Iterator[str]:
    """Yield the settings for the mail client or PVS (kvdox.md, step 6)."""
    security = "TLS ab dem ersten Byte" if found.tls else "ohne TLS, nur auf diesem Rechner"
    yield f"KIM-Adresse          {found.address}"
    yield f"Postausgang (SMTP)   {found.host}:{_port(found.smtp_port)}, {security}"
    yield f"  Benutzername       {found.names.smtp}"
    yield f"Posteingang (POP3)   {found.host}:{_port(found.pop3_port)}, {security}"
    yield f"  Benutzername       {found.names.pop3}"
    yield "  Passwort           das des KIM-Kontos, für beide"
    if found.certificate_expires is None:
        yield "Zertifikat           noch keines; holen Sie es mit dem Schritt certificate"
    else:
        yield (
            f"Zertifikat           gültig bis {day(found.certificate_expires)}, wird einen "
            "Monat vorher erneuert"
        )


def account_lines(account: Account) -> Iterator[str]:
    """Yield what the provider says of an account (A_21396)."""
    state = "registriert"
    if account.deregistered_until is not None:
        state = f"deregistriert, Abholen möglich bis {day(account.deregistered_until)}"
    large = "eingeschaltet" if account.takes_large_mails else "ausgeschaltet"
    yield f"KIM-Adresse          {account.address}"
    yield f"Status               {state}"
    yield f"KIM-Version          {account.kim_version} (große Nachrichten {large})"
    yield f"Aufbewahrung         {account.days_kept} Tage"
    yield f"Größte Nachricht     {account.max_mail_size // (1 << 20)} MiB"


def note_lines(note: OutOfOffice) -> Iterator[str]:
    """Yield the out-of-office note (A_21380)."""
    yield f"Abwesenheitsnotiz    {'eingeschaltet' if note.active else 'ausgeschaltet'}"
    if note.start is not None and note.end is not None:
        yield f"  Zeitraum           {_minute(note.start)} bis {_minute(note.end)}"
    if note.message is not None:
        yield f"  Text               {' / '.join(note.message.splitlines())}"


def day(moment: datetime) -> str:
    """Return the day of *moment* where the person is."""
    return f"{moment.astimezone():%d.%m.%Y}"


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone():%d.%m.%Y %H:%M}"


def _port(number: int) -> str:
    return str(number) if number else "(beim Start vergeben)"
