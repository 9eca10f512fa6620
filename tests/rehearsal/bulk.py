"""A file that a stage's state machine scores: its real definition, by the function's real image.

The reader and the writer of Step Functions' map are replaced by lists.
"""

from collections.abc import Sequence
from typing import Any

from infra.components.bulk_states import definition
from infra.configuration.bulk import BulkConfiguration
from tests.infra.states import evaluate, run_machine
from tests.rehearsal.function import ContainerFunction

BATCH = 2
FILE = "in/texts.jsonl"


class BulkRun:
    """One run of the state machine.

    Attributes:
        rows: Rows with their predictions, as far as they were scored.
    """

    def __init__(self, function: ContainerFunction, texts: Sequence[str]) -> None:
        """Begin a run, which fixes the version that it calls."""
        bulk = BulkConfiguration(batch_texts=BATCH)
        machine = definition(
            bulk, batches=1, partition="aws", function=function.name, bucket="files"
        )
        first = machine["States"][machine["StartAt"]]
        result = {"FunctionVersion": function.live()[0]}
        states = {"input": {"key": FILE}, "result": result}
        self._states = {"input": evaluate(first["Output"], states, {})}
        self._function, self._map = function, machine["States"]["Score jsonl"]
        rows = list(enumerate(texts))
        self._batches = iter([rows[at : at + BATCH] for at in range(0, len(rows), BATCH)])
        self.rows: list[dict[str, Any]] = []

    @property
    def model_versions(self) -> set[str]:
        """Return the versions of the model that scored rows."""
        return {row["model_version"] for row in self.rows}

    def score_batch(self) -> bool:
        """Score the next batch; return False where there is none left."""
        batch = next(self._batches, None)
        if batch is None:
            return False
        items = [
            {"Map": {"Item": {"Index": place, "Value": {"text": text}}}} for place, text in batch
        ]
        selector, shared = self._map["ItemSelector"], self._map["ItemBatcher"]["BatchInput"]
        given = {
            "Items": [evaluate(selector, {**self._states, "context": each}, {}) for each in items],
            "BatchInput": evaluate(shared, self._states, {}),
        }
        called = given["BatchInput"]["function"]
        self.rows += run_machine(
            self._map["ItemProcessor"],
            given,
            lambda event: self._function.invoke_version(called, event),
        )
        return True
