"""Delivery of events by CETP (TUC_KON_256, TIP1-A_4594 to 4596, 4611)."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from simulators.pki.tree import PkiTree
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, schema
from tests.wire.konnektor.events.conftest import EventSite
from tests.wire.konnektor.events.receiver import BadSink, Receiver, free_sink


def remove(events: EventSite, iccsn: str = SMCB) -> None:
    """Pull a card."""
    events.post(f"/cards/{iccsn}/remove")


def insert(events: EventSite, iccsn: str = SMCB) -> None:
    """Put a card into its slot."""
    events.post(f"/cards/{iccsn}/insert")


def test_an_event_is_valid_and_complete(
    events: EventSite, receiver: Receiver, spec: Callable[[str], Path]
) -> None:
    """The Event holds against the official schema and says what happened to which card."""
    subscription = events.id_of(events.subscribe(receiver.url, "CARD/INSERTED"))
    remove(events)
    insert(events)
    message = receiver.next()
    schema(spec("api-telematik/conn/EventService.xsd")).assertValid(message.event)
    assert message.topic == "CARD/INSERTED"
    assert (message.text("Type"), message.text("Severity")) == ("Operation", "Info")
    assert message.text("SubscriptionID") == subscription
    parameters = message.parameters
    assert parameters["CardHandle"] == events.site.handle(SMCB)
    assert (parameters["CardType"], parameters["ICCSN"]) == ("SMC-B", SMCB)
    assert (parameters["CtID"], parameters["SlotID"]) == ("t1", "1")
    assert {"InsertTime", "CardHolderName", "CertExpirationDate"} <= parameters.keys()
    assert parameters["CardVersion"] == "COSVERSION 4.4.0, OBJECTSYSTEMVERSION 4.4.0"
    pushed = events.follow("EventPushed", topic="CARD/INSERTED")
    assert pushed["data"]["result"] == "OK"
    assert pushed["data"]["subscription"] == subscription


@pytest.mark.parametrize("topic", ["CARD", "card/rem", "Card/Removed", "CARD/REMOVED/", ""])
def test_a_topic_is_a_prefix_in_any_case(events: EventSite, receiver: Receiver, topic: str) -> None:
    """What is below a topic comes too; case and a slash at the end do not matter."""
    events.subscribe(receiver.url, topic)
    remove(events)
    assert receiver.next().topic == "CARD/REMOVED"


def test_other_topics_do_not_come(events: EventSite, receiver: Receiver) -> None:
    """A subscription gets its topic only."""
    events.subscribe(receiver.url, "CARD/INSERTED")
    remove(events)
    insert(events)
    assert receiver.next().topic == "CARD/INSERTED"
    assert receiver.messages.empty()


@pytest.mark.parametrize("prefix", ["EVT:", ""])
def test_a_filter_with_and_without_prefix(
    events: EventSite, receiver: Receiver, prefix: str
) -> None:
    """Only what fits the XPath comes, however its names are written (gemILF_PS 4.1.4.2)."""
    p = prefix
    events.subscribe(
        receiver.url,
        filter_=f'/{p}Event/{p}Message/{p}Parameter[{p}Key="CtID" and {p}Value="t1" and '
        f'../{p}Parameter[{p}Key="CardType" and {p}Value="HBA"] and ../../{p}Severity="Info"]',
    )
    remove(events, SMCB)
    remove(events, HBA)
    assert receiver.next().parameters["ICCSN"] == HBA
    assert receiver.messages.empty()


def test_a_filter_that_fails_drops_this_event_only(events: EventSite, receiver: Receiver) -> None:
    """4095: an evaluation without end is given up; other subscriptions get the event."""
    endless = "//*[//*[//*[//*[//*[//*]]]]]"
    bad = events.id_of(events.subscribe(free_sink(), filter_=endless))
    wrong = events.id_of(events.subscribe(free_sink(), filter_="count(1)"))
    events.subscribe(receiver.url)
    remove(events)
    assert receiver.next().topic == "CARD/REMOVED"
    for subscription in (bad, wrong):
        found = events.follow("EventPushed", subscription=subscription)
        assert (found["data"]["result"], found["data"]["code"]) == ("Filtered", "4095")


def test_access_is_checked_for_the_subscription(events: EventSite, receiver: Receiver) -> None:
    """An SM-B's events go to its Mandant, those of an HBA to whom its terminal is in reach of."""
    events.subscribe(receiver.url, "CARD/REMOVED", mandant="m2")
    events.subscribe(receiver.url, "CARD/REMOVED", workplace="w99")
    for card in (SMCB, SMCB_G20, HBA):
        remove(events, card)
    assert [receiver.next().parameters["ICCSN"] for _ in range(2)] == [SMCB_G20, HBA]
    assert receiver.messages.empty()


def test_terminals_and_pins_are_told(events: EventSite, receiver: Receiver) -> None:
    """CT/DISCONNECTED with its error condition, and the steps of a PIN entry."""
    events.subscribe(receiver.url, "CARD/PIN")
    events.put(f"/cards/{SMCB}/pins/PIN.SMC", {"state": "VERIFIABLE"})
    handle = events.site.handle(SMCB)
    answer = events.site.call(
        "CARD",
        "VerifyPin",
        "<CCTX:Context><CONN:MandantId>m1</CONN:MandantId><CONN:ClientSystemId>cs1"
        "</CONN:ClientSystemId><CONN:WorkplaceId>w1</CONN:WorkplaceId></CCTX:Context>"
        f"<CONN:CardHandle>{handle}</CONN:CardHandle>"
        "<CARDCMN:PinTyp>PIN.SMC</CARDCMN:PinTyp>",
    )
    assert answer.text("//CARDCMN:PinResult") == "OK"
    started, finished = receiver.next(), receiver.next()
    assert started.topic == "CARD/PIN/VERIFY_STARTED"
    assert finished.topic == "CARD/PIN/VERIFY_FINISHED"
    assert finished.parameters["Result"] == "OK"
    assert started.parameters["PinRef"] == "PIN.SMC"
    events.subscribe(receiver.url, "CT")
    events.subscribe(receiver.url, "OPERATIONAL_STATE", workplace="w2")
    events.put("/terminals/t1", {"condition": "disconnected"})
    told = {message.topic: message for message in (receiver.next(), receiver.next())}
    lost = told["OPERATIONAL_STATE/EC_CardTerminal_Not_Available(t1)"]
    assert lost.text("Severity") == "Error"
    assert lost.parameters["Value"] == "true"
    assert lost.parameters["CtID"] == told["CT/DISCONNECTED"].parameters["CtID"] == "t1"


def test_several_segments(events: EventSite, receiver: Receiver) -> None:
    """A message may come in parts: the first one ends within the length field."""
    events.subscribe(receiver.url)
    rule = {
        "id": "parts",
        "operation": "CETP",
        "match": {"topic": "CARD/*"},
        "effect": {"kind": "segments", "code": 4},
    }
    events.put("/faults", [rule])
    remove(events)
    message = receiver.next()
    assert len(message.reads[0]) == 6
    assert len(message.reads) == 4


def test_bad_sinks_harm_nobody(events: EventSite, receiver: Receiver) -> None:
    """A sink that refuses, resets or reads nothing delays no other, and SOAP goes on."""
    silent, resetting = BadSink(), BadSink(resetting=True)
    try:
        for sink in (silent.url, resetting.url, free_sink(), receiver.url):
            assert events.subscribe(sink).status == 200
        for _ in range(3):
            remove(events)
            insert(events)
        got = [receiver.next().topic for _ in range(6)]
        assert got == ["CARD/REMOVED", "CARD/INSERTED"] * 3
        assert events.call("GetCards").status == 200
    finally:
        silent.close()
        resetting.close()


@pytest.mark.parametrize("host", ["8.8.8.8", "[::ffff:8.8.8.8]", "[2001:4860:4860::8888]"])
def test_nothing_is_sent_into_the_internet(events: EventSite, host: str) -> None:
    """A guardrail: a sink with a public address cannot be reached, unless the settings say so."""
    subscription = events.id_of(events.subscribe(f"cetp://{host}:20000"))
    remove(events)
    pushed = events.follow("EventPushed", subscription=subscription)["data"]
    assert (pushed["result"], pushed["reason"]) == ("Failed", "public address")


def test_a_sink_is_found_by_its_name(events: EventSite, receiver: Receiver) -> None:
    """EventTo may name a host; all of its addresses are tried."""
    events.subscribe(receiver.url.replace("127.0.0.1", "localhost"))
    remove(events)
    assert receiver.next().topic == "CARD/REMOVED"


def test_a_slow_sink_fills_its_own_queue_only(events: EventSite, receiver: Receiver) -> None:
    """What is too much for one sink is dropped there; another gets everything."""
    slow = free_sink()
    subscription = events.id_of(events.subscribe(slow))
    events.subscribe(receiver.url)
    delay = {"kind": "delay", "seconds": 60}
    rule = {"id": "slow", "operation": "CETP", "match": {"sink": slow}, "effect": delay}
    events.put("/faults", [rule])
    for _ in range(6):  # one is under way, ten wait, the twelfth is one too many
        remove(events)
        insert(events)
    dropped = events.follow("EventPushed", subscription=subscription)
    assert (dropped["data"]["result"], dropped["data"]["topic"]) == ("Dropped", "CARD/INSERTED")
    assert [receiver.next().topic for _ in range(12)] == ["CARD/REMOVED", "CARD/INSERTED"] * 6


def test_failed_deliveries_end_the_subscriptions(events: EventSite, receiver: Receiver) -> None:
    """After EVT_MAX_TRY failures in a row all of the sink's go; a success begins anew."""
    events.subscribe(receiver.url)
    gone = free_sink()
    first = events.id_of(events.subscribe(gone, "CARD"))
    events.subscribe(gone, "CT")
    once = {"id": "once", "operation": "CETP", "times": 1, "effect": {"kind": "drop"}}
    events.put("/faults", [{**once, "match": {"sink": receiver.url}}])
    remove(events)  # the first failure of both
    insert(events)  # the second one of the sink that is gone
    ended = events.follow("SubscriptionEnded", subscription=first)
    assert ended["data"]["reason"] == "deliveries failed"
    assert receiver.next().topic == "CARD/INSERTED"
    left = events.call("GetSubscription", attributes=' mandant-wide="true"')
    assert [found.text for found in left.body.iter("{*}EventTo")] == [receiver.url]


def test_failures_of_an_ended_subscription_count_no_more(events: EventSite) -> None:
    """Whoever subscribes again has all tries."""
    gone = free_sink()
    for ended in (True, False):
        subscription = events.id_of(events.subscribe(gone))
        remove(events, SMCB if ended else HBA)
        events.follow("EventPushed", subscription=subscription, result="Failed")
        if ended:
            events.call("Unsubscribe", f"<EVT:EventTo>{gone}</EVT:EventTo>")
    left = events.call("GetSubscription")
    assert [found.text for found in left.body.iter("{*}SubscriptionID")] == [subscription]


def test_what_waits_for_an_ended_subscription_is_not_sent(
    events: EventSite, receiver: Receiver
) -> None:
    """Unsubscribe counts for events that are queued already."""
    rule = {
        "id": "slow",
        "operation": "CETP",
        "nth": 1,
        "effect": {"kind": "delay", "seconds": 0.3},
    }
    first = events.id_of(events.subscribe(receiver.url, "CARD/REMOVED"))
    second = events.id_of(events.subscribe(receiver.url, "CARD/INSERTED"))
    events.put("/faults", [rule])
    remove(events)
    insert(events)
    events.call("Unsubscribe", f"<EVT:SubscriptionID>{second}</EVT:SubscriptionID>")
    assert receiver.next().text("SubscriptionID") == first
    remove(events)
    assert receiver.next().topic == "CARD/REMOVED"


@pytest.fixture(scope="module")
def sink_identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return certificate and key of two sinks, one PEM each; nobody issued them but themselves."""
    directory = tmp_path_factory.mktemp("sinks")
    made = {}
    for name in ("known", "unknown"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Senke {name}")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        made[name] = directory / f"{name}.pem"
        made[name].write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return made


@pytest.fixture(scope="module")
def running_secure_site(
    start_site: Callable[..., Site], sink_identities: dict[str, Path]
) -> Iterator[EventSite]:
    """Return a Konnektor that sends by TLS, as SOAP is spoken, and trusts one sink."""
    ca = str(sink_identities["known"])
    made = EventSite(
        start_site(events={"ca": ca, "max_try": 1, "segments": 3, "connect_timeout": 0.3})
    )
    yield made
    assert "Traceback" not in made.role.log()


@pytest.fixture
def secure_site(running_secure_site: EventSite) -> EventSite:
    """Return the Konnektor that sends by TLS, set back to its start."""
    running_secure_site.role.ask("POST", "/reset")
    return running_secure_site


@pytest.fixture
def secure_receiver(
    site_certificates: PkiTree, sink_identities: dict[str, Path]
) -> Iterator[Callable[..., Receiver]]:
    """Return a function that starts a receiver with TLS that wants the sender's certificate."""
    made: list[Receiver] = []

    def start(name: str, *, holding: bool = False) -> Receiver:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sink_identities[name])
        tls.load_verify_locations(site_certificates.ca)
        tls.verify_mode = ssl.CERT_REQUIRED
        made.append(Receiver(tls, holding))
        return made[-1]

    yield start
    for receiver in made:
        with contextlib.suppress(OSError):  # closed already
            receiver.close()


def test_by_tls_both_sides_are_authenticated(
    secure_site: EventSite,
    secure_receiver: Callable[..., Receiver],
    site_certificates: PkiTree,
) -> None:
    """The Konnektor shows C.AK.AUT to the sink that asks; the settings divide what is sent."""
    receiver = secure_receiver("known")
    secure_site.subscribe(receiver.url)
    remove(secure_site)
    message = receiver.next()
    own = x509.load_pem_x509_certificate(
        site_certificates.tls("konnektor").certificate.read_bytes()
    )
    assert message.topic == "CARD/REMOVED"
    assert message.certificate == own.public_bytes(Encoding.DER)
    assert len(message.reads) == 3
    assert secure_site.follow("EventPushed")["data"]["result"] == "OK"


def test_a_sink_may_keep_its_side_open(
    secure_site: EventSite,
    events: EventSite,
    secure_receiver: Callable[..., Receiver],
) -> None:
    """An event that arrived is no failure because the sink does not hang up (TIP1-A_4611)."""
    for konnektor, receiver in (
        (secure_site, secure_receiver("known", holding=True)),
        (events, Receiver(holding=True)),
    ):
        konnektor.put("/faults", [])
        subscription = konnektor.id_of(konnektor.subscribe(receiver.url))
        remove(konnektor)
        assert receiver.next().topic == "CARD/REMOVED"
        pushed = konnektor.follow("EventPushed", subscription=subscription)
        assert pushed["data"]["result"] == "OK"
        receiver.close()


def test_a_sink_that_is_not_trusted_gets_nothing(
    secure_site: EventSite, secure_receiver: Callable[..., Receiver]
) -> None:
    """TIP1-A_5009: no path, no delivery; it counts as one that failed. Nor without TLS."""
    foreign, plain = secure_receiver("unknown"), Receiver()
    refused = secure_site.id_of(secure_site.subscribe(foreign.url))
    unsafe = secure_site.id_of(secure_site.subscribe(plain.url))
    remove(secure_site)
    for subscription in (refused, unsafe):
        pushed = secure_site.follow("EventPushed", subscription=subscription)
        assert pushed["data"]["result"] == "Failed"
        secure_site.follow("SubscriptionEnded", subscription=subscription)
    plain.close()
