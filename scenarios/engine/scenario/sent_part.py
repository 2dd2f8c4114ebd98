"""A part of a mail with any registered Dienstkennung, as a scenario states it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from simulators.process.settings import Settings

from .cast import Name

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=200)]
Described = Annotated[str, Field(pattern=r"^[ -~]{1,200}$")]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$", max_length=100)]


class SentPart(Settings):
    """An attachment: a document as it is, or signed. Names and type come from the register."""

    document: Name | None = Field(default=None, description="ein Dokument, unsigniert")
    signed: Name | None = Field(default=None, description="ein signiertes Dokument (sign)")
    as_: str | None = Field(
        default=None,
        alias="as",
        max_length=400,
        description="welcher Anhang des Registers es ist (Content-Description oder Vorlage des "
        "Dateinamens); ohne Angabe der Reihe nach",
    )
    file_name: FileName | None = None
    description: Described | None = Field(default=None, description="Content-Description")
    media_type: MediaType | None = None

    @model_validator(mode="after")
    def _one_source(self) -> SentPart:
        if (self.document is None) == (self.signed is None):
            raise ValueError("erwartet wird genau eines von document und signed")
        return self
