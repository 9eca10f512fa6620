"""Hourly metric of the time since the last check for a newer model.

Environment: BUCKET and KEYS, of the record that each check writes and of an object to count from
before there is one; MODEL, SERVICE. Without any there is no metric.
"""

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAMESPACE, METRIC = "Evergreen", "refresh_age_hours"
# S3 answers 403 for a missing key to a caller who may read the object, but not list the bucket.
ABSENT = {"404", "NoSuchKey", "403", "AccessDenied"}


def handler(_event: dict[str, Any], _context: object) -> None:
    """Print the metric, once an hour."""
    import boto3

    report(boto3.client("s3"), datetime.now(UTC))


def report(s3: "S3Client", now: datetime) -> None:
    """Print the hours in CloudWatch's embedded metric format, or that there is no record."""
    from botocore.exceptions import ClientError

    bucket, keys = os.environ["BUCKET"], os.environ["KEYS"].split(",")
    for key in keys:
        try:
            checked = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
            break
        except ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                raise
    else:
        print(json.dumps({"trace": f"s3://{bucket}/{keys[0]}", "found": False}))
        return
    dimensions = {"service": os.environ["SERVICE"], "model": os.environ["MODEL"]}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": METRIC}],
    }
    metadata = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    hours = round((now - checked).total_seconds() / 3600, 3)
    print(json.dumps({"_aws": metadata, **dimensions, METRIC: hours}))
