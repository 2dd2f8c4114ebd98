"""Steps around documents: look up the recipient, sign, let the insurer judge."""

from __future__ import annotations

from simulators.process.ldap import escape_filter

from ..actors.practice import sign as sign_document
from ..play import Play
from ..scenario.artifacts import Fetched, Found, Judged, Signed
from ..scenario.failure import StepFailed
from ..scenario.model import Judge, LookUp, Sign

INSURER = "5"
"""entryType of a Krankenkasse."""


def look_up(play: Play, step: LookUp) -> str:
    """Ask the directory; the first KIM address found is taken (TA-eAU 2.6)."""
    party = play.parties[step.actor]
    question = step.filter or _insurer_filter(play, step)
    entries = party.search(question)
    address = next((mail for entry in entries for mail in entry.texts("mail")), None)
    if address is not None:
        play.artifacts[step.name] = Found(question, len(entries), address)
        count = "1 Eintrag" if len(entries) == 1 else f"{len(entries)} Einträge"
        return f"{question}: {count}, {address}"
    if step.otherwise is None:
        raise StepFailed(f"{question}: kein Eintrag mit KIM-Adresse")
    participant = play.endpoints.participants.get(step.otherwise)
    if participant is None:
        raise StepFailed(f"die Welt kennt keinen Teilnehmer {step.otherwise}")
    address = participant.address
    play.artifacts[step.name] = Found(question, len(entries), address, fallback=True)
    return f"{question}: nicht gefunden; stattdessen geht es an {address}"


def sign(play: Play, step: Sign) -> str:
    """Sign a document by the Konnektor."""
    party = play.parties[step.actor]
    made = play.document(step.document, party)
    signature = sign_document(party, made, step, play.now())
    play.artifacts[step.name] = Signed(made.content, signature, step.card, made.eau)
    what = made.eau.identifier if made.eau else step.document
    return f"{what} mit {step.card} signiert ({len(signature)} Bytes)"


def judge(play: Play, step: Judge) -> str:
    """Let the insurer judge a fetched mail."""
    fetched = play.artifact(step.message, Fetched)
    identity = play.identities(step.name).uuid("outcome")
    result = play.insurers[step.actor].judge(fetched, identity, play.now())
    play.artifacts[step.name] = result
    if result.answer is not None:
        play.artifacts[f"{step.name}-antwort"] = result.answer
    return _summary(result)


def _summary(result: Judged) -> str:
    verified = result.verification.result if result.verification else "nicht geprüft"
    verdict = "angenommen" if result.code is None else f"abgewiesen mit {result.code.code}"
    if result.note:
        verdict = f"{verdict} ({result.note})"
    return f"entschlüsselt {result.decryption}, Signatur {verified}: {verdict}"


def _insurer_filter(play: Play, step: LookUp) -> str:
    """Return the filter for the insurer of an eAU (TA-eAU): by IK, entryType 5."""
    document = play.document(step.insurer_of or "", play.parties[step.actor]).eau
    ik = document.insurer_ik if document else None
    if ik is None:  # a faulty eAU names none; the PVS knows it from the eGK
        ik = _insured_with(play, step.insurer_of or "")
    return f"(&(domainID={escape_filter(ik)})(entryType={INSURER}))"


def _insured_with(play: Play, name: str) -> str:
    wanted = play.scenario.documents[name]
    ids = play.insurer(wanted).site.domain_ids
    if not ids:
        raise StepFailed(f"{wanted.insurer}: die Welt nennt kein IK (domain_ids)")
    return ids[0]
