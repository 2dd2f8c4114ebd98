"""Blobs as objects of a bucket, in any storage that speaks the S3 API."""

from __future__ import annotations

import asyncio
import configparser
import errno
import hashlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line

from .blobs import PIECE
from .settings import S3Settings

if TYPE_CHECKING:
    from hashlib import _Hash

PART = 8 << 20
"""Bytes of a part of an upload: 5 MiB are the least that S3 takes, 10,000 parts the most."""
MAX_CREDENTIALS = 64 << 10
_ABSENT = frozenset({"NoSuchKey", "NoSuchUpload", "404"})


class Objects:
    """Blobs under a prefix of a bucket; what fails is an OSError, as with files."""

    def __init__(self, url: str, settings: S3Settings) -> None:
        parts = urlsplit(url)
        self.bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self._settings = settings
        self._stack = AsyncExitStack()
        self.client: Any = None

    async def open(self) -> None:
        """Connect and see whether the bucket is there. Raises InputError, OSError."""
        settings = self._settings
        key, secret = _credentials(settings)
        config = AioConfig(
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},
            # newer checksums are unknown to many a storage; the KAS has a hash of its own
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self.client = await self._stack.enter_async_context(
            get_session().create_client(
                "s3",
                endpoint_url=settings.endpoint,
                region_name=settings.region,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                verify=None if settings.ca is None else str(settings.ca),
                config=config,
            )
        )
        with failures_as_os_errors():
            await self.client.head_bucket(Bucket=self.bucket)

    def key(self, name: str) -> str:
        """Return the key of the blob *name*."""
        return f"{self._prefix}/{name}" if self._prefix else name

    async def create(self, name: str) -> ObjectBlob:
        """Begin an object."""
        return ObjectBlob(self, self.key(name))

    async def read(self, name: str, sha256: _Hash) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object in pieces; raises FileNotFoundError."""
        with failures_as_os_errors():
            answer = await self.client.get_object(Bucket=self.bucket, Key=self.key(name))
            async with answer["Body"] as body:
                while data := await body.read(PIECE):
                    await asyncio.to_thread(sha256.update, data)
                    yield data

    async def delete(self, name: str) -> None:
        """Delete an object, and the parts of an upload of it that was cut off."""
        where = {"Bucket": self.bucket, "Key": self.key(name)}
        with failures_as_os_errors():
            found = await self.client.list_multipart_uploads(
                Bucket=self.bucket, Prefix=where["Key"]
            )
            for upload in found.get("Uploads", []):
                await self.client.abort_multipart_upload(**where, UploadId=upload["UploadId"])
            await self.client.delete_object(**where)

    async def close(self) -> None:
        """Close the connections."""
        await self._stack.aclose()


class ObjectBlob:
    """An object that is being written: in parts, of which one is held at a time.

    Nobody sees the object before its upload is completed.
    """

    def __init__(self, objects: Objects, key: str) -> None:
        self.sha256 = hashlib.sha256()
        self._client = objects.client
        self._where = {"Bucket": objects.bucket, "Key": key}
        self._part = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, str | int]] = []

    async def write(self, data: bytes) -> None:
        """Append *data*; returns when there is room for more."""
        self._part += data
        if len(self._part) >= PART:
            await self._send_part()

    async def finish(self) -> None:
        """Return when the storage has confirmed the whole object."""
        with failures_as_os_errors():
            if self._upload is None:
                await asyncio.to_thread(self.sha256.update, self._part)
                await self._client.put_object(**self._where, Body=bytes(self._part))
                return
            if self._part:
                await self._send_part()
            await self._client.complete_multipart_upload(
                **self._where, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
            )

    async def discard(self) -> None:
        """Take back the parts that were sent."""
        self._part = bytearray()
        if self._upload is not None:
            with failures_as_os_errors():
                await self._client.abort_multipart_upload(**self._where, UploadId=self._upload)

    async def _send_part(self) -> None:
        part, self._part = self._part, bytearray()
        await asyncio.to_thread(self.sha256.update, part)
        with failures_as_os_errors():
            if self._upload is None:
                begun = await self._client.create_multipart_upload(**self._where)
                self._upload = begun["UploadId"]
            number = len(self._parts) + 1
            sent = await self._client.upload_part(
                **self._where, UploadId=self._upload, PartNumber=number, Body=bytes(part)
            )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


@contextmanager
def failures_as_os_errors() -> Iterator[None]:
    """Turn what the client raises into OSError: absent, full, or failed in another way."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _ABSENT:
            raise FileNotFoundError(errno.ENOENT, "no such object") from None
        number = errno.ENOSPC if status == HTTPStatus.INSUFFICIENT_STORAGE else errno.EIO
        raise OSError(number, one_line(str(error))) from None
    except BotoCoreError as error:
        raise OSError(errno.EIO, one_line(str(error))) from None


def _credentials(settings: S3Settings) -> tuple[str, str]:
    """Return access key and secret from the section ``default`` of the file (AWS's format)."""
    file = settings.credentials
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_bounded(file, MAX_CREDENTIALS).decode())
        section = parser["default"]
        return section["aws_access_key_id"], section["aws_secret_access_key"]
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {one_line(str(error))}") from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise InputError(
            f"{file}: expected [default] with aws_access_key_id and aws_secret_access_key"
        ) from None
