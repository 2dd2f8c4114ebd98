"""An entry of the register: one Dienstkennung and the form that its mails have."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from simulators.process.settings import Settings

from .template import KNOWN, NAMES_THE_DOCUMENT, pattern, placeholders

Line = Annotated[str, Field(min_length=1, max_length=400)]
Status = Literal["confirmed", "secondary", "unconfirmed"]
Who = Literal[
    "jeder", "LE", "Praxis", "D-Arzt", "Zahnarzt", "Krankenhaus", "Labor", "Apotheke", "Pflege",
    "Kasse", "KV", "Datenannahmestelle", "DALE-UV",
]  # fmt: skip
MAX_ATTACHMENTS = 1000


class Signature(Settings):
    """How a part is signed, and by which cards, the preferred one first; none: it must not be."""

    form: Literal["cades-enveloping", "pades", "none"]
    cards: tuple[Literal["HBA", "SMC-B"], ...] = ()

    @model_validator(mode="after")
    def _cards_of_a_signature(self) -> Signature:
        if (self.form == "none") != (not self.cards):
            raise ValueError("cards: erwartet genau bei einer Signatur")
        return self


class Part(Settings):
    """An attachment. What is left out is not known and is not judged."""

    description: Line | None = Field(default=None, description="Content-Description, als Vorlage")
    file_name: Line | None = Field(default=None, description="Dateiname, als Vorlage")
    media_type: Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")] | None = None
    min: Annotated[int, Field(ge=0, le=MAX_ATTACHMENTS)] = 1
    max: Annotated[int, Field(ge=1, le=MAX_ATTACHMENTS)] = 1
    signature: Signature | None = None

    @model_validator(mode="after")
    def _found_somehow(self) -> Part:
        if self.description is None and self.file_name is None:
            raise ValueError("erwartet wird description, file_name oder beides")
        if self.min > self.max:
            raise ValueError("min ist größer als max")
        return self

    @field_validator("description", "file_name")
    @classmethod
    def _known_placeholders(cls, template: str | None) -> str | None:
        return _checked(template)

    @property
    def label(self) -> str:
        """How a finding calls the part."""
        return self.description or self.file_name or ""


class Entry(Settings):
    """A Dienstkennung, and what its source says of its mails.

    ``status`` is what the source is worth: confirmed (read in the specification), secondary (read
    elsewhere), unconfirmed (a guess or hearsay). What is left out is not known and is not judged.
    """

    dienstkennung: Annotated[
        str, Field(pattern=r"^[^;\r\n]+;[^;\r\n]+;[^;\r\n]+$", max_length=100)
    ] = Field(description="als Vorlage; <Typ> ist einer aus types")
    title: Line
    types: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")], ...] = ()
    sender: tuple[Who, ...] = Field(min_length=1)
    receiver: tuple[Who, ...] = Field(min_length=1)
    status: Status
    source: Line
    draft: bool = Field(default=False, description="die Quelle ist ein Entwurf")
    note: Line | None = None
    subject: Line | None = Field(default=None, description="Betreff, als Vorlage")
    parts: tuple[Part, ...] | None = Field(
        default=None, description="Anhänge; ein Anhang gehört zum ersten, zu dem er passt"
    )
    receipt: bool = Field(
        default=False, description="eine Lesebestätigung (disposition-notification)"
    )
    plain_body: bool = Field(default=True, description="der Text ist text/plain, nie HTML")
    only_to: bool = Field(default=False, description="nur ein Empfängerfeld To, kein Cc und Bcc")
    without_cc: bool = Field(default=False, description="kein Cc")
    reply_to: bool = Field(default=False, description="Reply-To ist gesetzt")
    in_reply_to: bool = Field(default=False, description="In-Reply-To nennt die Anfrage")
    dsn: Literal["required", "recommended"] | None = None
    mdn: Literal["forbidden", "optional"] | None = Field(
        default=None, description="ob eine Lesebestätigung angefordert werden darf"
    )
    answers: tuple[Line, ...] = Field(
        default=(), description="womit geantwortet wird: Dienstkennungen, DSN, MDN"
    )

    @field_validator("dienstkennung", "subject")
    @classmethod
    def _known_placeholders(cls, template: str | None) -> str | None:
        return _checked(template)

    @model_validator(mode="after")
    def _types_of_a_type(self) -> Entry:
        if ("<Typ>" in self.dienstkennung) != bool(self.types):
            raise ValueError("types: erwartet genau, wenn die Dienstkennung <Typ> enthält")
        return self

    @cached_property
    def exact(self) -> re.Pattern[str]:
        """What the Dienstkennung has to be when it is written."""
        return pattern(self.dienstkennung, self.types)

    @cached_property
    def loose(self) -> re.Pattern[str]:
        """What is taken for it when it is read: upper and lower case are the same."""
        return re.compile(self.exact.pattern, re.IGNORECASE)

    def pattern(self, template: str, service: str) -> re.Pattern[str]:
        """Return what *template* of this entry matches in a mail with the Dienstkennung."""
        return pattern(template, self.types, service)

    @property
    def says_nothing(self) -> bool:
        """Whether the Dienstkennung is all that is known."""
        return self.parts is None and self.subject is None and not self.receipt


class Register(Settings):
    """A file with Dienstkennungen; an entry replaces the shipped one of the same name."""

    dienstkennungen: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Register:
        names = [entry.dienstkennung.casefold() for entry in self.dienstkennungen]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} steht doppelt da")
        return self


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a file with Dienstkennungen, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kimulator.invalid/dienstkennungen.schema.json",
        **Register.model_json_schema(),
    }


def _checked(template: str | None) -> str | None:
    names = placeholders(template or "")
    for name in names:
        if name not in KNOWN:
            raise ValueError(f"{name} gibt es nicht, möglich: {', '.join(KNOWN)}")
    if sum(name in NAMES_THE_DOCUMENT for name in names) > 1:
        raise ValueError("<UUID> und <ID> nennen das Dokument, zusammen höchstens einmal")
    return template
