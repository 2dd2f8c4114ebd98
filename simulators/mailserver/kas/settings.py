"""What the KAS of a provider is told: where data lies, who may fetch it how often, limits."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from simulators.process.settings import Settings

S3 = "s3://"


class S3Settings(Settings):
    """How the object storage is reached: URL, region, trust.

    ``credentials`` is a file as AWS's tools have it: ``[default]`` with ``aws_access_key_id`` and
    ``aws_secret_access_key``.
    """

    endpoint: str = Field(pattern=r"^https?://[^\s]+$")
    credentials: Path
    region: str = "us-east-1"
    ca: Path | None = None


class KasSettings(Settings):
    """Settings of the KAS.

    ``storage`` is where mail data lies: a folder, or ``s3://BUCKET/PREFIX`` in an object storage
    that ``s3`` describes (needs the extra ``s3``); without it the folder ``kas`` in ``data_dir``.
    Processes that share a database must share the storage, too.

    ``base_url`` is what shared links begin with, ``https://host:port/attachments/v2.4``; without
    it they name the address of the listener. ``capacity`` bounds the bytes of all accounts
    together, beside the quota of each (507); None means no bound but the disk's.

    ``max_downloads`` is how often a recipient may fetch the data of one link (429, A_22412); who
    has fetched nothing for ``download_window_seconds`` of virtual time starts again. Unconfirmed:
    the specification names no number; these are those of gematik's reference implementation.

    ``sender_may_download`` lets the sender of a link fetch it, too, as often as it likes. gematik's
    reference implementation does, the OpenAPI says 403 for whoever is not in the list.

    ``require_part_length`` refuses an upload whose part ``attachment`` has no Content-Length
    (400, A_22427-01); real services are known to be more lenient.

    ``idle_seconds`` of real time without a byte end an upload or a download.
    """

    storage: str | None = Field(default=None, min_length=1)
    s3: S3Settings | None = None
    base_url: str | None = None
    capacity: int | None = Field(default=None, ge=0)
    max_downloads: int = Field(default=1000, ge=1)
    download_window_seconds: float = Field(default=300, gt=0)
    sender_may_download: bool = False
    require_part_length: bool = True
    idle_seconds: float = Field(default=60, gt=0, le=3600)

    @field_validator("base_url")
    @classmethod
    def _is_a_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("expected https://host:port/path")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _object_storage_is_described(self) -> KasSettings:
        if self.storage is not None and self.storage.startswith(S3):
            if not urlsplit(self.storage).netloc:
                raise ValueError("storage: expected s3://BUCKET/PREFIX")
            if self.s3 is None:
                raise ValueError("storage: an object storage needs s3 (endpoint, credentials)")
        return self
