"""A bucket in which somebody left the trace of a look for a newer model, or nobody did."""

from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def looked_at(moment: datetime | None, refused: str = "404") -> "S3Client":
    """A client that finds a trace of a moment, or is refused with a code."""

    def head_object(**asked: str) -> dict[str, Any]:
        if moment is None:
            raise ClientError({"Error": {"Code": refused}}, "HeadObject")
        return {"LastModified": moment, **asked}

    return cast("S3Client", SimpleNamespace(head_object=head_object))
