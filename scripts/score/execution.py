"""An execution of the state machine of bulk scoring: started once, however often that is asked."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common.errors import CommandError
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.score.rows import VERSION, Advance, Outcome, Row, json_line, rejected, scored

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

POLL_SECONDS = 5.0
UNDER_WAY = ("RUNNING", "PENDING_REDRIVE")
FINISHED = ("succeeded", "failed", "timedOut", "aborted")  # rows of a map that are counted as


@dataclass(frozen=True)
class Execution:
    """A run of `machine`, an ARN, by its own name."""

    account: Account
    machine: str
    name: str
    sleep: Callable[[float], None] = time.sleep

    @property
    def arn(self) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{self.name}"

    def exists(self) -> bool:
        """Whether it was started, by this command or by one that was killed."""
        client = self._client()
        with aws_errors("Step Functions"):
            try:
                client.describe_execution(executionArn=self.arn)
            except client.exceptions.ExecutionDoesNotExist:
                return False
        return True

    def start(self, given: dict[str, Any]) -> None:
        with aws_errors("Step Functions"):
            self._client().start_execution(
                stateMachineArn=self.machine, name=self.name, input=json.dumps(given)
            )

    def follow(self, rows: int, advance: Advance) -> dict[str, Any]:
        """Wait for its end and return its output. advance: told of rows as they are done.

        Raises CommandError where it did not succeed: what it did is kept, and can be gone on with.
        """
        client, told = self._client(), 0
        while True:
            with aws_errors("Step Functions"):
                found = client.describe_execution(executionArn=self.arn)
                done = rows if found["status"] == "SUCCEEDED" else self._done(client)
            advance(done - told)
            told = done
            if found["status"] == "SUCCEEDED":
                output: dict[str, Any] = json.loads(found["output"])
                return output
            if found["status"] not in UNDER_WAY:
                raise CommandError(
                    f"{self.arn}: {found['status']}: {found.get('error', '')} "
                    f"{found.get('cause', '')}\nTo go on with what it has not done: aws "
                    f"stepfunctions redrive-execution --execution-arn {self.arn}; then run this "
                    "command again"
                )
            self.sleep(POLL_SECONDS)

    def _done(self, client: "SFNClient") -> int:
        """Rows of the map that need no more waiting."""
        runs = client.list_map_runs(executionArn=self.arn)["mapRuns"]
        if not runs:
            return 0
        counts = client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        return sum(counts[each] for each in FINISHED)  # type: ignore[literal-required]

    def _client(self) -> "SFNClient":
        return self.account.session.client("stepfunctions", config=CONFIG)


ROW, TEXT = "row", "text"
AROUND = 500  # bytes that the map writes around a row: its place, the column, the path


@dataclass
class Shard:
    """Some rows: those in a file to be sent, and what came of those that are not.

    first: the number of the first. sent: how many are in the file.
    """

    first: int
    outcomes: list[Outcome | None] = field(default_factory=list)
    sent: int = 0

    def put(self, number: int, outcome: Outcome) -> None:
        """What came of a row, by its number in the whole input."""
        self.outcomes[number - self.first] = outcome

    def whole(self) -> Sequence[Outcome] | None:
        """Of all rows in order; None while one is missing."""
        found = [outcome for outcome in self.outcomes if outcome is not None]
        return found if len(found) == len(self.outcomes) else None


def write_shard(rows: Iterable[Row], path: Path, batch_bytes: int) -> Shard | None:
    """A file of the texts that a batch can carry; None where there are no rows.

    batch_bytes: of one batch of the map as JSON, and so of one row at most.
    """
    shard: Shard | None = None
    with path.open("wb") as file:
        for number, text in rows:
            if shard is None:
                shard = Shard(number)
            if not isinstance(text, str):
                shard.outcomes.append(rejected(text.reason))
                continue
            line = json_line({ROW: number, TEXT: text})
            if len(line) > batch_bytes - AROUND:
                shard.outcomes.append(
                    rejected(f"takes {len(line):,} bytes; a batch of the stage has {batch_bytes:,}")
                )
                continue
            file.write(line)
            shard.outcomes.append(None)
            shard.sent += 1
    return shard


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
    with aws_errors("S3"):
        client = account.session.client("s3", config=CONFIG)
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        yield from (line for line in body.iter_lines(1 << 20) if line)
