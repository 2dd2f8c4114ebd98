"""Request bodies as the OpenAPI describes them; what it marks readOnly is passed over."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.process.errors import one_line

from .errors import Fault, RestError

MAX_BODY = 4 << 20
MAX_ADDRESSES = 1_000
"""The count of mail addresses of an entry (gemSpec_VZD)."""


def is_compressed(request: web.Request) -> bool:
    """Whether the body of *request* is not what it says as it came: nothing is unpacked here."""
    return request.headers.get("Content-Encoding", "identity").lower() != "identity"


class Body(BaseModel):
    """A JSON object; members that are not known are passed over, null is no value."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class DistinguishedName(Body):
    """``dn``: checked and passed over, the path says which entry is meant."""

    uid: str
    dc: list[str] = []
    ou: list[str] = []
    cn: str = ""


class Account(Body):
    """An address with the version of its client module and its Anwendungskennzeichen."""

    mail: str = ""
    version: str = ""
    app_tags: list[str] = Field(default=[], alias="appTags")
    no_vzd_mail_entry: bool = Field(default=False, alias="noVzdMailEntry")


class Fachdaten(Body):
    """FAD_Req: the addresses that a provider keeps for an entry, always the whole list."""

    dn: DistinguishedName | None = Field(default=None, exclude=True)
    mail: list[str] = Field(default=[], max_length=MAX_ADDRESSES)
    kom_le_data: list[Account] = Field(default=[], alias="komLeData", max_length=MAX_ADDRESSES)


class CertificateBody(Body):
    """userCertificate: DER in base64."""

    user_certificate: str = Field(default="", alias="userCertificate")
    telematik_id: str = Field(default="", alias="telematikID")
    description: str = ""


class BaseEntry(Body):
    """baseDirectoryEntry: what card issuers write."""

    dn: DistinguishedName | None = Field(default=None, exclude=True)
    given_name: str = Field(default="", alias="givenName")
    sn: str = ""
    cn: str = ""
    display_name: str = Field(default="", alias="displayName")
    street_address: str = Field(default="", alias="streetAddress")
    postal_code: str = Field(default="", alias="postalCode")
    country_code: str = Field(default="", max_length=2, alias="countryCode")
    locality_name: str = Field(default="", alias="localityName")
    state_or_province_name: str = Field(default="", alias="stateOrProvinceName")
    title: str = ""
    organization: str = ""
    other_name: str = Field(default="", alias="otherName")
    telematik_id: str = Field(default="", alias="telematikID")
    lanr: list[str] = []
    provided_by: str = Field(default="", alias="providedBy")
    specialization: list[str] = Field(default=[], max_length=100)
    domain_id: list[str] = Field(default=[], max_length=100, alias="domainID")
    holder: list[str] = Field(default=[], max_length=100)
    max_kom_leadr: str = Field(default="", alias="maxKOMLEadr")
    personal_entry: bool = Field(default=False, alias="personalEntry")
    data_from_authority: bool = Field(default=False, alias="dataFromAuthority")
    change_date_time: str = Field(default="", alias="changeDateTime")
    profession_oid: list[str] = Field(default=[], max_length=100, alias="professionOID")
    entry_type: list[str] = Field(default=[], max_length=1, alias="entryType")
    active: bool = True
    meta: list[str] = Field(default=[], max_length=100)


class NewEntry(Body):
    """CreateDirectoryEntry."""

    base: BaseEntry = Field(default=BaseEntry(), alias="DirectoryEntryBase")
    certificates: list[CertificateBody] = Field(default=[], alias="userCertificates", max_length=50)


Model = TypeVar("Model", bound=Body)
_NAMES = frozenset({"dn"})
"""Members that a model may leave out by None; all others are refused by their type."""


def read_body(content: bytes, model: type[Model]) -> Model:
    """Return *content* as *model*; RestError 400 says what is wrong and where."""
    try:
        value = json.loads(content)
        _refuse_what_cannot_be_kept(value)
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            Fault(".".join(str(part) for part in one["loc"]), one_line(one["msg"]))
            for one in error.errors(include_input=False)[:50]
        ]
        raise RestError(400, "Bad Request", *faults) from None
    except (ValueError, RecursionError) as error:
        raise RestError(400, f"kein JSON: {one_line(str(error), 200)}") from None


def _refuse_what_cannot_be_kept(value: Any, name: str = "") -> None:
    """Raise ValueError for null, which no attribute may be, and text that has no UTF-8.

    An unknown member may be null: it is passed over.
    """
    if value is None and name in _NAMES:
        raise ValueError(f"{name} ist null")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for key, member in value.items():
            key.encode()
            _refuse_what_cannot_be_kept(member, key)
    elif isinstance(value, list):
        for member in value:
            _refuse_what_cannot_be_kept(member)
