"""An execution of the state machine for bulk scoring: its input, its progress and its results."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common.errors import CommandError
from scripts.data.rows import RowError
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.score.rows import VERSION, Advance, Row, RowResult, json_line, rejected, scored

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

POLL_SECONDS = 5.0
RUNNING = ("RUNNING", "PENDING_REDRIVE")
FINISHED = ("succeeded", "failed", "timedOut", "aborted")  # the map's counts of finished rows
ROW, TEXT = "row", "text"
OVERHEAD = 500  # bytes that the map adds to a row: its number, the column, the path

NumberedResult = tuple[int, RowResult]  # a row's number in the input, and its result


@dataclass
class Shard:
    """Consecutive rows: texts in a file to be sent, and results as they become known."""

    first: int  # number of the first row
    # one per row, None until it is known
    results: list[RowResult | None] = field(default_factory=list)
    sent: int = 0  # texts in the file

    def put(self, number: int, result: RowResult) -> None:
        """Set the result of a row, by its number in the whole input."""
        self.results[number - self.first] = result

    def complete(self) -> Sequence[RowResult] | None:
        """Return the results of all rows in order; None while one is missing."""
        found = [result for result in self.results if result is not None]
        return found if len(found) == len(self.results) else None


def write_shard(rows: Iterable[Row], path: Path, batch_bytes: int) -> Shard | None:
    """Write the texts that a batch can carry as the map reads them, a JSON object per line.

    `batch_bytes` is the largest size of one batch of the map as JSON, and so of one row. Returns
    the shard, in which rows that cannot be sent are rejected; None where there are no rows.
    """
    shard: Shard | None = None
    with path.open("wb") as file:
        for number, text in rows:
            if shard is None:
                shard = Shard(number)
            if isinstance(text, RowError):
                shard.results.append(rejected(text.reason))
                continue
            line = json_line({ROW: number, TEXT: text})
            if len(line) > batch_bytes - OVERHEAD:
                shard.results.append(
                    rejected(f"takes {len(line):,} bytes; a batch of the stage has {batch_bytes:,}")
                )
                continue
            file.write(line)
            shard.results.append(None)
            shard.sent += 1
    return shard


@dataclass(frozen=True)
class Execution:
    """A run of `machine`, an ARN. Its name makes sure that it starts only once."""

    account: Account
    machine: str
    name: str
    sleep: Callable[[float], None] = time.sleep

    @property
    def arn(self) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{self.name}"

    def exists(self) -> bool:
        """Return whether it was started, by this command or by one that was killed."""
        return self._describe() is not None

    def version(self) -> str:
        """Return the function's version that it called, once it ended; empty for unknown."""
        found = self._describe()
        output = json.loads(found.get("output", "{}")) if found else {}
        return str(output.get("version", ""))

    def start(self, document: dict[str, Any]) -> None:
        with aws_errors("Step Functions"):
            self._client().start_execution(
                stateMachineArn=self.machine, name=self.name, input=json.dumps(document)
            )

    def wait(self, rows: int, advance: Advance) -> dict[str, Any]:
        """Wait for its end and return its output; `advance` is called with finished rows.

        Raises CommandError if it did not succeed: what it has done is kept, and it can be redriven.
        """
        client, reported = self._client(), 0
        while True:
            with aws_errors("Step Functions"):
                found = client.describe_execution(executionArn=self.arn)
                done = rows if found["status"] == "SUCCEEDED" else self._done(client)
            advance(done - reported)
            reported = done
            if found["status"] == "SUCCEEDED":
                output: dict[str, Any] = json.loads(found["output"])
                return output
            if found["status"] not in RUNNING:
                raise CommandError(
                    f"{self.arn}: {found['status']}: {found.get('error', '')} "
                    f"{found.get('cause', '')}\nTo go on with what it has not done: aws "
                    f"stepfunctions redrive-execution --execution-arn {self.arn}; then run this "
                    "command again"
                )
            self.sleep(POLL_SECONDS)

    def _done(self, client: "SFNClient") -> int:
        """Return how many rows of the map are finished."""
        runs = client.list_map_runs(executionArn=self.arn)["mapRuns"]
        if not runs:
            return 0
        counts = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        return sum(counts[each] for each in FINISHED)  # type: ignore[literal-required]

    def _describe(self) -> "DescribeExecutionOutputTypeDef | None":
        client = self._client()
        with aws_errors("Step Functions"):
            try:
                return client.describe_execution(executionArn=self.arn)
            except client.exceptions.ExecutionDoesNotExist:
                return None

    def _client(self) -> "SFNClient":
        return self.account.session.client("stepfunctions", config=CONFIG)


def read_map_results(account: Account, output: dict[str, Any]) -> Iterator[NumberedResult]:
    """Yield what the map wrote into the bucket, for all rows in any order.

    `output` is of an execution that succeeded: it names the map's manifest, which lists the files
    of results. Raises CommandError if the bucket cannot be read, or the manifest has rows that were
    never tried.
    """
    place = output["ResultWriterDetails"]
    manifest = json.loads(b"".join(_lines(account, place["Bucket"], place["Key"])))
    files, bucket = manifest["ResultFiles"], manifest["DestinationBucket"]
    if files.get("PENDING"):
        raise CommandError(f"{place['Key']}: some rows were never tried, though the run succeeded")
    for file in files.get("SUCCEEDED", []):
        for line in _lines(account, bucket, file["Key"]):
            yield _succeeded(json.loads(line))
    for file in files.get("FAILED", []):
        for line in _lines(account, bucket, file["Key"]):
            yield from _failed(json.loads(line))


def _succeeded(line: dict[str, Any]) -> NumberedResult:
    """Return a row that came back with a prediction, or with the reason for having none."""
    number = line["input"][ROW]
    if "error" in line:
        return number, rejected(line["error"])
    return number, scored(line, line[VERSION])


def _failed(execution: dict[str, Any]) -> Iterator[NumberedResult]:
    """Yield the rows of a batch that failed as a whole, from its execution's record."""
    given = execution["Input"]
    batch = json.loads(given) if isinstance(given, str) else given
    reason = f"{execution.get('Error', execution.get('Status'))}: {execution.get('Cause', '')}"
    for item in batch["Items"]:
        yield item["input"][ROW], rejected(f"its batch failed: {reason}")


def _lines(account: Account, bucket: str, key: str) -> Iterator[bytes]:
    with aws_errors("S3"):
        client = account.session.client("s3", config=CONFIG)
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        yield from (line for line in body.iter_lines(1 << 20) if line)
