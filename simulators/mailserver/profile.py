"""What differs between KIM providers: passwords, addresses, who may register. Shipped as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from simulators.formats.kv_addresses import AREAS, INSTITUTION, PERSON
from simulators.process.settings import Settings
from simulators.process.yaml_text import load_yaml

_FOLDER, _SUFFIX = "profiles", ".yaml"
MAX_PASSWORD = 256


class Areas(Settings):
    """Addresses end in the area of the Kassenärztliche Vereinigung of the practice (kvdox.md).

    ``numbers`` gives the area by the first two digits of a BSNR; ``institution`` and ``person``
    are the proposals for the part before it, to be edited freely, of the accounts of an SMC-B and
    of an HBA, with ``{bsnr}``, ``{given_name}``, ``{surname}``. Only who has one of the roles
    ``members`` (professionOIDs) may register.
    """

    numbers: dict[Annotated[str, Field(pattern=r"^[0-9]{2}$")], str] = Field(
        default_factory=lambda: dict(AREAS)
    )
    institution: str = INSTITUTION
    person: str = PERSON
    members: list[str] = Field(min_length=1)


class ProviderProfile(Settings):
    """The rules of one provider.

    ``password_regex`` (Java style, as ServiceInformation reports it) and ``password_display``;
    ``jwt_expiration`` is how long a JWT holds after its nbf, in seconds; ``kim_versions`` are
    those that an account may have. ``addresses_per_identity`` counts those of one Telematik-ID,
    A former address is only given to the same
    Telematik-ID again (gematik's use cases), with ``addresses_given_once`` to nobody. ``notes``
    says where the rules come from and what is unconfirmed.
    """

    title: str
    notes: list[str] = []
    kim_service_version: str = "1.5.5"
    kim_versions: list[str] = ["1.0", "1.5", "1.5+"]
    password_regex: str
    password_display: str
    jwt_expiration: int = Field(default=300, ge=300, le=21_600)
    reference_id_required: bool = True
    initial_password_required: bool = False
    addresses_per_identity: int | None = Field(default=None, ge=1)
    addresses_given_once: bool = True
    areas: Areas | None = None

    @field_validator("password_regex")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return pattern

    def accepts_password(self, password: str) -> bool:
        """Tell whether *password* keeps to the rule (KOM-LE-A_2163)."""
        return (
            len(password) <= MAX_PASSWORD
            and password.isprintable()
            and re.fullmatch(self.password_regex, password) is not None
        )


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that are shipped."""
    folder = resources.files(__package__).joinpath(_FOLDER)
    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


def _named(content: Any) -> Any:
    """Read a profile by its name, or a table that names one and overrides some of it."""
    if isinstance(content, str):
        return _shipped(content)
    if isinstance(content, Mapping) and isinstance(content.get("profile"), str):
        overrides = {key: value for key, value in content.items() if key != "profile"}
        return {**_shipped(content["profile"]), **overrides}
    return content


def _shipped(name: str) -> dict[str, Any]:
    if name not in profile_names():
        raise ValueError(f"profile: there is no {name!r:.40}, only {', '.join(profile_names())}")
    file = resources.files(__package__).joinpath(_FOLDER, name + _SUFFIX)
    content = load_yaml(file.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


Profile = Annotated[ProviderProfile, BeforeValidator(_named)]
"""A profile by name, a table with ``profile`` and what differs from it, or one written out."""


def shipped_profile(name: str) -> ProviderProfile:
    """Return the shipped profile *name*. Raises ValueError that names those there are."""
    return ProviderProfile.model_validate(_shipped(name))
