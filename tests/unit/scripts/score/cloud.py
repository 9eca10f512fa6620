"""Step Functions' part of bulk scoring, in the place of AWS: the states of the real definition, run
over moto's S3 and the function's real handler, while a command sleeps between two looks.

What is ours of it: which rows make a batch, and the files that a ResultWriter leaves, both as AWS
documents them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.stepfunctions.models import stepfunctions_backends

from infra.components.bulk_states import definition
from infra.configuration.bulk import BulkConfiguration
from tests.aws import AWS
from tests.infra.states import FailedError, Function, evaluate, run_machine

REGION, ACCOUNT = AWS["AWS_REGION"], "123456789012"
MAP_RUN = "arn:aws:states:eu-central-1:123456789012:mapRun:bulk/jsonl:1"
COUNTS = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total")


@dataclass
class Running:
    """A map that is under way: batches to come, and what came of those that are done."""

    batches: Iterator[Any]
    done: list[Any] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))


@dataclass
class Cloud:
    """A machine and its bucket. Each `sleep` finishes `batches_a_sleep` batches."""

    bucket: str
    machine: str
    states: dict[str, Any]
    function: Function
    batches_a_sleep: int = 2
    sleeps: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    version: str = "7"  # of the function, that is live
    started: dict[str, str] = field(default_factory=dict)  # what was live as each run began
    called: list[str] = field(default_factory=list)  # by each batch

    @property
    def executions(self) -> list[Any]:
        (machine,) = _backend().state_machines
        found: list[Any] = machine.executions
        return found

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        assert seconds > 0
        self.sleeps += 1
        for execution in self.executions:
            if execution.status == "RUNNING":
                self._work(execution)

    def list_map_runs(self, execution_arn: str) -> dict[str, Any]:
        runs = [{"mapRunArn": execution_arn, "executionArn": execution_arn}]
        return {"mapRuns": runs if execution_arn in self.running else []}

    def describe_map_run(self, map_run_arn: str) -> dict[str, Any]:
        return {"mapRunArn": map_run_arn, "itemCounts": self.running[map_run_arn].counts}

    def _work(self, execution: Any) -> None:
        given = json.loads(execution.execution_input)
        version = self.states["States"][self.states["StartAt"]]
        result = {"FunctionVersion": self.started.setdefault(execution.name, self.version)}
        given = evaluate(version["Output"], {"input": given, "result": result}, {})
        first = self.states["States"][version["Next"]]
        chosen = next(
            choice["Next"]
            for choice in first["Choices"]
            if evaluate(choice["Condition"], {"input": given}, {}) is True
        )
        state = self.states["States"][chosen]
        if execution.execution_arn not in self.running:
            self.running[execution.execution_arn] = Running(self._batches(state, given))
            return
        run = self.running[execution.execution_arn]
        for _ in range(self.batches_a_sleep):
            batch = next(run.batches, None)
            if batch is None:
                self._finish(execution, state, run, given)
                return
            self._score(state, batch, run)

    def _score(self, state: dict[str, Any], batch: dict[str, Any], run: Running) -> None:
        count = len(batch["Items"])
        self.called.append(batch["BatchInput"]["function"])
        run.counts["total"] += count
        try:
            # Batches end in any order.
            run.done[:0] = run_machine(state["ItemProcessor"], batch, self.function)
            run.counts["succeeded"] += count
        except FailedError as error:
            record = {"Status": "FAILED", "Error": error.args[0], "Cause": error.args[1]}
            run.failed.append({"Input": json.dumps(batch), **record})
            run.counts["failed"] += count

    def _batches(self, state: dict[str, Any], given: dict[str, Any]) -> Iterator[Any]:
        reader, batcher = state["ItemReader"], state["ItemBatcher"]
        where = evaluate(reader["Arguments"], {"input": given}, {})
        assert reader["ReaderConfig"]["InputType"] == "JSONL"
        body = boto3.client("s3").get_object(**where)["Body"].read()
        rows = [json.loads(line) for line in body.splitlines()]
        assert len(rows) <= reader["ReaderConfig"]["MaxItems"], "rows behind it are not read"
        shared = evaluate(batcher["BatchInput"], {"input": given}, {})
        items: list[Any] = []
        for place, row in enumerate(rows):
            context = {"Map": {"Item": {"Index": place, "Value": row}}}
            item = evaluate(state["ItemSelector"], {"input": given, "context": context}, {})
            full = len(items) == batcher["MaxItemsPerBatch"]
            if full or _size([*items, item]) > batcher["MaxInputBytesPerBatch"]:
                yield {"Items": items, "BatchInput": shared}
                items = []
            items.append(item)
        yield {"Items": items, "BatchInput": shared}

    def _finish(
        self, execution: Any, state: dict[str, Any], run: Running, given: dict[str, Any]
    ) -> None:
        percent = 100 * run.counts["failed"] / run.counts["total"]
        if percent > state["ToleratedFailurePercentage"]:
            execution.status, execution.error = "FAILED", "States.ExceedToleratedFailureThreshold"
            execution.cause = "too many"
            return
        context = {"context": {"Execution": {"Name": execution.name}}}
        prefix = evaluate(state["ResultWriter"]["Arguments"]["Prefix"], context, {}) + "/1234"
        files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
        halves = [run.done[: len(run.done) // 2], run.done[len(run.done) // 2 :]]
        for kind, parts in (("SUCCEEDED", halves), ("FAILED", [run.failed])):
            for number, lines in enumerate(part for part in parts if part):
                key = f"{prefix}/{kind}_{number}.jsonl"
                self._put(key, "\n".join(json.dumps(line) for line in lines))
                files[kind].append({"Key": key, "Size": 1})
        manifest = {"DestinationBucket": self.bucket, "MapRunArn": MAP_RUN, "ResultFiles": files}
        self._put(f"{prefix}/manifest.json", json.dumps(manifest))
        details = {"Bucket": self.bucket, "Key": f"{prefix}/manifest.json"}
        result = {"MapRunArn": MAP_RUN, "ResultWriterDetails": details}
        output = evaluate(state["Output"], {"input": given, "result": result}, {})
        execution.output = json.dumps(output)
        execution.status = "SUCCEEDED"

    def _put(self, key: str, content: str) -> None:
        boto3.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content.encode())


def start(bucket: str, function: Function, bulk: BulkConfiguration) -> Cloud:
    """A machine with the definition of the template."""
    states = definition(bulk, batches=5, partition="aws", function="scoring", bucket=bucket)
    _backend().state_machines.clear()
    machine = boto3.client("stepfunctions").create_state_machine(
        name="bulk",
        definition=json.dumps(states),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/bulk",
    )["stateMachineArn"]
    return Cloud(bucket, machine, states, function)


def attach(cloud: Cloud, patch: Any) -> None:
    """moto knows no maps: it asks the cloud for them."""
    patch.setattr(_backend(), "list_map_runs", cloud.list_map_runs)
    patch.setattr(_backend(), "describe_map_run", cloud.describe_map_run)


def _backend() -> Any:
    return stepfunctions_backends[ACCOUNT][REGION]


def _size(items: list[Any]) -> int:
    return len(json.dumps(items, ensure_ascii=False).encode())
