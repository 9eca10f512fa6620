"""Every hour: tell how long ago somebody looked for a newer model. CloudWatch makes a metric of it.

Environment: BUCKET and KEY of the trace that each look leaves, MODEL, SERVICE. Where nobody ever
looked there is no figure, which the alarm takes for the worst.
"""

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAMESPACE, METRIC = "Evergreen", "refresh_age_hours"
# 403 is what one gets for nothing at all who may read an object, but not list its bucket.
ABSENT = {"404", "NoSuchKey", "403", "AccessDenied"}


def handler(_event: dict[str, Any], _context: object) -> None:
    """EventBridge's call."""
    import boto3

    report(boto3.client("s3"), datetime.now(UTC))


def report(s3: "S3Client", now: datetime) -> None:
    """Print the age in CloudWatch's embedded metric format, or that there is none."""
    from botocore.exceptions import ClientError

    bucket, key = os.environ["BUCKET"], os.environ["KEY"]
    try:
        looked = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        print(json.dumps({"trace": f"s3://{bucket}/{key}", "found": False}))
        return
    dimensions = {"service": os.environ["SERVICE"], "model": os.environ["MODEL"]}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": METRIC}],
    }
    metadata = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    hours = round((now - looked).total_seconds() / 3600, 3)
    print(json.dumps({"_aws": metadata, **dimensions, METRIC: hours}))
