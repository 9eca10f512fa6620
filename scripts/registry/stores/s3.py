"""Objects under a prefix of an S3 bucket, written conditionally.

Credentials, region and endpoint come from the usual AWS variables and files. Needs the `aws` extra.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scripts.common.errors import ConflictError, NotFoundError, StoreError
from scripts.registry.stores.store import Content, Listed, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READ_SECONDS = 60.0
ATTEMPTS = 4
PAGE = 1000  # keys of one answer to a listing, the most that S3 gives
MOST_BYTES = 5 * 1024**3  # of one conditional write; an upload in parts is not one
CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
ABSENT = {"NoSuchKey", "404", "NotFound"}
ADVICE = {
    "NoSuchBucket": "create it, or name another one",
    "AccessDenied": "the credentials in use may not do this",
    "InvalidAccessKeyId": "the access key is unknown",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key",
    "ExpiredToken": "the credentials have expired: sign in again",
    "ExpiredTokenException": "the credentials have expired: sign in again",
    "PermanentRedirect": "the bucket lies in another region: set AWS_REGION",
}


class S3Store:
    """A bucket's prefix as an object store."""

    def __init__(self, bucket: str, prefix: str) -> None:
        """Open a prefix without slashes at its ends; an empty one is the whole bucket."""
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client = _client()

    @property
    def location(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> StoredObject:
        content = BytesIO()
        etag = self._read(key, content)
        return StoredObject(content.getvalue(), etag)

    def download(self, key: str, path: Path) -> str:
        with path.open("wb") as file:
            return self._read(key, file)

    def create(self, key: str, content: Content) -> None:
        self._put(key, content, IfNoneMatch="*")

    def replace(self, key: str, content: Content, etag: str) -> None:
        self._put(key, content, IfMatch=etag)

    def list(self, prefix: str) -> Iterator[Listed]:
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(
                Bucket=self._bucket,
                Prefix=self._prefix + prefix,
                PaginationConfig={"PageSize": PAGE},
            ):
                for entry in page.get("Contents", []):
                    yield Listed(entry["Key"].removeprefix(self._prefix), entry["LastModified"])

    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def _read(self, key: str, file: BinaryIO) -> str:
        """Write an object to a file, again if its body breaks off, and return its tag.

        botocore's own attempts end with the headers.
        """
        from botocore.exceptions import BotoCoreError

        for left in reversed(range(ATTEMPTS)):
            with self._errors(key):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                try:
                    for chunk in answer["Body"].iter_chunks(1 << 20):
                        file.write(chunk)
                    return answer["ETag"]
                except BotoCoreError:
                    if not left:
                        raise
                    file.seek(0)
                    file.truncate()
        raise AssertionError  # the last attempt returns or raises

    def _put(self, key: str, content: Content, **condition: str) -> None:
        target = {"Bucket": self._bucket, "Key": self._prefix + key, **condition}
        with self._errors(key):
            if isinstance(content, bytes):
                self._client.put_object(Body=content, **target)  # type: ignore[arg-type]
                return
            if content.stat().st_size > MOST_BYTES:
                raise StoreError(f"{content.name}: one file of an artifact may have 5 GiB")
            with content.open("rb") as file:
                self._client.put_object(Body=file, **target)  # type: ignore[arg-type]

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Turn botocore's errors into ours, in one line that says what to do."""
        from botocore.exceptions import BotoCoreError, ClientError

        where = f"s3://{self._bucket}/{self._prefix}{key}"
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in CONFLICTS:
                raise ConflictError(f"{where}: changed meanwhile, or already there") from error
            if code in ABSENT:
                raise NotFoundError(f"{where}: not there") from error
            message = error.response.get("Error", {}).get("Message", "")
            raise StoreError(f"{where}: {code}: {ADVICE.get(code, message)}") from error
        except BotoCoreError as error:
            raise StoreError(f"{where}: {error}") from error


def _client() -> "S3Client":
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        # A session of its own: the library's default one keeps the first credentials that it saw.
        return boto3.Session().client(
            "s3",
            config=Config(
                connect_timeout=10,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            ),
        )
    except BotoCoreError as error:
        raise StoreError(f"S3: {error}") from error
