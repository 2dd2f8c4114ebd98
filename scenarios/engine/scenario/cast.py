"""Who acts in a scenario, and the documents that are made in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simulators.process.settings import Settings

from .certificate import Certificate
from .insurer import InsurerHabits

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Resource = Literal[
    "Composition", "Patient", "Practitioner", "Organization", "Coverage", "Condition", "List"
]


_STATED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "eau-storno": frozenset({"doctor", "practice", "encoding", "profile_version", "without"}),
        "arztbrief-cda": frozenset({"patient", "doctor", "practice"}),
        "arztbrief-pdf": frozenset({"patient", "doctor", "practice"}),
        "given": frozenset(),
    }
)


class Actor(Settings):
    """Who acts: a participant of the world and what it plays."""

    plays: Literal["practice", "insurer"] = Field(description="practice: PVS, insurer: Kasse")
    participant: Name = Field(description="Teilnehmer der Welt, zum Beispiel praxis oder kasse")
    insurer: InsurerHabits | None = Field(
        default=None, description="bei plays: insurer: wie die Kasse arbeitet"
    )

    @model_validator(mode="after")
    def _habits_of_an_insurer(self) -> Actor:
        if self.insurer is not None and self.plays != "insurer":
            raise ValueError("insurer: nur bei plays: insurer")
        return self


class Input(Settings):
    """A document that ``--input NAME=FILE`` may replace."""

    description: str = Field(description="was die Datei enthalten muss")


class Document(Certificate):
    """A document that the practice makes; the seed fixes what is not stated.

    A Storno states ``doctor``, ``practice``, ``encoding`` and ``profile_version`` alone, an
    eArztbrief ``patient``, ``doctor`` and ``practice``, in CDA and PDF the same. A given document
    is what its ``content`` or ``file`` says.
    """

    kind: Literal["eau", "eau-storno", "arztbrief-cda", "arztbrief-pdf", "given"]
    content: str | None = Field(
        default=None,
        max_length=1_000_000,
        description="given: der Inhalt; {uuid} ist die eigene UUID des Dokuments, {now} und "
        "{today} sind die Zeit der Welt",
    )
    file: Path | None = Field(default=None, description="given: Datei, relativ zum Szenario")
    of: Name | None = Field(default=None, description="eau-storno: die eAU, die storniert wird")
    insurer: Name = Field(default="kasse", description="Akteur, dessen Versicherter es ist")
    without: tuple[Resource, ...] = Field(
        default=(), description="Ressourcen, die weggelassen werden (fehlerhafte eAU, Storno)"
    )
    uuid_of: Name | None = Field(
        default=None, description="eau: benutzt die UUID dieser eAU noch einmal (P310-14, falsch)"
    )

    @model_validator(mode="after")
    def _storno_of_something(self) -> Document:
        if (self.kind == "eau-storno") != (self.of is not None):
            raise ValueError("of: erwartet genau bei kind: eau-storno")
        return self

    @model_validator(mode="after")
    def _content_of_a_given_one(self) -> Document:
        given = (self.content is not None) + (self.file is not None)
        if given != (1 if self.kind == "given" else 0):
            raise ValueError("content, file: erwartet wird eines, genau bei kind: given")
        return self

    @model_validator(mode="after")
    def _nothing_that_is_passed_over(self) -> Document:
        stated = (self.model_fields_set & Certificate.model_fields.keys()) | (
            self.model_fields_set & {"without", "uuid_of"}
        )
        if unused := sorted(stated - _STATED.get(self.kind, stated)):
            raise ValueError(f"{', '.join(unused)}: nicht bei kind: {self.kind}")
        return self
