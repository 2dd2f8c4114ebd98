"""One call of every operation that a client can make; Python's own library and zeep's ways only.

zeep and koap both run it: zeep inside the tests, koap in an environment of its own. A call that
returns is one that was answered as its comment or assertions say.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SMCB, HBA, EGK = "80276000000000000011", "80276000000000000037", "80276000000000000045"
WHO = {"MandantId": "m1", "ClientSystemId": "cs1", "WorkplaceId": "w1"}
EVA = {**WHO, "UserId": "eva"}
COMFORT = {**WHO, "UserId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
TEXT = "Befund\r\nunauffällig".encode()
WAIT_SECONDS = 20

EVENT, CARD = ("EventService", "7.2.0"), ("CardService", "8.1.2")
TERMINAL, CERTIFICATE = ("CardTerminalService", "1.1.0"), ("CertificateService", "6.0.1")
SIGNATURE_4, SIGNATURE_5 = ("SignatureService", "7.4.2"), ("SignatureService", "7.5.6")
ENCRYPTION, AUTHENTICATION = ("EncryptionService", "6.1.1"), ("AuthSignatureService", "7.4.1")


@dataclass
class Client:
    """Proxies of the services, by name and version, and the Konnektor's control port.

    ``knows_crypt``: whether the client's schema of SignatureService has Crypt (7.4.2 and later).
    """

    service: Callable[[str, str], Any]
    control: str
    knows_crypt: bool = True
    proxies: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __getitem__(self, key: tuple[str, str]) -> Any:
        if key not in self.proxies:
            self.proxies[key] = self.service(*key)
        return self.proxies[key]

    def handle(self, iccsn: str) -> str:
        """Return the handle of a card, as GetCards says."""
        cards = self[EVENT].GetCards(Context=WHO).Cards.Card
        return str(next(card.CardHandle for card in cards if card.Iccsn == iccsn))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control port; return its JSON."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.control + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            text = response.read()
        return json.loads(text) if text else None


def get_cards(client: Client) -> None:
    answer = client[EVENT].GetCards(**{"mandant-wide": True}, Context=WHO, CardType="SM-B")
    assert [card.Iccsn for card in answer.Cards.Card] == [SMCB]
    assert answer.Status.Result == "OK"


def get_card_terminals(client: Client) -> None:
    terminals = client[EVENT].GetCardTerminals(Context=WHO).CardTerminals.CardTerminal
    assert [terminal.CtId for terminal in terminals] == ["t1"]


def get_resource_information(client: Client) -> None:
    answer = client[EVENT].GetResourceInformation(Context=WHO)
    assert answer.Connector.VPNTIStatus.ConnectionStatus in ("Online", "Offline")
    answer = client[EVENT].GetResourceInformation(Context=WHO, CardHandle=client.handle(HBA))
    assert answer.Card.Iccsn == HBA


def subscribe(client: Client) -> None:
    assert _subscription(client)


def get_subscription(client: Client) -> None:
    wanted = _subscription(client)
    found = client[EVENT].GetSubscription(Context=WHO, SubscriptionID=wanted)
    assert [entry.SubscriptionID for entry in found.Subscriptions.Subscription] == [wanted]


def renew_subscriptions(client: Client) -> None:
    wanted = _subscription(client)
    answer = client[EVENT].RenewSubscriptions(Context=WHO, SubscriptionID=[wanted])
    assert [e.SubscriptionID for e in answer.SubscribeRenewals.SubscriptionRenewal] == [wanted]


def unsubscribe(client: Client) -> None:
    wanted = _subscription(client)
    answer = client[EVENT].Unsubscribe(Context=WHO, SubscriptionID=wanted)
    assert answer.Result == "OK"
    assert not client[EVENT].GetSubscription(Context=WHO).Subscriptions


def _subscription(client: Client) -> str:
    wanted = {"EventTo": "cetp://127.0.0.1:9", "Topic": "CARD"}
    return str(client[EVENT].Subscribe(Context=WHO, Subscription=wanted).SubscriptionID)


def verify_pin(client: Client) -> None:
    assert _pin(client, "VerifyPin", SMCB, "PIN.SMC").PinResult == "OK"


def get_pin_status(client: Client) -> None:
    _pin(client, "VerifyPin", SMCB, "PIN.SMC")
    assert _pin(client, "GetPinStatus", SMCB, "PIN.SMC").PinStatus == "VERIFIED"


def change_pin(client: Client) -> None:
    client.ask("PUT", f"/cards/{HBA}/pins/PIN.CH", {"state": "TRANSPORT_PIN"})
    assert _pin(client, "GetPinStatus", HBA, "PIN.CH").PinStatus == "TRANSPORT_PIN"
    assert _pin(client, "ChangePin", HBA, "PIN.CH").PinResult == "OK"
    assert _pin(client, "GetPinStatus", HBA, "PIN.CH").PinStatus != "TRANSPORT_PIN"


def unblock_pin(client: Client) -> None:
    client.ask("PUT", f"/cards/{SMCB}/pins/PIN.SMC", {"state": "BLOCKED"})
    status = _pin(client, "GetPinStatus", SMCB, "PIN.SMC")
    assert (status.PinStatus, status.LeftTries) == ("BLOCKED", 0)
    assert _pin(client, "UnblockPin", SMCB, "PIN.SMC").PinResult == "OK"
    assert _pin(client, "GetPinStatus", SMCB, "PIN.SMC").PinStatus != "BLOCKED"


def enable_pin(client: Client) -> None:
    _pin(client, "DisablePin", EGK, "MRPIN.NFD")
    assert _pin(client, "EnablePin", EGK, "MRPIN.NFD").PinResult == "OK"
    assert _pin(client, "GetPinStatus", EGK, "MRPIN.NFD").PinStatus != "DISABLED"


def disable_pin(client: Client) -> None:
    assert _pin(client, "DisablePin", EGK, "MRPIN.NFD").PinResult == "OK"
    assert _pin(client, "GetPinStatus", EGK, "MRPIN.NFD").PinStatus == "DISABLED"


def _pin(client: Client, operation: str, iccsn: str, reference: str) -> Any:
    call = getattr(client[CARD], operation)
    return call(Context=EVA, CardHandle=client.handle(iccsn), PinTyp=reference)


def request_card(client: Client) -> None:
    slot = {"CtId": "t1", "SlotId": 1}
    answer = client[TERMINAL].RequestCard(Context=WHO, Slot=slot, CardType="SM-B", TimeOut=1000)
    assert answer.AlreadyInserted
    assert answer.Card.Iccsn == SMCB


def eject_card(client: Client) -> None:
    answer = client[TERMINAL].EjectCard(Context=WHO, CardHandle=client.handle(EGK), TimeOut=5000)
    assert answer.Result == "OK"


def read_card_certificate(client: Client) -> None:
    wanted = ["C.AUT", "C.ENC", "C.SIG"]
    assert [entry.CertRef for entry in _certificates(client, wanted)] == wanted


def verify_certificate(client: Client) -> None:
    (entry,) = _certificates(client, ["C.ENC"])
    answer = client[CERTIFICATE].VerifyCertificate(
        Context=WHO, X509Certificate=entry.X509Data.X509Certificate
    )
    assert answer.VerificationStatus.VerificationResult == "VALID"
    assert answer.RoleList.Role


def check_certificate_expiration(client: Client) -> None:
    answer = client[CERTIFICATE].CheckCertificateExpiration(
        CardHandle=client.handle(SMCB), Context=WHO, Crypt="ECC"
    )
    assert {entry.CardHandle for entry in answer.CertificateExpiration} == {client.handle(SMCB)}


def _certificates(client: Client, references: list[str]) -> Any:
    answer = client[CERTIFICATE].ReadCardCertificate(
        CardHandle=client.handle(SMCB),
        Context=WHO,
        CertRefList={"CertRef": references},
        Crypt="ECC",
    )
    return answer.X509DataInfoList.X509DataInfo


Call = Callable[[Client], None]


def signature_calls(service: tuple[str, str]) -> dict[str, Call]:
    """Return the calls that both versions of SignatureService have."""

    def get_job_number(client: Client) -> None:
        number = client[service].GetJobNumber(Context=WHO)
        assert len(number) == 7

    def sign_document(client: Client) -> None:
        (ecc,) = _sign(client, service, SMCB, WHO, crypt="ECC")
        assert ecc.Status.Result == "OK"
        (qes,) = _sign(client, service, HBA, EVA, revocation=True)
        assert qes.SignatureObject.Base64Signature.Type == "urn:ietf:rfc:5652"

    def verify_document(client: Client) -> None:
        for crypt in ("RSA", "ECC"):
            (signed,) = _sign(client, service, SMCB, WHO, crypt=crypt)
            answer = client[service].VerifyDocument(
                Context=WHO,
                OptionalInputs={"ReturnVerificationReport": {}},
                SignatureObject={"Base64Signature": signed.SignatureObject.Base64Signature},
                IncludeRevocationInfo=False,
            )
            assert answer.VerificationResult.HighLevelResult == "VALID"
            assert answer.OptionalOutputs.VerificationReport.IndividualReport

    def stop_signature(client: Client) -> None:
        client.ask("PUT", f"/cards/{HBA}/pins/PIN.QES", {"entry": "manual"})
        number = client[service].GetJobNumber(Context=WHO)
        failed: list[Exception] = []

        def sign() -> None:
            try:
                _sign(client, service, HBA, EVA, number=number)
            except Exception as error:
                failed.append(error)

        signing = threading.Thread(target=sign)
        signing.start()
        deadline = time.monotonic() + WAIT_SECONDS
        while not client.ask("GET", "/pin-entries"):
            assert time.monotonic() < deadline, failed
        assert client[service].StopSignature(Context=EVA, JobNumber=number).Result == "OK"
        signing.join(WAIT_SECONDS)
        assert not signing.is_alive()
        assert failed, "a signature was made although it was stopped"

    return {
        "GetJobNumber": get_job_number,
        "SignDocument": sign_document,
        "VerifyDocument": verify_document,
        "StopSignature": stop_signature,
    }


def _sign(
    client: Client,
    service: tuple[str, str],
    iccsn: str,
    context: dict[str, str],
    *,
    crypt: str = "RSA",
    number: str | None = None,
    revocation: bool = False,
) -> Any:
    return client[service].SignDocument(
        **({"Crypt": crypt} if client.knows_crypt else {}),
        CardHandle=client.handle(iccsn),
        Context=context,
        TvMode="NONE",
        JobNumber=number or client[service].GetJobNumber(Context=WHO),
        SignRequest=[
            {
                "RequestID": "r1",
                "OptionalInputs": {"SignatureType": "urn:ietf:rfc:5652", "IncludeEContent": True},
                "Document": {
                    "ShortText": "Befund",
                    "Base64Data": {"_value_1": TEXT, "MimeType": "text/plain"},
                },
                "IncludeRevocationInfo": revocation,
            }
        ],
    )


def activate_comfort_signature(client: Client) -> None:
    answer = client[SIGNATURE_5].ActivateComfortSignature(
        CardHandle=client.handle(HBA), Context=COMFORT
    )
    assert (answer.Status.Result, answer.SignatureMode) == ("OK", "COMFORT")


def get_signature_mode(client: Client) -> None:
    activate_comfort_signature(client)
    answer = client[SIGNATURE_5].GetSignatureMode(CardHandle=client.handle(HBA), Context=COMFORT)
    assert answer.ComfortSignatureStatus == "ENABLED"
    assert answer.SessionInfo.CountRemaining == answer.ComfortSignatureMax


def deactivate_comfort_signature(client: Client) -> None:
    activate_comfort_signature(client)
    handle = client.handle(HBA)
    assert client[SIGNATURE_5].DeactivateComfortSignature(CardHandle=[handle]).Result == "OK"
    mode = client[SIGNATURE_5].GetSignatureMode(CardHandle=handle, Context=COMFORT)
    assert mode.SessionInfo is None


def encrypt_document(client: Client) -> None:
    assert encrypted(client)[:1] == b"\x30"


def decrypt_document(client: Client) -> None:
    assert decrypted(client, encrypted(client)) == TEXT


def decrypted(client: Client, cms: bytes) -> bytes:
    """Return what DecryptDocument makes of *cms*."""
    answer = client[ENCRYPTION].DecryptDocument(
        Context=WHO,
        PrivateKeyOnCard={"CardHandle": client.handle(SMCB)},
        Document={"Base64Data": {"_value_1": cms}},
    )
    return bytes(answer.Document.Base64Data._value_1)


def encrypted(client: Client) -> bytes:
    """Return TEXT as EncryptDocument encrypts it for the SMC-B."""
    answer = client[ENCRYPTION].EncryptDocument(
        Context=WHO,
        RecipientKeys={
            "CertificateOnCard": {"CardHandle": client.handle(SMCB), "Crypt": "RSA_ECC"}
        },
        Document={"Base64Data": {"_value_1": TEXT, "MimeType": "text/plain"}},
        OptionalInputs={"EncryptionType": "urn:ietf:rfc:5652"},
    )
    return bytes(answer.Document.Base64Data._value_1)


def external_authenticate(client: Client) -> None:
    digest = hashlib.sha256(TEXT).digest()
    for optional in (
        {"SignatureType": "urn:bsi:tr:03111:ecdsa"},
        {"SignatureType": "urn:ietf:rfc:3447", "SignatureSchemes": "RSASSA-PSS"},
    ):
        answer = client[AUTHENTICATION].ExternalAuthenticate(
            CardHandle=client.handle(SMCB),
            Context=WHO,
            OptionalInputs=optional,
            BinaryString={
                "Base64Data": {"_value_1": digest, "MimeType": "application/octet-stream"}
            },
        )
        assert len(answer.SignatureObject.Base64Signature._value_1) > 60


CALLS: dict[tuple[str, str], dict[str, Call]] = {
    EVENT: {
        "GetCards": get_cards,
        "GetCardTerminals": get_card_terminals,
        "GetResourceInformation": get_resource_information,
        "Subscribe": subscribe,
        "Unsubscribe": unsubscribe,
        "GetSubscription": get_subscription,
        "RenewSubscriptions": renew_subscriptions,
    },
    CARD: {
        "GetPinStatus": get_pin_status,
        "VerifyPin": verify_pin,
        "ChangePin": change_pin,
        "UnblockPin": unblock_pin,
        "EnablePin": enable_pin,
        "DisablePin": disable_pin,
    },
    TERMINAL: {"RequestCard": request_card, "EjectCard": eject_card},
    CERTIFICATE: {
        "ReadCardCertificate": read_card_certificate,
        "CheckCertificateExpiration": check_certificate_expiration,
        "VerifyCertificate": verify_certificate,
    },
    SIGNATURE_4: signature_calls(SIGNATURE_4),
    SIGNATURE_5: {
        **signature_calls(SIGNATURE_5),
        "ActivateComfortSignature": activate_comfort_signature,
        "DeactivateComfortSignature": deactivate_comfort_signature,
        "GetSignatureMode": get_signature_mode,
    },
    ENCRYPTION: {"EncryptDocument": encrypt_document, "DecryptDocument": decrypt_document},
    AUTHENTICATION: {"ExternalAuthenticate": external_authenticate},
}
