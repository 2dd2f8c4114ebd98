"""Operational states, tunnels and reboot (TIP1-A_4507, 4509 to 4512, 4613), and expiry."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from simulators.pki.cards import read_card
from simulators.pki.tree import PkiTree
from tests.konnektor_site import GSMCKT, HBA, SMCB, schema
from tests.wire.konnektor.events.conftest import EventSite
from tests.wire.konnektor.events.receiver import Receiver

INTEGRITY = "EC_Software_Integrity_Check_Failed"


def hold(events: EventSite, name: str, value: bool = True) -> None:
    """Have an error condition hold, or end it."""
    events.put(f"/operational-states/{name}", {"value": value})


def codes(events: EventSite) -> dict[str, int | None]:
    """Return the code of a call of each group of operations of TAB_KON_504."""
    site = events.site
    return {
        "event": events.call("GetCards").code,
        "card": site.sign(SMCB, "").code,
        "certificate": site.call("CERT", "ReadCardCertificate", "").code,
        "verify": site.call("CERT", "VerifyCertificate", "").code,
    }


@pytest.mark.parametrize(
    ("name", "stopped"),
    [
        ("EC_CRL_Out_Of_Date", set()),
        ("EC_TSL_Out_Of_Date_Beyond_Grace_Period", {"verify"}),
        ("EC_Secure_KeyStore_Not_Available", {"card"}),
        ("EC_Security_Log_Not_Writable", {"card", "certificate", "verify"}),
        ("EC_Time_Sync_Pending_Critical", {"card", "certificate", "verify"}),
        ("EC_NK_Certificate_Expired", {"event", "card", "certificate", "verify"}),
        (INTEGRITY, {"event", "card", "certificate", "verify"}),
        ("EC_No_VPN_TI_Connection", set()),
    ],
)
def test_what_a_fatal_state_stops(events: EventSite, name: str, stopped: set[str]) -> None:
    """4002 for what TAB_KON_504 forbids, until it is over; an Error stops nothing."""
    hold(events, name)
    assert {group for group, code in codes(events).items() if code == 4002} == stopped
    hold(events, name, value=False)
    assert 4002 not in codes(events).values()


def test_a_state_is_told_when_it_changes(
    events: EventSite, receiver: Receiver, spec: Callable[[str], Path]
) -> None:
    """OPERATIONAL_STATE/<EC> with Value and Bedeutung, once for each change (TIP1-A_4512)."""
    events.subscribe(receiver.url, "OPERATIONAL_STATE")
    hold(events, "EC_LOG_OVERFLOW")
    hold(events, "EC_LOG_OVERFLOW")
    hold(events, "EC_LOG_OVERFLOW", value=False)
    first, second = receiver.next(), receiver.next()
    schema(spec("api-telematik/conn/EventService.xsd")).assertValid(first.event)
    assert first.topic == second.topic == "OPERATIONAL_STATE/EC_LOG_OVERFLOW"
    assert (first.text("Type"), first.text("Severity")) == ("Operation", "Warning")
    assert [m.parameters["Value"] for m in (first, second)] == ["true", "false"]
    assert first.parameters["Bedeutung"]
    assert receiver.messages.empty()


def test_further_parameters_of_a_state(events: EventSite, receiver: Receiver) -> None:
    """What a trainer adds is told too, and replaces nothing that the table has."""
    events.subscribe(receiver.url, "OPERATIONAL_STATE")
    body = {"value": True, "details": {"Value": "false", "Netz": "WAN"}}
    events.put("/operational-states/EC_LOG_OVERFLOW", body)
    parameters = receiver.next().parameters
    assert (parameters["Value"], parameters["Netz"]) == ("true", "WAN")


def test_nothing_is_sent_when_integrity_failed(events: EventSite, receiver: Receiver) -> None:
    """TAB_KON_504: the sinks too are left alone then, and only then."""
    events.subscribe(receiver.url, "CARD")
    hold(events, INTEGRITY)
    events.post(f"/cards/{SMCB}/remove")
    hold(events, INTEGRITY, value=False)
    hold(events, "EC_NK_Certificate_Expired")
    events.post(f"/cards/{HBA}/remove")
    assert receiver.next().parameters["ICCSN"] == HBA


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/operational-states/EC_Unbekannt", {"value": True}),
        ("/operational-states/EC_LOG_OVERFLOW", {"value": True, "ct_id": "t1"}),
        ("/operational-states/EC_CardTerminal_Not_Available", {"value": True}),
        ("/operational-states/EC_CardTerminal_Not_Available", {"value": True, "ct_id": "t9"}),
        ("/operational-states/EC_LOG_OVERFLOW", {"value": "vielleicht"}),
        ("/network", {"vpn_ti": "sideways"}),
    ],
)
def test_what_the_control_port_refuses(events: EventSite, path: str, body: object) -> None:
    """One line says what is wrong."""
    assert events.role.ask("PUT", path, body)[0] == 400


def test_without_the_tunnel_nobody_is_asked(events: EventSite, receiver: Receiver) -> None:
    """NETWORK/VPN_TI/DOWN and UP are told, and OCSP is out of reach between them."""
    events.subscribe(receiver.url, "NETWORK")
    read = events.site.call(
        "CERT",
        "ReadCardCertificate",
        f"<CONN:CardHandle>{events.site.handle(SMCB)}</CONN:CardHandle>"
        "<CCTX:Context><CONN:MandantId>m1</CONN:MandantId><CONN:ClientSystemId>cs1"
        "</CONN:ClientSystemId><CONN:WorkplaceId>w1</CONN:WorkplaceId></CCTX:Context>"
        "<CERT:CertRefList><CERT:CertRef>C.AUT</CERT:CertRef></CERT:CertRefList>"
        "<CERT:Crypt>ECC</CERT:Crypt>",
    )
    certificate = read.text("//CERTCMN:X509Certificate")
    verify = (
        "<CCTX:Context><CONN:MandantId>m1</CONN:MandantId><CONN:ClientSystemId>cs1"
        "</CONN:ClientSystemId><CONN:WorkplaceId>w1</CONN:WorkplaceId></CCTX:Context>"
        f"<CERTCMN:X509Certificate>{certificate}</CERTCMN:X509Certificate>"
    )

    def verdict() -> tuple[str, int | None]:
        answer = events.site.call("CERT", "VerifyCertificate", verify)
        return answer.text("//CERT:VerificationResult"), answer.code

    events.put("/network", {"vpn_ti": "down"})
    assert verdict() == ("INCONCLUSIVE", 1039)
    events.put("/network", {"vpn_ti": "up"})
    assert verdict() == ("VALID", None)
    assert [receiver.next().topic for _ in range(2)] == ["NETWORK/VPN_TI/DOWN", "NETWORK/VPN_TI/UP"]


def test_a_reboot(events: EventSite, receiver: Receiver, spec: Callable[[str], Path]) -> None:
    """Subscriptions, handles and raised states are gone; the sink is told, without an id."""
    events.subscribe(receiver.url)
    handle = events.site.handle(SMCB)
    assert events.post("/reboot") == {"booting": False}
    message = receiver.next()
    schema(spec("api-telematik/conn/EventService.xsd")).assertValid(message.event)
    assert (message.topic, message.text("SubscriptionID")) == ("BOOTUP/BOOTUP_COMPLETE", "")
    assert events.site.handle(SMCB) != handle
    listing = events.call("GetSubscription", attributes=' mandant-wide="true"')
    assert not list(listing.body.iter("{*}SubscriptionID"))
    assert events.site.sign(SMCB, "").code in (4000, 4085)
    events.post(f"/cards/{SMCB}/remove")
    events.post("/reboot")
    assert receiver.next().topic == "BOOTUP/BOOTUP_COMPLETE"


def test_sinks_are_kept_until_their_time_is_over(events: EventSite, receiver: Receiver) -> None:
    """After TerminationTime a sink is not told; one that was unsubscribed is not either."""
    over, gone = Receiver(), Receiver()
    events.subscribe(over.url)
    events.advance(hours=20)
    events.subscribe(gone.url)
    events.call("Unsubscribe", f"<EVT:EventTo>{gone.url}</EVT:EventTo>")
    events.subscribe(receiver.url)
    events.advance(hours=10)
    events.post("/reboot")
    assert receiver.next().topic == "BOOTUP/BOOTUP_COMPLETE"
    assert over.messages.empty()
    assert gone.messages.empty()
    over.close()
    gone.close()


def test_nothing_answers_during_a_boot(events: EventSite) -> None:
    """TIP1-A_4507: the connection ends without an answer, until the boot is over."""
    assert events.post("/reboot", {"hold": True}) == {"booting": True}
    with pytest.raises((ConnectionError, http.client.HTTPException, ssl.SSLError)):
        events.call("GetCards")
    with pytest.raises((ConnectionError, http.client.HTTPException, ssl.SSLError)):
        events.site.get("/connector.sds")
    assert events.post("/bootup-complete") == {"booting": False}
    assert events.call("GetCards").status == 200
    assert events.post("/reboot", {"seconds": 0.05}) == {"booting": True}
    events.follow("BootupComplete")


def test_sinks_survive_the_process(events: EventSite, receiver: Receiver) -> None:
    """A Konnektor that was switched off tells the sinks of before."""
    events.subscribe(receiver.url)
    events.role.kill()
    events.role.start()
    assert receiver.next().topic == "BOOTUP/BOOTUP_COMPLETE"


def test_certificates_that_end_are_told_once_a_day(
    events: EventSite,
    receiver: Receiver,
    site_certificates: PkiTree,
    spec: Callable[[str], Path],
) -> None:
    """CERT/CARD/EXPIRATION: Info while they still hold, Warning when they do not."""
    card = read_card(site_certificates.card(SMCB))
    ends = min(
        entry.certificate.not_valid_after_utc
        for (reference, _), entry in card.objects.items()
        if reference == "C.AUT"
    )
    events.advance(days=(ends - datetime.now(UTC)).days - 30)
    mine = '//Parameter[Key="ICCSN" and Value="' + SMCB + '"]'
    events.subscribe(receiver.url, "CERT", filter_=mine)
    events.advance(hours=12)
    events.advance(hours=12.5)
    message = receiver.next()
    schema(spec("api-telematik/conn/EventService.xsd")).assertValid(message.event)
    assert (message.topic, message.text("Severity")) == ("CERT/CARD/EXPIRATION", "Info")
    parameters = message.parameters
    assert (parameters["CARD_TYPE"], parameters["ZertName"]) == ("SMC-B", "C.HCI.AUT")
    assert parameters["CARD_HANDLE"] == events.site.handle(SMCB)
    assert parameters["ExpirationDate"] == ends.date().isoformat()
    assert int(parameters["DAYS_LEFT"]) in (28, 29)
    events.advance(days=40)
    events.subscribe(receiver.url, "CERT", filter_=mine)
    events.advance(hours=24.5)
    while message.text("Severity") != "Warning":
        message = receiver.next()
    assert message.parameters["DAYS_LEFT"] == "0"


def test_a_gsmckt_that_ends_is_told(
    events: EventSite, receiver: Receiver, site_certificates: PkiTree
) -> None:
    """As any card is; from five weeks before on the error condition of its terminal holds too."""
    certificate = x509.load_pem_x509_certificate(site_certificates.terminal("t1").read_bytes())
    events.advance(days=(certificate.not_valid_after_utc - datetime.now(UTC)).days - 35)
    mine = f'//Parameter[Key="ICCSN" and Value="{GSMCKT}"]'
    events.subscribe(receiver.url, "CERT", filter_=mine)
    events.subscribe(receiver.url, "OPERATIONAL_STATE")
    events.advance(hours=24.5)
    told, condition = receiver.next(), receiver.next()
    assert (told.parameters["CARD_TYPE"], told.parameters["ZertName"]) == ("SMC-KT", "C.SMKT.AUT")
    held = "EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon(t1)"
    assert condition.topic == f"OPERATIONAL_STATE/{held}"
    events.role.ask("POST", "/reset")
    states = json.loads(events.role.ask("GET", "/operational-states")[1])
    assert held not in [state["name"] for state in states if state["value"]]
