"""What the distributed map wrote into the bucket: its manifest, and the files that it lists."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.common.errors import CommandError
from scripts.deployment.account import CONFIG, Account, said_plainly
from scripts.scoring.outcomes import VERSION, Outcome, rejected, scored
from scripts.scoring.shard import ROW

Result = tuple[int, Outcome]  # the row's number, and what came of it


def read_results(account: Account, output: dict[str, Any]) -> Iterator[Result]:
    """Of all rows, in any order. output: of an execution that succeeded. Raises CommandError."""
    place = output["ResultWriterDetails"]
    manifest = json.loads(b"".join(_lines(account, place["Bucket"], place["Key"])))
    files, bucket = manifest["ResultFiles"], manifest["DestinationBucket"]
    if files.get("PENDING"):
        raise CommandError(f"{place['Key']}: some rows were never tried, though the run succeeded")
    for file in files.get("SUCCEEDED", []):
        for line in _lines(account, bucket, file["Key"]):
            yield _scored(json.loads(line))
    for file in files.get("FAILED", []):
        for line in _lines(account, bucket, file["Key"]):
            yield from _failed(json.loads(line))


def _scored(line: dict[str, Any]) -> Result:
    """A row that came back: with a prediction, or with the reason why there is none."""
    number = line["input"][ROW]
    if "error" in line:
        return number, rejected(line["error"])
    return number, scored(line, line[VERSION])


def _failed(execution: dict[str, Any]) -> Iterator[Result]:
    """The rows of a batch that failed as a whole, as its execution's record has them."""
    given = execution["Input"]
    batch = json.loads(given) if isinstance(given, str) else given
    reason = f"{execution.get('Error', execution.get('Status'))}: {execution.get('Cause', '')}"
    for item in batch["Items"]:
        yield item["input"][ROW], rejected(f"its batch failed: {reason}")


def _lines(account: Account, bucket: str, key: str) -> Iterator[bytes]:
    with said_plainly("S3"):
        client = account.session.client("s3", config=CONFIG)
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        yield from (line for line in body.iter_lines(1 << 20) if line)
