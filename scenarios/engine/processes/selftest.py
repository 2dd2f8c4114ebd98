"""The self-test of a started world: a KIM mail goes from PVS to PVS through the whole chain."""

from __future__ import annotations

import http.client
import poplib
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import quote, urlsplit

from simulators.pki.request import Reference
from simulators.process.errors import one_line

from ..endpoints.contract import Endpoints, ParticipantEndpoint
from ..world import call_context
from ..world.information_model import pins_of
from ..world.model import Participant, World

SECONDS = 20.0
SUBJECT = "kimulator: Selbstprüfung"
TEXT = "Diese Nachricht geht von Praxissystem zu Praxissystem."
_NEEDED: tuple[Reference, ...] = ("C.SIG", "C.ENC")


class SelfTestFailed(Exception):
    """The mail did not arrive as it was sent: the world is not ready. One line."""


class Watch(Protocol):
    """What watches the processes meanwhile (``ProcessGroup``)."""

    def wait_for_death(self, also: socket.socket | None = None) -> None:
        """Wait until a process dies (raises ProcessDied) or *also* becomes readable."""


def run_self_test(
    world: World, endpoints: Endpoints, watch: Watch, unfit: frozenset[tuple[str, str]]
) -> None:
    """Send a mail between two participants, fetch it, delete it, and forget that it was there.

    Worlds without two participants who could exchange a mail are not tested; who holds one of
    the *unfit* cards (site and name) could not, nor who has RSA only after its end. Raises
    SelfTestFailed, or ProcessDied at once when a process ends meanwhile.
    """
    pair = self_test_pair(world, unfit)
    if pair is None:
        return
    failure: list[BaseException] = []
    done, finished = socket.socketpair()
    with done, finished:

        def work() -> None:
            try:
                _exchange(endpoints, *pair)
                _reset(endpoints)
            except BaseException as error:
                failure.append(error)
            finally:
                finished.send(b"F")

        thread = threading.Thread(target=work, name="self-test", daemon=True)
        thread.start()
        watch.wait_for_death(done)
        thread.join()
    if failure:
        raise SelfTestFailed(
            f"die Selbstprüfung ist gescheitert ({' -> '.join(pair)}): "
            f"{type(failure[0]).__name__}: {one_line(str(failure[0]), 200)}"
        ) from failure[0]


def self_test_pair(
    world: World, unfit: frozenset[tuple[str, str]] = frozenset()
) -> tuple[str, str] | None:
    """Return sender and recipient, at two providers if possible; None if nobody could do it."""
    able = [
        name
        for name, participant in world.participants.items()
        if (participant.site, participant.card) not in unfit and _able(world, participant)
    ]
    for sender in able:
        domain = _domain(world.participants[sender])
        for recipient in able:
            if _domain(world.participants[recipient]) != domain:
                return sender, recipient
    return (able[0], able[1]) if len(able) > 1 else None


def _domain(participant: Participant) -> str:
    return participant.address.rpartition("@")[2]


def _able(world: World, participant: Participant) -> bool:
    """Say whether the world lets *participant* send and receive from the start."""
    name = participant.site
    site = world.sites[name]
    card = site.cards[participant.card]
    inserted = {
        inserted
        for terminal in call_context.terminals(name, site).values()
        for inserted in terminal.cards
    }
    return (
        participant.registered
        and world.sites[world.owner(name)].clientmodule is not None
        and card.type == "SMC-B"
        and participant.card in inserted
        and not card.expired
        and not card.revoked
        and card.in_directory
        and pins_of(card)["PIN.SMC"].state == "VERIFIED"
        and sum(other.type == "SMC-B" for other in site.cards.values()) == 1
        and not _has_no_key_left(world, participant)
    )


def _has_no_key_left(world: World, participant: Participant) -> bool:
    """Say whether RSA has ended for a participant whose mails need it: G2.0, or as it is told."""
    card = world.sites[participant.site].cards[participant.card]
    module = world.sites[world.owner(participant.site)].clientmodule
    only_rsa = card.generation == "G2.0" or (module is not None and module.sign_crypt == "RSA")
    if world.rsa_ends is None or not only_rsa:
        return False
    has_ecc, today = card.generation != "G2.0", datetime.now(UTC).date()
    return any(
        world.rsa_ends.is_over(reference, smcb=True, has_ecc=has_ecc, today=today)
        for reference in _NEEDED
    )


def _exchange(endpoints: Endpoints, sender: str, recipient: str) -> None:
    context = ssl.create_default_context(cafile=str(endpoints.file(endpoints.ca)))
    source, target = endpoints.participants[sender], endpoints.participants[recipient]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = source.address, target.address, SUBJECT
    mail["Message-ID"] = f"<selbstpruefung.{endpoints.seed}@kimulator.invalid>"
    mail.set_content(TEXT)
    domain = target.address.rpartition("@")[2]
    control = endpoints.providers[domain].control
    with _smtp(endpoints, source, context) as smtp:
        smtp.login(source.smtp_user or "", source.password)
        smtp.send_message(mail)
    _wait_for_mail(control, target.address)
    _fetch(endpoints, target, context)


def _smtp(
    endpoints: Endpoints, participant: ParticipantEndpoint, context: ssl.SSLContext
) -> smtplib.SMTP:
    module = endpoints.sites[participant.site].clientmodule
    assert module is not None  # only participants with a client module are chosen
    host, _, port = module.smtp.rpartition(":")
    if module.tls:
        return smtplib.SMTP_SSL(host, int(port), timeout=SECONDS, context=context)
    return smtplib.SMTP(host, int(port), timeout=SECONDS)


def _fetch(endpoints: Endpoints, participant: ParticipantEndpoint, context: ssl.SSLContext) -> None:
    module = endpoints.sites[participant.site].clientmodule
    assert module is not None
    host, _, port = module.pop3.rpartition(":")
    pop3 = (
        poplib.POP3_SSL(host, int(port), timeout=SECONDS, context=context)
        if module.tls
        else poplib.POP3(host, int(port), timeout=SECONDS)
    )
    with closing(pop3):
        pop3.user(participant.pop3_user or "")
        pop3.pass_(participant.password)
        _, lines, _ = pop3.retr(1)
        pop3.dele(1)
        pop3.quit()
    if TEXT.encode() not in b"\n".join(lines):
        raise SelfTestFailed("die Nachricht kam an, aber nicht entschlüsselt")


def _wait_for_mail(control: str, address: str) -> None:
    """Return when the mailbox holds a mail; the provider answers then."""
    connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=2 * SECONDS)
    with closing(connection):
        connection.request("GET", f"/mailboxes/{quote(address)}/next?within={SECONDS:g}")
        if connection.getresponse().status != http.client.OK:
            raise SelfTestFailed(f"nach {SECONDS:.0f} s ist keine Nachricht für {address} da")


def _reset(endpoints: Endpoints) -> None:
    """Have every process forget the test: journals, caches and random streams start anew."""

    def reset(control: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(control).netloc, timeout=SECONDS)
        with closing(connection):
            connection.request("POST", "/reset")
            status = connection.getresponse().status
            if status != 204:
                raise SelfTestFailed(f"{control}/reset antwortet mit {status}")

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(reset, endpoints.controls().values()))
