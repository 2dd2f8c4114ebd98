"""What the Account Manager's interfaces answer, read strictly where it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

KIM_VERSION = "1.5"
"""What an account is registered with."""
LARGE_MAILS_SUFFIX = "+"
"""Behind the KIM version of who receives large mails (A_23505)."""


class _Answer(BaseModel):
    """An answer; what a newer interface adds is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Account(_Answer):
    """An account as getAccount shows it; ``deregistered_until`` is its last day."""

    address: str = Field(validation_alias="username", max_length=256)
    kim_version: str = Field(default="", validation_alias="kimVersion", max_length=16)
    state: Literal["registered", "deregistered"] = Field(
        default="registered", validation_alias="regStat"
    )
    dereg_date: int | None = Field(
        default=None, validation_alias="deregDate", ge=0, le=32_503_680_000
    )
    days_kept: int = Field(default=90, validation_alias="dataTimeToLive")
    max_mail_size: int = Field(default=734_003_200, validation_alias="maxMailSize")
    reference_id: str | None = Field(default=None, validation_alias="referenceID", max_length=256)

    @property
    def takes_large_mails(self) -> bool:
        """Tell whether large mails are enabled (A_23505)."""
        return self.kim_version.endswith(LARGE_MAILS_SUFFIX)

    @property
    def deregistered_until(self) -> datetime | None:
        """Until when mails can be fetched from a deregistered account."""
        if self.state == "registered" or self.dereg_date is None:
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.dereg_date)


class OutOfOffice(_Answer):
    """An out-of-office note; an account that never had one knows ``active`` alone (FAQ)."""

    start: datetime | None = Field(default=None, validation_alias="startDate")
    end: datetime | None = Field(default=None, validation_alias="endDate")
    message: str | None = Field(default=None, max_length=2048)
    active: bool = False


class ServiceInformation(_Answer):
    """What a provider wants to know at a registration, and its rule for passwords."""

    kim_service_version: str = Field(
        default="", validation_alias="kimServiceVersion", max_length=64
    )
    password_rule: str = Field(
        default="", validation_alias="passwordPolicyDisplay", max_length=2048
    )
    reference_id_required: bool = Field(default=True, validation_alias="referenceIdRequired")
    initial_password_required: bool = Field(
        default=True, validation_alias="initialPasswordRequired"
    )


class Certificate(_Answer):
    """The answer to createCert: a PKCS#12 in base64."""

    file: str = Field(min_length=1, max_length=1 << 20)


class OneTimePassword(_Answer):
    """The answer to getOTP, in base64."""

    otp: str = Field(min_length=1, max_length=256)


class Refusal(_Answer):
    """The body of an error."""

    message: str = ""
