"""A scenario: world, inputs, actors, documents, steps and checks, as its YAML file has them.

The models below are the format; ``json_schema`` gives it to editors. Names that a step saves
(``name``) are what later steps and checks refer to; a reference to nothing is found when the
file is read (``run.scenario_file``), with its line.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from simulators.process.errors import InputError
from simulators.process.faults import Rule
from simulators.process.guardrails import refuse_real_domain
from simulators.process.settings import Settings

from .cast import Actor, Document, Input, Name
from .sent_part import SentPart

Seconds = Annotated[float, Field(gt=0, le=3600)]
CardType = Literal["SMC-B", "HBA"]
PinState = Literal["VERIFIED", "VERIFIABLE", "BLOCKED", "TRANSPORT_PIN", "EMPTY_PIN", "DISABLED"]
AnyCardType = Literal["SMC-B", "HSM-B", "HBA", "EGK", "KVK", "UNKNOWN"]
SignatureFlaw = Literal["foreign-certificate", "altered"]
ModuleFlaw = Literal["unsigned", "broken-signature", "altered", "wrong-encryption", "foreign-key"]


class LookUp(Settings):
    """Ask the directory through the Konnektor's LDAP proxy, as a PVS does."""

    actor: Name
    insurer_of: Name | None = Field(default=None, description="eAU, deren Kasse gesucht wird")
    filter: str | None = Field(default=None, description="LDAP-Filter", max_length=2000)
    otherwise: Name | None = Field(
        default=None, description="Teilnehmer, an den gesendet wird, wenn nichts gefunden wird"
    )
    name: Name

    @model_validator(mode="after")
    def _one_question(self) -> LookUp:
        if (self.insurer_of is None) == (self.filter is None):
            raise ValueError("erwartet wird genau eines von insurer_of und filter")
        return self


class Sign(Settings):
    """SignDocument: CAdES for an eAU, PAdES for a PDF."""

    actor: Name
    document: Name
    card: CardType = "HBA"
    crypt: Literal["auto", "ECC", "RSA"] = Field(
        default="auto", description="Crypt von SignDocument; auto: ECC, bei Karten G2.0 RSA"
    )
    flaw: SignatureFlaw | None = Field(
        default=None,
        description="foreign-certificate: nicht die Karte, sondern ein fremdes Zertifikat "
        "signiert; altered: das Dokument wird nach dem Signieren verändert",
    )
    name: Name


class Send(Settings):
    """Send a mail by SMTP through the own client module."""

    actor: Name
    mail: Literal["kim-mail", "eau-lieferung", "eau-storno", "arztbrief", "custom"] = Field(
        description="custom: jede Dienstkennung des Registers, mit service und parts"
    )
    to: tuple[str, ...] = Field(
        min_length=1, description="Teilnehmer, Ergebnis eines look_up oder eine KIM-Adresse"
    )
    document: Name | None = Field(default=None, description="signiertes Dokument (sign)")
    cda: Name | None = Field(default=None, description="arztbrief: das CDA-Dokument")
    parts: tuple[SentPart, ...] = Field(
        default=(), max_length=100, description="custom: die Anhänge"
    )
    in_reply_to: Name | None = Field(
        default=None, description="custom: die gesendete Nachricht, auf die es die Antwort ist"
    )
    subject: str | None = Field(default=None, max_length=200)
    text: str | None = Field(default=None, max_length=100_000)
    dsn: bool = Field(default=True, description="Zustellbestätigung anfordern")
    reply_to: str | None = Field(
        default=None, description="Reply-To: Teilnehmer oder KIM-Adresse; ohne Angabe der Absender"
    )
    date: datetime | None = Field(default=None, description="Date, ohne Angabe die Zeit der Welt")
    service: str | None = Field(
        default=None,
        pattern=r"^[^;\r\n]+;[^;\r\n]+;[^;\r\n]+$",
        max_length=100,
        description="custom: die Dienstkennung; sonst die einer eAU-Mail, wenn es eine andere "
        "sein soll",
    )
    eicar: bool = Field(default=False, description="die EICAR-Testdatei liegt bei (eAU-Mails)")
    module_flaw: ModuleFlaw | None = Field(
        default=None,
        description="ein fehlerhaftes Clientmodul sendet: unsigned, broken-signature (kein CMS), "
        "altered (nach dem Signieren verändert), wrong-encryption (kein AuthEnvelopedData), "
        "foreign-key (nur für den Absender verschlüsselt)",
    )
    pull: CardType | None = Field(
        default=None, description="Karte, die zwischen Anmeldung und DATA gezogen wird"
    )
    name: Name

    @field_validator("to")
    @classmethod
    def _never_the_real_world(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        for address in to:
            try:
                refuse_real_domain(address.rpartition("@")[2])
            except InputError:
                raise ValueError(f"{address}: Domänen der echten TI werden abgelehnt") from None
        return to

    @model_validator(mode="after")
    def _needed_documents(self) -> Send:
        if (self.mail not in ("kim-mail", "custom")) != (self.document is not None):
            raise ValueError("document: erwartet genau bei eau-lieferung, eau-storno und arztbrief")
        if self.mail != "custom" and (self.parts or self.in_reply_to is not None):
            raise ValueError("parts, in_reply_to: nur bei mail: custom")
        if self.mail == "custom" and self.service is None:
            raise ValueError("service: erwartet bei mail: custom")
        if (self.mail == "arztbrief") != (self.cda is not None):
            raise ValueError("cda: erwartet genau bei mail: arztbrief")
        if self.module_flaw is not None and self.pull is not None:
            raise ValueError("pull: nicht zusammen mit module_flaw")
        if self.eicar and not self.mail.startswith("eau-"):
            raise ValueError("eicar: nur bei eau-lieferung und eau-storno")
        if self.service is not None and self.mail in ("kim-mail", "arztbrief"):
            raise ValueError("service: nur bei eau-lieferung, eau-storno und custom")
        return self


class Fetch(Settings):
    """Fetch by POP3 through the own client module, as soon as the mail is in the mailbox."""

    actor: Name
    message: Name | None = Field(default=None, description="eine gesendete Nachricht")
    report_on: Name | None = Field(default=None, description="die DSN zu einer Nachricht")
    answer_to: Name | None = Field(default=None, description="die Antwort auf eine Nachricht")
    within: Seconds = 20.0
    name: Name

    @model_validator(mode="after")
    def _one_mail(self) -> Fetch:
        if sum(v is not None for v in (self.message, self.report_on, self.answer_to)) != 1:
            raise ValueError("erwartet wird genau eines von message, report_on und answer_to")
        return self

    @property
    def wanted(self) -> str:
        """The sent message to which the wanted mail belongs."""
        return self.message or self.report_on or self.answer_to or ""


class Judge(Settings):
    """The insurer works on a fetched mail: signature, Bundle, answer when a rule is broken.

    The answer, if there is one, is a sent message under ``<name>-antwort``.
    """

    actor: Name
    message: Name
    name: Name


class MoveCard(Settings):
    """Pull a card of the actor's site."""

    actor: Name
    card: AnyCardType = "SMC-B"


class InsertCard(MoveCard):
    """Put in a card of the actor's site, without a place where it was at the start."""

    terminal: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    slot: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> InsertCard:
        if (self.terminal is None) != (self.slot is None):
            raise ValueError("erwartet werden terminal und slot oder keines von beiden")
        return self


class SetPin(Settings):
    """Change the state of a PIN and what the terminal types by itself.

    With ``entry`` manual it waits for ``type_pin`` or a trainer.
    """

    actor: Name
    card: AnyCardType = "SMC-B"
    pin: str = Field(default="PIN.SMC", pattern=r"^(MR)?PIN\.[A-Z_]{2,12}$")
    state: PinState | None = None
    entry: Literal["correct", "wrong", "timeout", "abort", "manual"] | None = None
    tries: Annotated[int, Field(ge=0, le=3)] | None = None
    puk_uses: Annotated[int, Field(ge=0, le=10)] | None = None


class TypePin(Settings):
    """Type at a PIN pad of the actor's Konnektor what it asks for, one entry after the other.

    What is typed stands in no report.
    """

    actor: Name
    digits: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,12}$")], ...] = Field(
        default=(), max_length=10, description="PIN, PUK, neue PIN …, wie gefragt wird"
    )
    abort: bool = Field(default=False, description="danach die Abbruchtaste")
    terminal: str | None = Field(default=None, description="nur an diesem Terminal")
    within: Seconds = 20.0

    @model_validator(mode="after")
    def _something(self) -> TypePin:
        if not self.digits and not self.abort:
            raise ValueError("erwartet wird digits oder abort")
        return self


Process = Literal["clientmodule", "konnektor", "provider", "vzd"]


class SetFault(Settings):
    """Make a process misbehave; the rules go to its control port."""

    process: Process
    of: Name | None = Field(default=None, description="Akteur, dessen Prozess gemeint ist")
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whose(self) -> SetFault:
        if (self.process == "vzd") != (self.of is None):
            raise ValueError("of: erwartet bei jedem Prozess außer vzd")
        return self


class SetClock(Settings):
    """Set the virtual time of every process."""

    now: str | None = Field(default=None, description="ISO 8601 mit Zeitzone")
    advance_seconds: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> SetClock:
        if (self.now is None) == (self.advance_seconds is None):
            raise ValueError("erwartet wird genau eines von now und advance_seconds")
        return self


class Wait(Settings):
    """Wait until a process records a step in its journal."""

    process: Process
    of: Name | None = None
    step: str = Field(description="Name des Schritts im Protokoll, * und ? erlaubt")
    message: Name | None = Field(default=None, description="nur zu dieser Nachricht")
    within: Seconds = 20.0


class Step(Settings):
    """One step: exactly one key, the action."""

    look_up: LookUp | None = None
    sign: Sign | None = None
    send: Send | None = None
    fetch: Fetch | None = None
    judge: Judge | None = None
    remove_card: MoveCard | None = None
    insert_card: InsertCard | None = None
    set_pin: SetPin | None = None
    type_pin: TypePin | None = None
    set_fault: SetFault | None = None
    set_clock: SetClock | None = None
    wait: Wait | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        if len(self.model_fields_set) != 1 or self.action is None:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"erwartet wird genau ein Schlüssel aus {known}")
        return self

    @property
    def keyword(self) -> str:
        """The key that names the action."""
        return next(iter(self.model_fields_set))

    @property
    def action(self) -> Any:
        """The action itself."""
        return getattr(self, self.keyword, None)


class CheckUse(Settings):
    """A rule to be judged: its name, what it is about, what is expected.

    ``of`` names a sent message, a fetched mail, a signature or a judgement. ``expected_failure``
    gives the reason why the rule is known to be broken; if it holds nevertheless, that counts as
    a failure.
    """

    rule: Name = Field(description="Name der Prüfung, siehe kimulator list")
    of: Name = Field(description="worauf sie sich bezieht (name eines Schritts)")
    to: Name | None = Field(default=None, description="Akteur, dessen Exemplar geprüft wird")
    against: Name | None = Field(default=None, description="womit verglichen wird")
    expect: str | None = Field(default=None, description="erwarteter Wert")
    expected_failure: str | None = Field(default=None, description="Grund, falls bekannt")


class Scenario(Settings):
    """A scenario file."""

    title: str = Field(min_length=3, max_length=120)
    description: str = ""
    world: str = "demo"
    dienstkennungen: Path | None = Field(
        default=None,
        description="Datei mit eigenen Dienstkennungen, relativ zum Szenario; sie gehen den "
        "mitgelieferten vor",
    )
    inputs: dict[Name, Input] = {}
    actors: dict[Name, Actor] = Field(min_length=1)
    documents: dict[Name, Document] = {}
    steps: tuple[Step, ...] = Field(min_length=1)
    checks: tuple[CheckUse, ...] = Field(min_length=1)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kimulator.invalid/scenario.schema.json",
        **Scenario.model_json_schema(),
    }
