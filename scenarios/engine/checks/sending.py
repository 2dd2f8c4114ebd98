"""Rules on sending: what the client module answers, and who gets the mail."""

from __future__ import annotations

from ..pvs.control import Control
from ..scenario.artifacts import Found, Sent
from .rule import Case, Rule, Verdict, failed, not_applicable, passed, verdict

REFUSED = 451


def accepted(case: Case) -> Verdict:
    """Das Clientmodul nimmt die Nachricht nach DATA mit 250 an."""
    reply = case.subject.reply
    return verdict(reply.code == 250, f"Antwort {reply.code} {reply.text}")


def refused(case: Case) -> Verdict:
    """Kann nicht signiert oder für niemanden verschlüsselt werden, antwortet es mit 451."""
    reply = case.subject.reply
    return verdict(reply.code == REFUSED, f"Antwort {reply.code} {reply.text}")


def nothing_sent(case: Case) -> Verdict:
    """Nach der Ablehnung (RSET) hat kein Anbieter die Nachricht angenommen oder gespeichert."""
    sent: Sent = case.subject
    if copies := case.play.stored(sent):
        return failed(f"liegt im Postfach von {', '.join(copies)}")
    for domain, provider in case.play.endpoints.providers.items():
        for event in Control(provider.control).journal():
            if (
                event.get("message_id") == sent.mail.message_id
                and event.get("step") == "smtp.accepted"
            ):
                return failed(f"{domain} hat die Nachricht angenommen")
    return passed("bei keinem Anbieter angenommen oder gespeichert")


def only_recipient(case: Case) -> Verdict:
    """Nur wer verschlüsselt werden kann, bekommt die Nachricht; die anderen bekommen nichts."""
    wanted = {case.play.parties[case.use.to or ""].address.lower()}
    holders = {address.lower() for address in case.play.stored(case.subject)}
    return verdict(holders == wanted, f"liegt bei: {', '.join(sorted(holders)) or 'niemandem'}")


def crossed_providers(case: Case) -> Verdict:
    """Die Nachricht geht von einem Anbieter zum anderen."""
    sent: Sent = case.subject
    receiver = case.play.parties[case.use.to or ""].address
    origin, target = (
        address.rpartition("@")[2] for address in (case.play.parties[sent.actor].address, receiver)
    )
    if origin == target:
        return failed(f"Absender und Empfänger sind beide bei {origin}")
    seen = [
        domain
        for domain in (origin, target)
        if any(
            event.get("message_id") == sent.mail.message_id and event.get("step") == "smtp.accepted"
            for event in Control(case.play.endpoints.providers[domain].control).journal()
        )
    ]
    return verdict(seen == [origin, target], f"angenommen von: {', '.join(seen) or 'niemandem'}")


def found_by_ik(case: Case) -> Verdict:
    """Die Kasse wird im Verzeichnis über ihr IK und entryType 5 gefunden."""
    found: Found = case.subject
    if found.fallback:
        return not_applicable(f"{found.filter}: diese Kasse gibt es in der Welt nicht")
    asked = "domainID=" in found.filter and "(entryType=5)" in found.filter
    return verdict(asked and found.entries >= 1, f"{found.filter}: {found.address}")


RULES = (
    Rule("accepted", "KOM-LE-A_2018", "Nachricht angenommen", Sent, accepted),
    Rule("cannot-sign", "KOM-LE-A_2021", "Ablehnung ohne Signatur (451)", Sent, refused),
    Rule("cannot-encrypt", "KOM-LE-A_2025", "Ablehnung ohne Empfänger (451)", Sent, refused),
    Rule("unsigned-not-sent", "KOM-LE-A_2021", "Nichts unsigniert gesendet", Sent, nothing_sent),
    Rule("nothing-sent", "KOM-LE-A_2025", "Nichts gesendet", Sent, nothing_sent),
    Rule(
        "only-recipient", "KOM-LE-A_2177", "Nur an Verschlüsselbare", Sent, only_recipient, ("to",)
    ),
    Rule(
        "crossed-providers",
        "KOM-LE-A_2140",
        "Über zwei Anbieter",
        Sent,
        crossed_providers,
        ("to",),
    ),
    Rule("found-by-ik", "TA-eAU 2.6", "Kasse im Verzeichnis", Found, found_by_ik),
)
