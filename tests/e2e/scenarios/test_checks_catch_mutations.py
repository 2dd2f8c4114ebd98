"""Each check fails when the bytes it judges are altered: a check that cannot fail is none."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from scenarios.engine.checks import insurer
from scenarios.engine.checks.catalogue import GROUPS, RULES, rules_of
from scenarios.engine.checks.rule import Status, Verdict
from scenarios.engine.play import Play
from scenarios.engine.pvs.konnektor import Verification
from scenarios.engine.pvs.mail import Reply
from scenarios.engine.scenario.artifacts import Fetched, Found, Judged, Sent
from scenarios.engine.scenario.model import CheckUse
from simulators.formats import enveloped_data, komle, recipient_emails, signed_data
from simulators.process.ldap import escape_filter

Played = Callable[[str], Play]
DELIVERY, STORNO, REJECTION = "eau/lieferung", "eau/storno", "eau/fehler-kasse"
LETTER, PLAIN = "earztbrief/versand", "kim/mail-mit-dsn"


def judge(play: Play, name: str, changed: Any = None) -> Verdict:
    """Apply the rule *name* as the scenario uses it, to its artifact or to *changed*."""
    use = next(
        use for use in play.scenario.checks if name in {rule.name for rule in rules_of(use.rule)}
    )
    (rule,) = rules_of(name)
    kept = play.artifacts[use.of]
    try:
        if changed is not None:
            play.artifacts[use.of] = changed
        return rule.apply(play, CheckUse(**{**use.model_dump(), "rule": name}))
    finally:
        play.artifacts[use.of] = kept


def subject(play: Play, name: str) -> Any:
    use = next(u for u in play.scenario.checks if name in {r.name for r in rules_of(u.rule)})
    return play.artifacts[use.of]


def test_every_rule_passes_on_what_really_happened(played: Played) -> None:
    unjudged = set(RULES)
    for scenario in (DELIVERY, STORNO, REJECTION, LETTER, PLAIN):
        play = played(scenario)
        for use in play.scenario.checks:
            for rule in rules_of(use.rule):
                found = rule.apply(play, use)
                assert found.status is Status.PASSED, (scenario, rule.name, found.evidence)
                unjudged.discard(rule.name)
    # those about faults and insurers' habits are judged by scenarios of their own
    assert unjudged == {
        "cannot-sign", "cannot-encrypt", "unsigned-not-sent", "nothing-sent",
        "not-decrypted", "violated", "dsn-failed",
        *(rule.name for rule in insurer.RULES),
    }  # fmt: skip


def header(name: str, value: str) -> Callable[[bytes], bytes]:
    """Return a change of one field of the header block (or its removal)."""
    field = rb"(?im)^" + name.encode() + rb":(.*\r\n)((?:[ \t].*\r\n)*)"
    line = f"{name}: {value}\r\n".encode() if value else b""
    return lambda message: re.sub(field, lambda _: line, message, count=1)


def plaintext(message: bytes) -> bytes:
    return message + b"Subject: R\xc3\xbcckfrage"


OUTER = {
    "outer-headers": header("Reply-To", "anderer@kv.dox.kim.telematik-test"),
    "outer-version": header("X-KOM-LE-Version", "1.5"),
    "outer-message-id": header("Message-ID", "<2@anders.invalid>"),
    "outer-subject": header("Subject", "eAU"),
    "outer-enveloped": header("Content-Type", "application/octet-stream"),
    "outer-dienstkennung": header("X-KIM-Dienstkennung", "KIM-Mail;Default;V1.1"),
    "outer-product-versions": header("X-KIM-CMVersion", "kimulator 1"),
    "outer-expires": header("Expires", ""),
}


@pytest.mark.parametrize("rule", OUTER)
def test_an_altered_outer_header_is_found(played: Played, rule: str) -> None:
    play = played(PLAIN)
    with_copies(play, OUTER[rule], lambda: expect_failure(judge(play, rule)))


def with_copies(play: Play, change: Callable[[bytes], bytes], body: Callable[[], None]) -> None:
    """Do *body* while the providers' copies of the mail are changed."""
    sent = play.artifact("mail", Sent)
    copies = play.stored(sent)
    kept = dict(copies)
    for address, copy in kept.items():
        copies[address] = change(copy)
        assert copies[address] != copy
    try:
        body()
    finally:
        copies.update(kept)


def expect_failure(found: Verdict) -> None:
    assert found.status is Status.FAILED, found.evidence


def test_readable_content_outside_is_found(played: Played) -> None:
    play = played(PLAIN)
    text = play.artifact("mail", Sent).mail.subject.encode()
    with_copies(play, lambda m: m + text, lambda: expect_failure(judge(play, "outer-hidden")))


def certificates_of(play: Play, address: str) -> list[x509.Certificate]:
    entries = play.parties["praxis"].search(f"(mail={escape_filter(address)})")
    return [
        x509.load_der_x509_certificate(der)
        for entry in entries
        for der in entry.values("userCertificate")
    ]


@pytest.mark.parametrize(
    ("rule", "encrypted_for", "named"),
    [
        ("outer-recipient-emails", ["klinik", "praxis"], ["klinik"]),
        ("outer-emails-fit", ["klinik"], ["klinik", "praxis"]),
        ("outer-for-sender", ["klinik"], ["klinik"]),
        ("outer-certificates", ["facharzt", "praxis"], ["facharzt", "praxis"]),
    ],
)
def test_wrong_recipients_in_the_envelope_are_found(
    played: Played, rule: str, encrypted_for: list[str], named: list[str]
) -> None:
    """The envelope is made anew, for the wrong certificates or with the wrong attribute."""
    play = played(PLAIN)
    people = play.endpoints.participants
    newest = {n: certificates_of(play, people[n].address)[0] for n in {*encrypted_for, *named}}
    told = {"facharzt": "klinik"}  # a certificate that is not the address's own
    attribute = recipient_emails.attribute(
        [(people[told.get(name, name)].address, newest[name]) for name in named]
    )
    cms = enveloped_data.encrypt(
        b"x", [newest[name] for name in encrypted_for], unauthenticated=[attribute]
    )

    def change(message: bytes) -> bytes:
        head, _, _ = message.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + base64.encodebytes(cms).replace(b"\n", b"\r\n")

    assert komle.encrypted_cms(change(play.stored(play.artifact("mail", Sent)).copy().popitem()[1]))
    with_copies(play, change, lambda: expect_failure(judge(play, rule)))


def signed_anew(play: Play, **change: Any) -> bytes:
    """Return the signed-data entity of the plain mail, made anew by a foreign key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fremd TEST-ONLY")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    inner = komle.wrap_client_mail(change.get("mail", play.artifact("mail", Sent).mail.content))
    cms = signed_data.sign(
        inner, signed_data.key_signer(certificate, key), signing_time=now,
        ocsp_responses=change.get("ocsp_responses", ()),
    )  # fmt: skip
    return komle.signed_entity(cms)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("inner-osig", {}),
        ("inner-recipient-emails", {}),
        ("inner-mail", {"mail": b"From: x@y\r\n\r\nanderes"}),
        ("inner-signed", None),
        ("inner-one-signer", None),
        ("inner-certificate", None),
    ],
)
def test_a_wrong_signature_inside_is_found(
    played: Played, rule: str, change: dict[str, Any] | None
) -> None:
    play = played(PLAIN)
    cms = komle.encrypted_cms(dict(play.stored(play.artifact("mail", Sent))).popitem()[1])
    kept = play.opened(cms, play.parties["klinik"])
    play._opened[cms] = b"keine MIME-Entity" if change is None else signed_anew(play, **change)
    try:
        expect_failure(judge(play, rule))
    finally:
        play._opened[cms] = kept


def content(old: str, new: str) -> Callable[[Any], Any]:
    """Return a change of a fetched mail's bytes."""

    def change(fetched: Fetched) -> Fetched:
        altered = re.sub(old.encode(), new.encode(), fetched.content, count=1)
        assert altered != fetched.content, fetched.content
        return replace(fetched, content=altered)

    return change


def in_document(old: bytes, new: bytes) -> Callable[[Sent], Sent]:
    def change(sent: Sent) -> Sent:
        assert sent.signed is not None
        assert sent.signed.eau is not None
        assert old in sent.signed.eau.content
        document = replace(sent.signed.eau, content=sent.signed.eau.content.replace(old, new))
        return replace(sent, signed=replace(sent.signed, eau=document))

    return change


def in_sent(old: str, new: str) -> Callable[[Any], Any]:
    """Return a change of a sent mail's bytes."""

    def change(sent: Sent) -> Sent:
        altered = re.sub(old.encode(), new.encode(), sent.mail.content, count=1)
        assert altered != sent.mail.content, sent.mail.content
        return replace(sent, mail=replace(sent.mail, content=altered))

    return change


def with_service(sent: Sent) -> Sent:
    altered = re.sub(
        rb"eAU;Storno-Arzt;V1.2|eAU;Lieferung;V1.2", b"eAU;Neu;V1.2", sent.mail.content
    )
    return replace(sent, mail=replace(sent.mail, content=altered))


def fewer_bytes(judged: Judged) -> Judged:
    assert judged.signature is not None
    return replace(judged, signature=judged.signature[:-1] + b"\0")


def other_pdf(fetched: Fetched) -> Fetched:
    altered = re.sub(rb"(?s)(eAB-PDF-signed\r\n\r\n)JVBERi0x", rb"\1KVBERi0x", fetched.content)
    assert altered != fetched.content
    return replace(fetched, content=altered)


def with_stray_part(fetched: Fetched) -> Fetched:
    """Add a separate signature file: an eArztbrief has none."""
    stray = rb"Content-Type: application/octet-stream; name=Arztbrief.p7s\r\n"
    stray += rb"Content-Disposition: attachment\r\n\r\nMAA="
    altered = re.sub(rb"\r\n(--[^\r]+)--\r\n", rb"\r\n\1\r\n" + stray + rb"\g<0>", fetched.content)
    assert altered != fetched.content
    return replace(fetched, content=altered)


MUTATIONS: list[tuple[str, str, Callable[[Any], Any]]] = [
    (PLAIN, "accepted", lambda sent: replace(sent, reply=Reply(451, "4.7.0"))),
    (PLAIN, "decrypted", content("X-KIM-DecryptionResult: 00", "X-KIM-DecryptionResult: 01")),
    (PLAIN, "decrypted", content("Die Nachricht wurde", "Die Nachricht ist")),
    (PLAIN, "intact", content("X-KIM-IntegrityCheckResult: 01", "X-KIM-IntegrityCheckResult: 02")),
    (PLAIN, "intact", content("Die Signatur wurde", "Die Signatur ist")),
    (PLAIN, "unchanged", content("Bitte rufen", "Nie rufen")),
    (PLAIN, "unchanged", content("(?m)^Subject: .*\r\n", "Subject: anders\r\n")),
    (PLAIN, "trace", content("(?m)^Return-Path:", "X-Return-Path:")),
    (PLAIN, "dsn-delivered", content("Action: delivered", "Action: failed")),
    (PLAIN, "dsn-delivered", content("(?m)^Arrival-Date:", "X-Arrival-Date:")),
    (PLAIN, "dsn-delivered", content("(?m)^In-Reply-To: .*\r\n", "In-Reply-To: <x@y>\r\n")),
    (PLAIN, "dsn-delivered", content("Final-Recipient: rfc822;", "Final-Recipient: rfc822;x")),
    (DELIVERY, "found-by-ik", lambda found: replace(found, entries=0)),
    (DELIVERY, "found-by-ik", lambda found: replace(found, filter="(mail=x)")),
    (DELIVERY, "eau-mail", with_service),
    (DELIVERY, "eau-mail", lambda sent: replace(sent, dsn=False)),
    (DELIVERY, "eau-mail", in_sent("Content-Description: eAU", "Content-Description: eAUStorno")),
    (DELIVERY, "eau-mail", in_sent("(?m)^Reply-To: .*\r\n", "")),
    (DELIVERY, "eau-mail", in_sent("(?m)^To: ", "Cc: anderer@kv.dox.kim.telematik-test\r\nTo: ")),
    (DELIVERY, "eau-mail", in_sent("text/plain;", "text/plain; name=zweite.p7s;")),
    (STORNO, "storno-mail", with_service),
    (STORNO, "storno-mail", in_sent("eAU;Storno-Arzt;V1.2", "eAU;Lieferung;V1.2")),
    (STORNO, "storno-mail", in_sent("Subject: TEAU0_Storno_", "Subject: TEAU0_")),
    (DELIVERY, "eau-profile", in_document(b'"final"', b'"draft"')),
    (DELIVERY, "eau-profile", in_document(b"/bfarm/icd-10-gm", b"/dimdi/icd-10-gm")),
    (STORNO, "eau-profile", in_document(b"<deleted ", b"<entfernt ")),
    (DELIVERY, "insurer-decrypted", lambda judged: replace(judged, decryption="01")),
    (DELIVERY, "insurer-decrypted", lambda judged: replace(judged, integrity=("08",))),
    (DELIVERY, "qes-valid", lambda j: replace(j, verification=Verification("INVALID"))),
    (DELIVERY, "qes-valid", lambda judged: replace(judged, verification=None)),
    (DELIVERY, "qes-valid", fewer_bytes),
    (DELIVERY, "eau-accepted", lambda judged: replace(judged, document=None)),
    (REJECTION, "eau-rejected", lambda judged: replace(judged, code=None)),
    (REJECTION, "eau-rejected", lambda judged: replace(judged, answer=None)),
    (REJECTION, "error-mail", content("eAU;Fehler-Kasse", "eAU;Fehler")),
    (REJECTION, "error-mail", content("(?m)^In-Reply-To: .*\r\n", "")),
    (REJECTION, "error-mail", content("(?m)^To: .*\r\n", "To: x@kv.dox.kim.telematik-test\r\n")),
    (REJECTION, "error-mail", content("Disposition: attachment", "Disposition: inline")),
    (REJECTION, "error-outcome", content("eAUFehler-Kasse", "eAUFehler")),
    (LETTER, "letter-mail", content("Arztbrief;VHitG-Versand;V1.2", "Arztbrief;Neu;V1.2")),
    (LETTER, "letter-mail", content("eAB-XML", "eAB-Anhang-01")),
    (LETTER, "letter-mail", content("Disposition: attachment", "Disposition: inline")),
    (LETTER, "letter-mail", with_stray_part),
    (LETTER, "letter-pdf-a", other_pdf),
    (LETTER, "letter-signature", other_pdf),
    (LETTER, "letter-cda", content("eAB-XML", "eAB-Anhang-01")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scenario", "rule", "change"),
    MUTATIONS,
    ids=[f"{index}-{rule}" for index, (_, rule, _) in enumerate(MUTATIONS)],
)
def test_an_altered_result_is_found(
    played: Played, scenario: str, rule: str, change: Callable[[Any], Any]
) -> None:
    play = played(scenario)
    expect_failure(judge(play, rule, change(subject(play, rule))))


def test_a_storno_of_something_else_is_found(played: Played) -> None:
    play = played(STORNO)
    original = play.artifact("lieferung", Sent)
    storno = play.artifact("stornierung", Sent)
    play.artifacts["lieferung"] = replace(original, signed=storno.signed)
    try:
        expect_failure(judge(play, "storno-cancels"))
    finally:
        play.artifacts["lieferung"] = original


def test_a_mail_that_reached_others_or_one_provider_only_is_found(played: Played) -> None:
    play = played(PLAIN)
    copies = play.stored(play.artifact("mail", Sent))
    copies["fremd@kv.dox.kim.telematik-test"] = b""
    try:
        expect_failure(judge(play, "only-recipient"))
    finally:
        del copies["fremd@kv.dox.kim.telematik-test"]
    crossed = CheckUse(rule="crossed-providers", of="mail", to="klinik")
    expect_failure(RULES["crossed-providers"].apply(play, crossed))


@pytest.mark.parametrize(
    ("rule", "of", "expect"),
    [
        ("cannot-sign", "mail", None),
        ("cannot-encrypt", "mail", None),
        ("nothing-sent", "mail", None),
        ("unsigned-not-sent", "mail", None),
        ("not-decrypted", "eingang", "01"),
        ("violated", "eingang", "08"),
        ("dsn-failed", "bestaetigung", "4004"),
    ],
)
def test_rules_about_faults_fail_on_a_mail_that_went_well(
    played: Played, rule: str, of: str, expect: str | None
) -> None:
    use = CheckUse(rule=rule, of=of, expect=expect)
    expect_failure(RULES[rule].apply(played(PLAIN), use))


def test_an_expected_failure_that_passes_is_a_failure(played: Played) -> None:
    play = played(PLAIN)
    good = CheckUse(rule="accepted", of="mail", expected_failure="Fehler 12")
    expect_failure(RULES["accepted"].apply(play, good))
    bad = CheckUse(rule="cannot-sign", of="mail", expected_failure="Fehler 12")
    assert RULES["cannot-sign"].apply(play, bad).status is Status.EXPECTED_FAILURE


def test_a_missing_result_fails_with_the_reason(played: Played) -> None:
    use = CheckUse(rule="accepted", of="nie-gesendet")
    found = RULES["accepted"].apply(played(PLAIN), use)
    assert found.status is Status.FAILED
    assert "nie-gesendet fehlt" in found.evidence


def test_groups_hold_rules_of_one_subject() -> None:
    for rules in GROUPS.values():
        assert len({rule.subject for rule in rules}) == 1
    assert {rule.subject for rule in RULES.values()} <= {Found, Sent, Fetched, Judged}
