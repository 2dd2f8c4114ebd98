"""Settings of a process: a JSON or YAML file, checked against a model, reported in one line."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from .bounded_file import read_bounded
from .errors import InputError, one_line
from .guardrails import refuse_public_address
from .yaml_text import load_yaml

MAX_SETTINGS_BYTES = 16 << 20


_IN_OTHER_WORDS = MappingProxyType(
    {"extra_forbidden": "there is no such setting", "missing": "is needed, but not there"}
)
DIRECTORY = "directory"
"""In the context of validation: where relative paths begin."""


class Settings(BaseModel):
    """A part of a settings file: immutable, and an unknown key is an error.

    A relative path begins at the directory of the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _beside_the_file(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Path) and info.context is not None:
            return info.context[DIRECTORY] / value
        return value


class Listener(Settings):
    """Where a process listens; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 0


class Listeners(Settings):
    """The listeners of a role; a role adds its own beside the control port."""

    control: Listener = Listener()


class TlsIdentity(Settings):
    """A server's or client's certificate chain and private key, both PEM files."""

    certificate: Path
    key: Path


class ProcessSettings(Settings):
    """What every process is told, whatever its role.

    ``name`` is unique in a world and names the process in journal and logs; ``seed`` fixes all
    that is random but keys, nonces and signatures; ``data_dir`` belongs to this process alone.
    """

    name: str
    seed: int = 1
    data_dir: Path
    allow_all_addresses: bool = False
    listeners: Listeners = Listeners()

    @model_validator(mode="after")
    def _guard_listeners(self) -> ProcessSettings:
        for field in type(self.listeners).model_fields:
            listener = getattr(self.listeners, field)
            if isinstance(listener, Listener):
                try:
                    refuse_public_address(listener.host, allowed=self.allow_all_addresses)
                except InputError as error:
                    raise ValueError(f"listeners.{field}: {error}") from None
        return self


S = TypeVar("S", bound=Settings)


def read_settings(model: type[S], path: Path) -> S:
    """Read *path* into *model*; relative paths in it begin at its directory.

    Raises InputError with file, key and what was expected.
    """
    try:
        text = read_bounded(path, MAX_SETTINGS_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {one_line(str(error))}") from None
    try:
        content = load_yaml(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    try:
        return model.model_validate(content, context={DIRECTORY: path.parent.absolute()})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        said = _IN_OTHER_WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {where}: {one_line(said)}") from None
