"""An event as the Konnektor raises it, and its XML (TAB_KON_030, EventService.xsd)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from ..soap.answers import printable
from ..soap.namespaces import EVENT

EventType = Literal["Operation", "Security", "Infrastructure", "Business", "Other"]
Severity = Literal["Info", "Warning", "Error", "Fatal"]

MAX_TOPIC = 1024
MAX_KEY = 64
MAX_VALUE = 5000


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: topic, type, severity and the parameters of its Message, in order."""

    topic: str
    parameters: tuple[tuple[str, str], ...] = ()
    type: EventType = "Operation"
    severity: Severity = "Info"

    @classmethod
    def of(
        cls, topic: str, parameters: Mapping[str, str], kind: EventType, severity: Severity
    ) -> Event:
        """Return the event; texts are cut to what the schema allows."""
        given = (
            (printable(key)[:MAX_KEY], printable(value)[:MAX_VALUE])
            for key, value in parameters.items()
        )
        return cls(printable(topic)[:MAX_TOPIC], tuple(given), kind, severity)

    def document(self, subscription: str) -> bytes:
        """Return the XML of the event for *subscription* (empty where there is none), UTF-8."""
        parameters = "".join(
            f"<EVT:Parameter><EVT:Key>{escape(key)}</EVT:Key>"
            f"<EVT:Value>{escape(value)}</EVT:Value></EVT:Parameter>"
            for key, value in self.parameters
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<EVT:Event xmlns:EVT="{EVENT}"><EVT:Topic>{escape(self.topic)}</EVT:Topic>'
            f"<EVT:Type>{self.type}</EVT:Type><EVT:Severity>{self.severity}</EVT:Severity>"
            f"<EVT:SubscriptionID>{escape(subscription)}</EVT:SubscriptionID>"
            f"<EVT:Message>{parameters}</EVT:Message></EVT:Event>"
        ).encode()
