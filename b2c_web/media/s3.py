"""The store on anything that speaks S3. boto3's types and errors stay in this file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from b2c_web.media.store import CHUNK_BYTES, StoreUnavailable, Stretch, checked, new_name

MEMORY_BYTES = 8 * 1024 * 1024
GONE = {"NoSuchKey", "404", "NotFound"}
# one connection each: a web thread or a job moves one file at a time
TRANSFER = TransferConfig(use_threads=False)


class S3MediaStore:
    """Objects in one bucket, which must exist and be private; nobody but the application reads it."""

    def __init__(self, bucket: str, endpoint: str, region: str, key_id: str, secret: str) -> None:
        self.bucket = bucket
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                retries={"max_attempts": 3, "mode": "standard"},
                # checksums that only Amazon knows are left out: other stores refuse them
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"} if endpoint else {},
            ),
        )

    def put(self, content: bytes, extension: str) -> str:
        name = new_name(extension)
        self.write(name, BytesIO(content))
        return name

    def write(self, name: str, stream: BinaryIO) -> None:
        with _our_errors(name):
            self._client.upload_fileobj(_Unclosed(stream), self.bucket, checked(name), Config=TRANSFER)

    def open(self, name: str) -> BinaryIO:
        file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
        try:
            with _our_errors(name):
                self._client.download_fileobj(self.bucket, checked(name), file, Config=TRANSFER)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file  # type: ignore[return-value]  # it can all that a BinaryIO is asked for

    def part(self, name: str, first: int, length: int) -> Stretch:
        wanted = f"bytes={first}-{first + length - 1}"
        with _our_errors(name):
            body = self._client.get_object(Bucket=self.bucket, Key=checked(name), Range=wanted)["Body"]
        return _Body(name, body)

    def delete(self, name: str) -> None:
        with _our_errors(name):
            self._client.delete_object(Bucket=self.bucket, Key=checked(name))


class _Body:
    """What comes over the wire, in chunks."""

    def __init__(self, name: str, body: Any) -> None:
        self._name, self._body = name, body

    def __iter__(self) -> Iterator[bytes]:
        with _our_errors(self._name):
            yield from self._body.iter_chunks(CHUNK_BYTES)

    def close(self) -> None:
        self._body.close()


@contextmanager
def _our_errors(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in GONE:
            raise FileNotFoundError(name) from error
        raise StoreUnavailable from error
    except BotoCoreError as error:
        raise StoreUnavailable from error


class _Unclosed:
    """What boto3 may read but not close: the stream is the caller's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)
