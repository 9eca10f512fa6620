"""An execution of the state machine of bulk scoring: started once, however often that is asked."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.common.errors import CommandError
from scripts.deployment.account import CONFIG, Account, said_plainly
from scripts.scoring.scorer import Advance

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
        with said_plainly("Step Functions"):
            try:
                client.describe_execution(executionArn=self.arn)
            except client.exceptions.ExecutionDoesNotExist:
                return False
        return True

    def start(self, given: dict[str, Any]) -> None:
        with said_plainly("Step Functions"):
            self._client().start_execution(
                stateMachineArn=self.machine, name=self.name, input=json.dumps(given)
            )

    def follow(self, rows: int, advance: Advance) -> dict[str, Any]:
        """Wait for its end and return its output. advance: told of rows as they are done.

        Raises CommandError where it did not succeed: what it did is kept, and can be gone on with.
        """
        client, told = self._client(), 0
        while True:
            with said_plainly("Step Functions"):
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
