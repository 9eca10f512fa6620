"""What the state machine of bulk scoring does, in the Amazon States Language with JSONata.

file ─► rows, numbered ─► batches, each put to the function ─► results, a JSON line a row

Each row comes back with `row`, its place in the file from 0, `input`, its columns, and what was
predicted, or `error`.
"""

from typing import Any

from infra.components.bulk_batch_states import State, batch_states
from infra.configuration.bulk import BulkConfiguration

COLUMN = "text"  # that holds the texts, where a run names no other
INCOMING, RESULTS = "in/", "out/"
FORMATS = {
    "csv": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
    "jsonl": {"InputType": "JSONL"},
}


def definition(
    bulk: BulkConfiguration, *, partition: str, function: str, bucket: str
) -> dict[str, Any]:
    """The state machine. function: ARN of what answers. bucket: name of where files lie."""
    return {
        "Comment": "Scores a file of the bucket: {'key': 'in/FILE.csv', 'column': 'text'}",
        "QueryLanguage": "JSONata",
        "StartAt": "Which format?",
        "TimeoutSeconds": 3600 * bulk.timeout_hours,
        "States": {
            "Which format?": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% "
                        f"$substring($lowercase($states.input.key), -{len(form) + 1}) = '.{form}'"
                        " %}",
                        "Next": f"Score {form}",
                    }
                    for form in FORMATS
                ],
                "Default": "Unknown format",
            },
            "Unknown format": {
                "Type": "Fail",
                "Error": "UnknownFormat",
                "Cause": f"give a key that starts with {INCOMING} and ends in "
                + " or ".join(f".{form}" for form in FORMATS),
            },
            **{f"Score {form}": _file(bulk, form, partition, function, bucket) for form in FORMATS},
        },
    }


def _file(bulk: BulkConfiguration, form: str, partition: str, function: str, bucket: str) -> State:
    """A distributed map over the rows of a file; what comes of them goes back to the bucket."""
    return {
        "Type": "Map",
        "Label": form,
        "MaxConcurrency": bulk.concurrency,
        "ToleratedFailurePercentage": bulk.tolerated_failures_percent,
        "ItemReader": {
            "Resource": f"arn:{partition}:states:::s3:getObject",
            "ReaderConfig": {**FORMATS[form], "MaxItems": bulk.maximum_rows},
            "Arguments": {"Bucket": bucket, "Key": "{% $states.input.key %}"},
        },
        "ItemSelector": {
            "row": "{% $states.context.Map.Item.Index %}",
            "input": "{% $states.context.Map.Item.Value %}",
        },
        "ItemBatcher": {
            "MaxItemsPerBatch": bulk.batch_texts,
            "MaxInputBytesPerBatch": bulk.batch_bytes,
            "BatchInput": {
                "column": "{% $exists($states.input.column)"
                f" ? $states.input.column : '{COLUMN}' %}}",
                "path": "{% $exists($states.input.model)"
                " ? '/v1/models/' & $states.input.model & '/predict' : '/v1/predict' %}",
            },
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            **batch_states(form, partition, function),
        },
        "ResultWriter": {
            "Resource": f"arn:{partition}:states:::s3:putObject",
            "Arguments": {
                "Bucket": bucket,
                "Prefix": f"{{% '{RESULTS}' & $states.context.Execution.Name %}}",
            },
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "FLATTEN"},
        },
        "End": True,
    }
