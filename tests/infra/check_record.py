"""Client of S3 for the record of the last check for a newer model."""

from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def checked_at(moment: datetime | None, refused: str = "404") -> "S3Client":
    """Return a client that finds a record of a moment, or else gets an error code."""

    def head_object(**asked: str) -> dict[str, Any]:
        if moment is None:
            raise ClientError({"Error": {"Code": refused}}, "HeadObject")
        return {"LastModified": moment, **asked}

    return cast("S3Client", SimpleNamespace(head_object=head_object))
