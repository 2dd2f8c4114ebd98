"""JWTs, user names, proposals and questions of the administration module."""

from __future__ import annotations

import io
import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from clientmodule.administration.account_data import (
    Account,
    Certificate,
    OneTimePassword,
    OutOfOffice,
    ServiceInformation,
)
from clientmodule.administration.certificate import container_password
from clientmodule.administration.dialogue import Dialogue
from clientmodule.administration.faults import OPERATIONS, AdministrationFault, refused
from clientmodule.administration.json_web_token import (
    BP256R1,
    PS256,
    compact,
    digest,
    signing_input,
)
from clientmodule.administration.overview import day, note_lines
from clientmodule.administration.proposals import proposal
from clientmodule.administration.rest import Request, read
from clientmodule.administration.user_names import user_names
from clientmodule.key_store import read_material
from clientmodule.settings import MailServers
from clientmodule.user_name import CallContext, read_pop3, read_smtp
from simulators.mailserver.account_manager.jwt import read_token
from simulators.process.errors import InputError

SERVERS = MailServers(smtp="mail.anbieter.test:465", pop3="mail.anbieter.test:995")
ADDRESS = "praxis@anbieter.kim.telematik-test"
MOMENT = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def card(key: Key, *names: tuple[x509.ObjectIdentifier, str]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(oid, text) for oid, text in names])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(MOMENT)
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )


EC_KEY = ec.generate_private_key(ec.BrainpoolP256R1())


@pytest.mark.requirement("A_19457-02")
@pytest.mark.parametrize("algorithm", [PS256, BP256R1])
def test_token_holds_what_the_table_names_and_its_signature_holds(algorithm: str) -> None:
    key: Key = rsa.generate_private_key(65537, 2048) if algorithm == PS256 else EC_KEY
    certificate = card(key, (NameOID.COMMON_NAME, "Praxis"))
    text = signing_input(algorithm, certificate.public_bytes(Encoding.DER), MOMENT)
    hashed = utils.Prehashed(hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        signature = key.sign(digest(text), pss, hashed)
    else:
        signature = key.sign(digest(text), ec.ECDSA(hashed))
    token = read_token(compact(text, algorithm, signature), [algorithm])
    token.check_signature()
    assert (token.certificate, token.not_before) == (certificate, MOMENT)


def test_signature_that_is_none_makes_no_token() -> None:
    with pytest.raises(ValueError, match="no ECDSA signature"):
        compact("a.b", BP256R1, b"\x30\x02\x01\x00")


@pytest.mark.requirement("A_21457", "A_21517", "A_21519-02", "A_21518-02")
@pytest.mark.parametrize(
    ("user", "konnektor", "smtp", "pop3"),
    [
        (None, "default", "m#c#w", "m#c#w"),
        ("u", "default", "m#c#w", "m#c#w#u"),
        (None, "k2", "m#c#w#k2", "m#c#w#*#k2"),
        ("u", "k2", "m#c#w#k2", "m#c#w#u#k2"),
    ],
)
def test_user_names_have_every_part_in_its_place(
    user: str | None, konnektor: str, smtp: str, pop3: str
) -> None:
    context = CallContext("m", "c", "w", user)
    names = user_names(ADDRESS, SERVERS, context, konnektor)
    assert names.smtp == f"{ADDRESS}#{SERVERS.smtp}#{smtp}"
    assert names.pop3 == f"{ADDRESS}#{SERVERS.pop3}#{pop3}"
    assert read_pop3(names.pop3).context == context
    assert (read_smtp(names.smtp).konnektor or "default") == konnektor


@pytest.mark.parametrize("mandant", ["", "*", "a#b", "x" * 65, "zeile\numbruch"])
def test_context_that_cannot_stand_in_a_user_name_is_refused_in_german(mandant: str) -> None:
    with pytest.raises(AdministrationFault, match="prüfen Sie Mandant"):
        user_names(ADDRESS, SERVERS, CallContext(mandant, "c", "w"))


KV_DOX = "kv.dox.kim.telematik-test"


def test_addresses_are_proposed_as_kv_dox_does() -> None:
    practice = card(
        EC_KEY,
        (NameOID.COMMON_NAME, "Praxis Ahorn TEST-ONLY"),
        (NameOID.ORGANIZATION_NAME, "721234500"),
    )
    doctor = card(EC_KEY, (NameOID.GIVEN_NAME, "Änne Marie"), (NameOID.SURNAME, "Groß"))
    hospital = card(EC_KEY, (NameOID.COMMON_NAME, "Klinikum am Erlenbach"))
    found = proposal(KV_DOX, practice, practice)
    assert (found.address, found.fixed) == (f"B-721234500.kvberlin@{KV_DOX}", ".kvberlin")
    assert found.with_free("Ahorn") == f"Ahorn.kvberlin@{KV_DOX}"
    assert proposal(KV_DOX, doctor, practice).address == f"Aenne-Marie.Gross.kvberlin@{KV_DOX}"
    other = "anbieter.kim.telematik-test"
    assert proposal(other, doctor, None).address == f"aenne-marie.gross@{other}"
    assert proposal(other, practice, None).address == f"praxis-ahorn@{other}"
    assert proposal(other, hospital, None).free == "klinikum-am-erlenbach"


def dialogue(
    answers: str, *, interactive: bool = True, yes: bool = False
) -> tuple[Dialogue, io.StringIO]:
    screen = io.StringIO()
    return Dialogue(io.StringIO(answers), screen, interactive=interactive, yes=yes), screen


@pytest.mark.requirement("A_19454", "A_19455")
def test_bad_answers_get_one_line_and_another_chance() -> None:
    asking, screen = dialogue("9\nzwei\n2\n")
    assert asking.choose("Karte", "--iccsn", ["a", "b"], str) == "b"
    assert screen.getvalue().count("erwartet wird eine Zahl von 1 bis 2") == 2
    asking, screen = dialogue("\n \nja\n")
    assert asking.confirm("Weiter?")
    assert screen.getvalue().count("bitte etwas eingeben") == 2
    asking, screen = dialogue("\n")
    assert asking.ask("Adresse", "--address", default="vorschlag") == "vorschlag"
    assert "[vorschlag]" in screen.getvalue()
    asking, _ = dialogue("")
    with pytest.raises(InputError, match="keine Antwort mehr"):
        asking.ask("Adresse", "--address")


@pytest.mark.requirement("A_20188")
def test_where_nobody_can_be_asked_the_missing_argument_is_named() -> None:
    asking, _ = dialogue("", interactive=False)
    for ask in (asking.ask, asking.secret):
        with pytest.raises(InputError, match="geben Sie --mandant an"):
            ask("Mandant", "--mandant")
    assert asking.ask("Benutzer", "--user", optional=True) == ""
    assert asking.choose("Karte", "--iccsn", ["einzige"], str) == "einzige"
    asking, _ = dialogue("", interactive=False, yes=True)
    assert asking.confirm("Wirklich?")


@pytest.mark.requirement("A_21380")
def test_times_of_a_note_are_shown_as_the_person_enters_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        note = OutOfOffice(start=MOMENT, end=MOMENT + timedelta(hours=11), message="Urlaub")
        assert "  Zeitraum           01.07.2026 14:00 bis 02.07.2026 01:00" in note_lines(note)
        assert day(MOMENT + timedelta(hours=11)) == "02.07.2026"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.requirement("A_21382")
def test_no_two_containers_have_one_password() -> None:
    made = {container_password() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43  # 256 bits in base64


JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.lists(st.integers(), max_size=3)
    | st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)
)
NAMED = st.dictionaries(
    st.sampled_from(
        ["username", "kimVersion", "regStat", "deregDate", "file", "otp", "startDate", "active"]
    ),
    JSON,
    max_size=5,
)


@given(
    st.sampled_from([Account, OutOfOffice, Certificate, OneTimePassword, ServiceInformation]),
    st.binary(max_size=200) | NAMED.map(lambda content: json.dumps(content).encode()),
)
def test_whatever_a_provider_sends_is_read_or_refused(model: type[BaseModel], body: bytes) -> None:
    asked = Request("getAccount", "anbieter.test", "GET", "/account/x")
    with suppress(AdministrationFault):
        found = read(asked, body, model)
        assert isinstance(found, model)
        if isinstance(found, Account):
            assert found.deregistered_until is None or found.deregistered_until.year >= 1970


@given(st.binary(max_size=300))
def test_bytes_that_are_no_container_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_material(content, "geheim")


@pytest.mark.requirement("A_19462")
@given(st.sampled_from(sorted(OPERATIONS)), st.integers(300, 599), st.text(max_size=2_000))
def test_whatever_a_provider_answers_is_one_line(name: str, status: int, message: str) -> None:
    fault = refused(name, "anbieter.test", status, message)
    assert fault.line.splitlines() == [fault.line]
    assert len(fault.line) < 700
    assert f"HTTP {status}" in fault.line
