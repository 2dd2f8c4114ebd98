"""The error conditions of a Konnektor (TAB_KON_503) and what goes on in fatal ones (TAB_KON_504).

Both tables as gemF_Laufzeitverlängerung_gSMC-K has them, with the changes to gemSpec_Kon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from .event import Severity

ConditionType = Literal["Operation", "Security", "Infrastructure"]
Group = Literal["card", "event", "certificate", "verify_certificate"]
"""Operations that share a row of TAB_KON_504: with cards and documents; of the EventService;
of the CertificateService, and its VerifyCertificate."""

TERMINAL_NOT_AVAILABLE = "EC_CardTerminal_Not_Available"
GSMCKT_EXPIRES = "EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon"
NO_VPN_TI = "EC_No_VPN_TI_Connection"
NO_VPN_SIS = "EC_No_VPN_SIS_Connection"
NO_ONLINE_CONNECTION = "EC_No_Online_Connection"
FIRMWARE_BLOCKED = "EC_FW_Not_Valid_Status_Blocked"
OFFLINE = (NO_VPN_TI, NO_ONLINE_CONNECTION, FIRMWARE_BLOCKED)
"""Conditions in which nothing of the TI can be reached."""

_EVENT: frozenset[Group] = frozenset(("event",))
_CERTIFICATES: frozenset[Group] = frozenset(("event", "certificate", "verify_certificate"))
_ALL: frozenset[Group] = _CERTIFICATES | {"card"}
_GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "EventService": "event",
        "CertificateService": "certificate",
        "VerifyCertificate": "verify_certificate",
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of TAB_KON_503; ``goes_on`` are the operations that a fatal one leaves alone.

    ``of_terminal``: it exists for each card terminal, as ``Name(CtID)``. ``delivers``: events
    are still sent.
    """

    name: str
    severity: Severity
    type: ConditionType
    meaning: str
    goes_on: frozenset[Group] = _ALL
    of_terminal: bool = False
    delivers: bool = True

    def allows(self, service: str, operation: str) -> bool:
        """Whether *operation* of *service* goes on; what TAB_KON_504 does not list (the card
        terminal service) is treated as the operations with cards.
        """
        group = _GROUPS.get(operation) or _GROUPS.get(service, "card")
        return group in self.goes_on


def conditions() -> tuple[Condition, ...]:
    """Return every condition, in the order of TAB_KON_503; those of a make are added with
    ``EC_OTHER_ERROR_STATE(n)``, which the specification leaves to it.
    """
    op: ConditionType = "Operation"
    sec: ConditionType = "Security"
    return (
        Condition(
            "EC_CardTerminal_Software_Out_Of_Date", "Info", op,
            "Software auf dem Kartenterminal ist nicht aktuell", of_terminal=True,
        ),
        Condition(
            GSMCKT_EXPIRES, "Info", op,
            "Das Zertifikat der gSMC-KT im Kartenterminal läuft in weniger als 5 Wochen ab",
            of_terminal=True,
        ),
        Condition(
            "EC_Connector_Software_Out_Of_Date", "Info", op,
            "Für den Konnektor gibt es eine neuere Firmware mit Priorität Kritisch",
        ),
        Condition(
            "EC_FW_Update_Available", "Info", op,
            "Für Konnektor oder Kartenterminals gibt es eine neuere Firmware",
        ),
        Condition(
            FIRMWARE_BLOCKED, "Fatal", sec,
            "Konnektor Firmware muss aktualisiert werden. Zugang zur TI momentan nicht erlaubt.",
            _ALL,
        ),
        Condition(
            "EC_Time_Sync_Not_Successful", "Info", op,
            "Der letzte Synchronisationsversuch der Systemzeit war nicht erfolgreich.",
        ),
        Condition(
            "EC_TSL_Update_Not_Successful", "Info", op,
            "Das letzte Update der TSL war nicht erfolgreich.",
        ),
        Condition("EC_TSL_Expiring", "Info", sec, "Die TSL läuft in höchstens 7 Tagen ab"),
        Condition(
            "EC_BNetzA_VL_Update_Not_Successful", "Info", op,
            "Das letzte Update der BNetzA-VL war nicht erfolgreich",
        ),
        Condition("EC_BNetzA_VL_not_valid", "Warning", sec, "Die BNetzA-VL ist abgelaufen"),
        Condition(
            "EC_TSL_Trust_Anchor_Expiring", "Info", sec,
            "Der Vertrauensanker läuft innerhalb von 30 Tagen ab.",
        ),
        Condition(
            "EC_LOG_OVERFLOW", "Warning", op,
            "Protokolleinträge wurden vor ihrer Zeit gelöscht",
        ),
        Condition("EC_CRL_Expiring", "Warning", sec, "Die CRL läuft in höchstens 3 Tagen ab"),
        Condition(
            "EC_Time_Sync_Pending_Warning", "Warning", sec,
            "Seit mehr als NTP_WARN_PERIOD Tagen keine Synchronisation der Systemzeit",
        ),
        Condition(
            "EC_TSL_Out_Of_Date_Within_Grace_Period", "Warning", sec,
            "Die TSL ist abgelaufen, die Karenzzeit läuft noch",
        ),
        Condition(
            TERMINAL_NOT_AVAILABLE, "Error", op, "Kartenterminal ist nicht verfügbar",
            of_terminal=True,
        ),
        Condition(
            NO_VPN_TI, "Error", op,
            "Kein sicherer Kanal (VPN) in die Telematikinfrastruktur aufgebaut.",
        ),
        Condition(
            NO_VPN_SIS, "Error", op,
            "Kein sicherer Kanal (VPN) zu den Sicheren Internet Services aufgebaut.",
        ),
        Condition(
            NO_ONLINE_CONNECTION, "Error", op,
            "Konnektor kann Dienste im Transportnetz nicht erreichen.",
        ),
        Condition(
            "EC_IP_Adresses_Not_Available", "Error", sec,
            "Die IP-Adressen des Netzkonnektors sind nicht oder falsch gesetzt.",
        ),
        Condition("EC_CRL_Out_Of_Date", "Fatal", sec, "Die CRL ist abgelaufen", _ALL),
        Condition(
            # the operations that it stops are lost in the available text: unconfirmed
            "EC_Firewall_Not_Reliable", "Fatal", sec,
            "Firewall-Regeln konnten nicht fehlerfrei generiert oder geladen werden.", _EVENT,
        ),
        Condition(
            "EC_Random_Generator_Not_Reliable", "Fatal", sec,
            "Der Zufallszahlengenerator erzeugt nicht die nötige Entropie.", _EVENT,
        ),
        Condition(
            "EC_Secure_KeyStore_Not_Available", "Fatal", sec,
            "Sicherer Zertifikats- und Schlüsselspeicher nicht verfügbar", _CERTIFICATES,
        ),
        Condition(
            "EC_Security_Log_Not_Writable", "Fatal", op,
            "Das Sicherheitslog kann nicht geschrieben werden.", _EVENT,
        ),
        Condition(
            "EC_Software_Integrity_Check_Failed", "Fatal", sec,
            "Konnektorinterne Integritätsprüfungen sind fehlgeschlagen.", frozenset(),
            delivers=False,
        ),
        Condition(
            "EC_Time_Difference_Intolerable", "Fatal", sec,
            "Die Systemzeit weicht zu weit von der per NTP empfangenen Zeit ab.", _EVENT,
        ),
        Condition(
            "EC_Time_Sync_Pending_Critical", "Fatal", sec,
            "Seit mehr als NTP_GRACE_PERIOD Tagen keine Synchronisation der Systemzeit", _EVENT,
        ),
        Condition(
            "EC_TSL_Trust_Anchor_Out_Of_Date", "Fatal", sec,
            "Gültigkeit des Vertrauensankers ist abgelaufen", _ALL,
        ),
        Condition(
            "EC_TSL_Out_Of_Date_Beyond_Grace_Period", "Fatal", sec,
            "Die TSL ist abgelaufen, auch die Karenzzeit", _ALL - {"verify_certificate"},
        ),
        Condition(
            "EC_CRYPTOPERATION_ALARM", "Warning", sec,
            "Auffällige Häufung von Operationsaufrufen in den letzten 10 Minuten",
        ),
        Condition(
            "EC_NK_Certificate_Expiring", "Warning", sec,
            "Das C.NK.VPN-Zertifikat läuft bald ab.",
        ),
        Condition(
            "EC_NK_Certificate_Expired", "Fatal", sec,
            "Das C.NK.VPN-Zertifikat ist abgelaufen.", frozenset(),
        ),
    )  # fmt: skip
