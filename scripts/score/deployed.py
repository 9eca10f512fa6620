"""Scoring by a stage's state machine: texts to its bucket, a distributed map over them, and back.

Shards of rows go one after the other, each as an execution whose name follows from the run's: a
command that was killed finds the executions that it had started. All call the function's version
that the first one called. Only texts are sent; the other columns stay here.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from boto3.exceptions import Boto3Error

from infra.configuration.bulk import BulkConfiguration
from scripts.common.errors import CommandError, UsageError
from scripts.deploy.account import CONFIG, Account, aws_errors, open_account
from scripts.deploy.stacks import load_stage
from scripts.score.execution import Execution, Shard, read_map_results, write_shard
from scripts.score.rows import Advance, Row, RowResult

FILE_BYTES = 9_000_000_000  # of the 10 GB that a map's reader takes


@dataclass(frozen=True)
class DeployedModel:
    """A `rows.Scorer` that uses a stage's state machine. model: None for the stage's default."""

    account: Account
    bucket: str
    machine: str
    bulk: BulkConfiguration
    model: str | None
    sleep: Callable[[float], None] = time.sleep

    @property
    def chunk_rows(self) -> int:
        """Return how many rows the map reads of one file, if each is as long as it may be."""
        return min(self.bulk.maximum_rows, FILE_BYTES // self.bulk.batch_bytes)

    @property
    def answer_key(self) -> None:
        return None

    @property
    def identity(self) -> dict[str, str]:
        return {"machine": self.machine, "model": self.model or ""}

    def score(
        self, rows: Iterator[Row], run: str, advance: Advance
    ) -> Iterator[Sequence[RowResult]]:
        with tempfile.TemporaryDirectory(prefix="score-") as folder:
            path = Path(folder, "texts.jsonl")
            while shard := write_shard(islice(rows, self.chunk_rows), path, self.bulk.batch_bytes):
                advance(len(shard.results) - shard.sent)
                if shard.sent:
                    self._run(shard, path, run, advance)
                results = shard.complete()
                if results is None:
                    raise CommandError(f"{self.machine}: gave no result for some rows")
                yield results

    def _run(self, shard: Shard, path: Path, run: str, advance: Advance) -> None:
        execution = self._execution(run, shard.first)
        if not execution.exists():
            key = f"in/{execution.name}.jsonl"
            with aws_errors("S3"):
                client = self.account.session.client("s3", config=CONFIG)
                try:
                    client.upload_file(str(path), self.bucket, key)
                except Boto3Error as error:
                    raise CommandError(f"S3: {error}") from error
            version = self._execution(run, 0).version() if shard.first else ""
            given = {"key": key, "model": self.model, "version": version}
            execution.start({name: value for name, value in given.items() if value})
        for number, result in read_map_results(self.account, execution.wait(shard.sent, advance)):
            shard.put(number, result)

    def _execution(self, run: str, first: int) -> Execution:
        return Execution(self.account, self.machine, f"score-{run}-{first}", self.sleep)


def open_deployed(stage_name: str, model: str | None) -> DeployedModel:
    """Find the state machine of a stage in the outputs of its stacks.

    Raises UsageError if the stage has no bulk scoring or credentials lead to another account,
    CommandError if it is not deployed.
    """
    project, stage = load_stage(stage_name)
    if stage.bulk is None:
        raise UsageError(
            f"stage {stage.name} has no bulk scoring: bulk=BulkConfiguration() in infra/stages.py, "
            "then deploy"
        )
    account, stack = open_account(stage), project.stack(stage.name, "bulk")
    return DeployedModel(
        account,
        account.output(stack, "BulkBucket"),
        account.output(stack, "BulkMachine"),
        stage.bulk,
        model,
    )
