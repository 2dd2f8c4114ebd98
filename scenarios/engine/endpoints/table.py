"""The table that ``kimulator up`` prints: endpoints and user names."""

from __future__ import annotations

from collections.abc import Iterator

from .contract import Endpoints

Row = tuple[str, ...]


def endpoint_table(title: str, endpoints: Endpoints) -> str:
    """Return what a tester needs to point a practice software at the world."""
    blocks = [
        f"{title} (Seed {endpoints.seed})",
        _block(("Dienst", "Schnittstelle", "Adresse"), [*_services(endpoints), *_sites(endpoints)]),
        _block(("Teilnehmer", "", "Wert"), _participants(endpoints)),
        f"Passwörter und Zertifikate: {endpoints.file('endpoints.json')} "
        f"(auch als Shell-Variablen: {endpoints.file('kimulator.env')})\n"
        f"TLS-Vertrauen: {endpoints.file(endpoints.ca)}\n"
        "TEST-ONLY: eine Probe, keine Bestätigung durch gematik oder KBV.",
    ]
    return "\n\n".join(blocks)


def _services(endpoints: Endpoints) -> Iterator[Row]:
    if endpoints.vzd is not None:
        yield "Verzeichnisdienst", "LDAP", endpoints.vzd.ldap
    if endpoints.names is not None:
        yield "Namen", "DNS", endpoints.names.dns
    for domain, provider in endpoints.providers.items():
        yield f"Anbieter {domain}", "SMTP", provider.smtp
        yield "", "POP3", provider.pop3


def _sites(endpoints: Endpoints) -> Iterator[Row]:
    for name, site in endpoints.sites.items():
        first = f"Standort {name}"
        if site.konnektor is not None:
            yield first, "Konnektor", site.konnektor.service_directory
            yield "", "LDAP", site.konnektor.ldap
            first = ""
        if site.clientmodule is not None:
            yield first, "SMTP (Clientmodul)", site.clientmodule.smtp
            yield "", "POP3 (Clientmodul)", site.clientmodule.pop3


def _participants(endpoints: Endpoints) -> Iterator[Row]:
    for name, participant in endpoints.participants.items():
        yield name, "Adresse", participant.address
        if participant.smtp_user is not None:
            yield "", "SMTP-Benutzer", participant.smtp_user
        if participant.pop3_user is not None:
            yield "", "POP3-Benutzer", participant.pop3_user


def _block(head: Row, rows: Iterator[Row] | list[Row]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join(
            (*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1])
        )
        for line in lines
    )
