"""States of bulk scoring, in the Amazon States Language with JSONata.

version of the function ─► file ─► numbered rows ─► batches ─► results, a JSON line a row

batch ─► request, as an event of the HTTP API ─► response ─► rows with their predictions
              │ 413 or 422: one text is refused
              └─► the rows one by one, so that one refusal costs no other row

A result has `row`, the row's number in the file from 0, `input`, its columns, and the prediction or
`error`. A run calls the version that was live at its start, or the `version` in its input, so that
a deployment meanwhile does not give one file two models. Its output names the version.
"""

from typing import Any

from infra.configuration.bulk import BulkConfiguration

State = dict[str, Any]

COLUMN = "text"  # the column of the texts, unless a run names another
INCOMING, RESULTS = "in/", "out/"
LIVE = "live"  # alias of the function
FORMATS = {
    "csv": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
    "jsonl": {"InputType": "JSONL"},
}

THROTTLED = ["Lambda.TooManyRequestsException"]
FAILED = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
]
# Statuses with which a single text gets its whole batch refused: too large, not valid.
STATUSES_OF_A_TEXT = [413, 422]

# A value that is no text is sent as an empty one, which the application refuses by its index.
VERSION = """
    $version := $exists($states.input.version)
        ? $states.input.version : $states.result.FunctionVersion;
    $merge([$states.input, {'version': $version, 'function': 'FUNCTION:' & $version}])
"""
BODY = """
    $column := $states.input.BatchInput.column;
    $string({'inputs': [$map($states.input.Items, function($item) {(
        $text := $lookup($item.input, $column);
        $type($text) in ['string', 'number', 'boolean'] ? $string($text) : ''
    )})]})
"""
ROWS = """
    [$map($states.input.Items, function($item, $place) {
        $merge([$item, $answer.predictions[$place],
            {'model': $answer.model.name, 'model_version': $answer.model.version}])
    })]
"""
ROW = """
    $answer := $parse($states.result.Payload.body);
    $item := $states.input.Items[0];
    $states.result.Payload.statusCode = 200
        ? $merge([$item, $answer.predictions[0],
            {'model': $answer.model.name, 'model_version': $answer.model.version}])
        : $merge([$item, {'status': $states.result.Payload.statusCode, 'error': $answer.error}])
"""


def definition(
    bulk: BulkConfiguration, *, batches: int, partition: str, function: str, bucket: str
) -> dict[str, Any]:
    """Return the definition of the state machine.

    Scores as many `batches` at a time. `function` is the ARN of the one that scores.
    """
    return {
        "Comment": "Scores a file of the bucket: {'key': 'in/FILE.csv', 'column': 'text'}",
        "QueryLanguage": "JSONata",
        "StartAt": "Which version?",
        "TimeoutSeconds": 3600 * bulk.timeout_hours,
        "States": {
            "Which version?": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::aws-sdk:lambda:getAlias",
                "Arguments": {"FunctionName": function, "Name": LIVE},
                "Output": _expression(VERSION.replace("FUNCTION", function)),
                "Retry": [_retry(["States.ALL"], seconds=1, attempts=4)],
                "Next": "Which format?",
            },
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
            **{
                f"Score {form}": _file_map(bulk, batches, form, partition, bucket)
                for form in FORMATS
            },
        },
    }


def _file_map(
    bulk: BulkConfiguration, batches: int, form: str, partition: str, bucket: str
) -> State:
    """Return a distributed map over the rows of a file, which writes the results to the bucket."""
    return {
        "Type": "Map",
        "Label": form,
        "MaxConcurrency": batches,
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
                "function": "{% $states.input.function %}",
                "column": "{% $exists($states.input.column)"
                f" ? $states.input.column : '{COLUMN}' %}}",
                "path": "{% $exists($states.input.model)"
                " ? '/v1/models/' & $states.input.model & '/predict' : '/v1/predict' %}",
            },
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            **_batch(form, partition),
        },
        "ResultWriter": {
            "Resource": f"arn:{partition}:states:::s3:putObject",
            "Arguments": {
                "Bucket": bucket,
                "Prefix": f"{{% '{RESULTS}' & $states.context.Execution.Name %}}",
            },
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "FLATTEN"},
        },
        "Output": "{% $merge([$states.result, {'version': $states.input.version}]) %}",
        "End": True,
    }


def _batch(form: str, partition: str) -> State:
    """Return the states of a batch. A status that is no text's fault fails the batch.

    `form`, the file's format, is part of the states' names, which must be unique in the machine.
    """
    together, answered, alone = f"Ask with {form}", f"Is {form} answered?", f"Ask with one {form}"
    rows, one_by_one, refused = f"Rows of {form}", f"One {form} by one", f"No to {form}"
    return {
        "StartAt": together,
        "States": {
            together: {
                **_invoke_function(partition),
                "Assign": {
                    "status": "{% $states.result.Payload.statusCode %}",
                    "answer": "{% $parse($states.result.Payload.body) %}",
                },
                "Output": "{% $states.input %}",
                "Next": answered,
            },
            answered: {
                "Type": "Choice",
                "Choices": [
                    {"Condition": "{% $status = 200 %}", "Next": rows},
                    {"Condition": f"{{% $status in {STATUSES_OF_A_TEXT} %}}", "Next": one_by_one},
                ],
                "Default": refused,
            },
            rows: {"Type": "Pass", "Output": _expression(ROWS), "End": True},
            one_by_one: {
                "Type": "Map",
                "MaxConcurrency": 1,
                "Items": "{% $states.input.Items %}",
                "ItemSelector": {
                    "Items": ["{% $states.context.Map.Item.Value %}"],
                    "BatchInput": "{% $states.input.BatchInput %}",
                },
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": alone,
                    "States": {
                        alone: {
                            **_invoke_function(partition),
                            "Output": _expression(ROW),
                            "End": True,
                        }
                    },
                },
                "End": True,
            },
            refused: {
                "Type": "Fail",
                "Error": "{% 'Status' & $string($status) %}",
                "Cause": "{% $answer.error %}",
            },
        },
    }


def _invoke_function(partition: str) -> State:
    """Return a task that invokes the function with an event of the HTTP API."""
    path = "{% $states.input.BatchInput.path %}"
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": "{% $states.input.BatchInput.function %}",
            "Payload": {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "headers": {
                    "content-type": "application/json",
                    "x-request-id": "{% $states.context.Execution.Name %}",
                },
                "requestContext": {
                    "http": {
                        "method": "POST",
                        "path": path,
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "bulk",
                    },
                    "stage": "$default",
                },
                "body": _expression(BODY),
                "isBase64Encoded": False,
            },
        },
        "Retry": [_retry(THROTTLED, seconds=2, attempts=8), _retry(FAILED, seconds=1, attempts=4)],
    }


def _expression(text: str) -> str:
    """Return statements of JSONata as one line, the form of an expression in a state."""
    return f"{{% ({' '.join(text.split())}) %}}"


def _retry(errors: list[str], *, seconds: int, attempts: int) -> State:
    """Return a retry with exponential backoff and full jitter."""
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": seconds,
        "BackoffRate": 2,
        "MaxDelaySeconds": 20,
        "MaxAttempts": attempts,
        "JitterStrategy": "FULL",
    }
