"""Steps around mails: send and fetch."""

from __future__ import annotations

from datetime import timedelta

from ..actors import registered_mail
from ..actors.faulty_module import send_wrongly
from ..actors.party import Wanted
from ..actors.practice import extras_of, write_mail
from ..documents.mail_parts import ReadMail, read_mail
from ..documents.mails import Envelope, Mail
from ..documents.outcome import read_outcome
from ..documents.safe_xml import NotXml
from ..play import Play
from ..pvs.control import Control, ControlError
from ..scenario.artifacts import Fetched, Found, Sent, Signed
from ..scenario.failure import StepFailed
from ..scenario.model import Fetch, MoveCard, Send, SetClock
from .world import remove_card, set_clock


def send(play: Play, step: Send) -> str:
    """Write a mail and hand it to the client module; its reply is kept, whatever it says."""
    party = play.parties[step.actor]
    recipients = tuple(_address(play, name) for name in step.to)
    signed = play.artifact(step.document, Signed) if step.document else None
    envelope = _envelope(play, step, party.address, recipients)
    if step.mail == "custom":
        mail = _registered(play, step, envelope)
    else:
        mail = write_mail(
            step.mail,
            envelope,
            signed=signed.signature if signed else None,
            document=signed.eau if signed else None,
            attached_cda=play.document(step.cda, party).content if step.cda else None,
            subject=step.subject,
            text=step.text,
            extras=extras_of(step),
        )
    if step.module_flaw is not None:
        reply = send_wrongly(party, mail, recipients[0], step.module_flaw)
        play.artifacts[step.name] = Sent(step.actor, mail, recipients, step.dsn, reply, signed)
        return f"{mail.service} ({step.module_flaw}) an {recipients[0]}: {reply.code} {reply.text}"
    pulled: list[str] = []
    if step.pull is not None:
        card = MoveCard(actor=step.actor, card=step.pull)
        reply = party.send(
            mail,
            recipients,
            dsn=step.dsn,
            before_data=lambda: pulled.append(remove_card(play, card)),
        )
    else:
        reply = party.send(mail, recipients, dsn=step.dsn)
    play.artifacts[step.name] = Sent(step.actor, mail, recipients, step.dsn, reply, signed)
    told = f"{mail.service} an {', '.join(recipients)}: {reply.code} {reply.text}"
    return "; ".join((*pulled, told))


def fetch(play: Play, step: Fetch) -> str:
    """Fetch a mail as soon as the provider has it."""
    sent = play.artifact(step.wanted, Sent)
    party = play.parties[step.actor]
    if not sent.reply.accepted:
        raise StepFailed(f"{step.wanted} wurde nicht angenommen ({sent.reply.code})")
    if step.message:
        if step.actor in play.insurers:
            _wait_for_the_next_poll(play, step, sent)
        uid, content = party.fetch_message(sent.mail.message_id, step.within)
    elif step.report_on:
        what = f"eine DSN zu {step.report_on}"
        uid, content = party.fetch_matching(_is_report_on(sent.mail), what, step.within)
    else:
        what = f"eine Antwort auf {step.answer_to}"
        uid, content = party.fetch_matching(_is_answer_to(sent), what, step.within)
    play.artifacts[step.name] = Fetched(
        step.actor, step.wanted, uid, content, *play.polled.pop(step.wanted, ())
    )
    subject = read_mail(content).subject or "ohne Betreff"
    return f"abgeholt von {party.address}: {subject} ({len(content)} Bytes)"


def _envelope(play: Play, step: Send, sender: str, recipients: tuple[str, ...]) -> Envelope:
    reply_to = None if step.reply_to is None else _address(play, step.reply_to)
    answered = play.artifact(step.in_reply_to, Sent) if step.in_reply_to else None
    answers = answered.mail.message_id if answered else None
    return Envelope(sender, recipients, step.date or play.now(), answers, reply_to)


def _registered(play: Play, step: Send, envelope: Envelope) -> Mail:
    """Write a mail with any Dienstkennung as the register says."""
    service = step.service or ""
    try:
        entry = play.services.entry(service)
    except KeyError:
        raise StepFailed(f"{service} steht nicht im Register (kimulator list)") from None
    party = play.parties[step.actor]
    contents = [
        registered_mail.Content(
            part,
            play.artifact(part.signed, Signed).signature
            if part.signed
            else play.document(part.document or "", party).content,
        )
        for part in step.parts
    ]
    stated = registered_mail.Stated(service, step.subject, step.text, contents)
    fallback = str(play.identities(step.name).uuid("mail"))
    return registered_mail.write(entry, envelope, stated, fallback)


def _wait_for_the_next_poll(play: Play, step: Fetch, sent: Sent) -> None:
    """Let the world's time go on to when the insurer polls next (KP5-09)."""
    minutes = play.insurers[step.actor].habits.poll_minutes
    if minutes is None:
        return
    play.parties[step.actor].await_message(sent.mail.message_id, step.within)
    arrived = play.now()
    interval = timedelta(minutes=minutes)
    polls = play.started + (1 + (arrived - play.started) // interval) * interval
    set_clock(play, SetClock(now=polls.isoformat()))
    play.polled[step.wanted] = (arrived, polls)


def remove_what_was_sent(play: Play) -> None:
    """Have the mails of this run and what answers them deleted at the end of the run."""
    sent = [artifact for artifact in play.artifacts.values() if isinstance(artifact, Sent)]
    ids = {one.mail.message_id for one in sent}
    fetched = {
        (play.parties[artifact.actor].address, artifact.uid)
        for artifact in play.artifacts.values()
        if isinstance(artifact, Fetched)
    }

    def remove() -> None:
        for provider in play.endpoints.providers.values():
            control = Control(provider.control)
            for address in control.addresses():
                for stored in control.mailbox(address):
                    if stored.message_id in ids or (address, stored.uid) in fetched:
                        _delete(control, address, stored.uid)

    play.undo.append(remove)


def _delete(control: Control, address: str, uid: str) -> None:
    try:
        control.delete_message(address, uid)
    except ControlError:
        return  # gone already


def _address(play: Play, name: str) -> str:
    """Return the address that *name* stands for: looked up, an actor's, a participant's."""
    if "@" in name:
        return name
    found = play.artifacts.get(name)
    if isinstance(found, Found):
        return found.address
    if name in play.parties:
        return play.parties[name].address
    participant = play.endpoints.participants.get(name)
    if participant is None:
        raise StepFailed(f"{name} ist weder Ergebnis eines look_up noch ein Teilnehmer")
    return participant.address


def _is_report_on(mail: Mail) -> Wanted:
    """Return whether a mail is a DSN about *mail* (In-Reply-To, KOM-LE-A_2147)."""

    def wanted(content: bytes) -> bool:
        read = read_mail(content)
        report = read.message.get_content_type() == "multipart/report"
        return report and read.field("In-Reply-To") == mail.message_id

    return wanted


def _is_answer_to(sent: Sent) -> Wanted:
    """Return whether a mail answers *sent*: by In-Reply-To, else by an OperationOutcome."""

    def wanted(content: bytes) -> bool:
        read = read_mail(content)
        if read.message.get_content_type() == "multipart/report":
            return False
        answered = read.field("In-Reply-To")  # TA-eAU does not demand it
        return _names(read, sent) if answered is None else answered == sent.mail.message_id

    return wanted


def _names(read: ReadMail, sent: Sent) -> bool:
    """P5-04 (6a): the PVS assigns an error by the identifier in the OperationOutcome."""
    bundle = sent.signed.eau.identifier if sent.signed and sent.signed.eau else None
    for part in read.described("eAUFehler-Kasse"):
        try:
            subject = read_outcome(part.content).subject
        except NotXml:
            continue
        if subject.message_id == sent.mail.message_id.strip("<>"):
            return True
        if bundle is not None and subject.bundle_identifier == bundle:
            return True
    return False
