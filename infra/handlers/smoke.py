"""Smoke test of a version of the function, by its ARN."""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

TEXT = "A warm, funny film that never talks down to its audience."
# Errors that pass: the version is being prepared, the role is not known everywhere yet, or others
# use the account's concurrency up.
TRANSIENT = (
    "AccessDeniedException",
    "CodeArtifactUserPendingException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "TooManyRequestsException",
)
TIMEOUT_SECONDS = 150
PAUSE_SECONDS = 5
CALLS = 50  # of a sample: a version that fails one call in five passes one time in a thousand


class SmokeTestError(Exception):
    """The version failed the test; the message says how it answered."""


def examine(
    client: "LambdaClient",
    version_arn: str,
    auth: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> str:
    """Warm a version up, call it as the gateway would, and return the answering model and version.

    Then calls it often, since a rollout of a quiet stage has too few callers to judge it by.
    Raises SmokeTestError where the version cannot be called or answers wrongly, or where more than
    ERRORS_PERCENT of the sample fail. One failure alone does not count.
    """
    deadline = now() + TIMEOUT_SECONDS

    def warm_up() -> dict[str, Any]:
        # EventBridge's event runs the model once and needs no key.
        model = _invoke(client, version_arn, {"source": "aws.events"}, deadline, sleep, now)
        if not model.get("model") or not model.get("version"):
            raise SmokeTestError(f"the warm-up names no model: {_short(model)}")
        return model

    def ask(method: str, path: str, body: str = "") -> tuple[int, dict[str, Any]]:
        event = _request(method, path, body)
        answer = _invoke(client, version_arn, event, deadline, sleep, now)
        return answer.get("statusCode", 0), _json(answer.get("body"))

    def predict() -> None:
        status, prediction = ask("POST", "/v1/predict", body)
        if auth == "key":  # the test has no key, and checks that one is required
            if status != 401:
                raise SmokeTestError(f"/v1/predict without a key answers {status} and not 401")
        elif status != 200 or not prediction.get("predictions"):
            raise SmokeTestError(f"/v1/predict answers {status}: {_short(prediction)}")

    model = warm_up()
    body = json.dumps({"inputs": {"text": TEXT, "text_pair": TEXT} if model.get("pairs") else TEXT})
    status, ready = ask("GET", "/health/ready")
    if status != 200:
        raise SmokeTestError(f"/health/ready answers {status}: {_short(ready)}")
    predict()
    _sample(warm_up if auth == "key" else predict, until=lambda: now() > deadline)
    return f"{model['model']} {model['version']}"


def _sample(call: Callable[[], object], until: Callable[[], bool]) -> None:
    """Call often, but not longer than necessary: a slow version is none that fails."""
    failed = 0
    for number in range(1, CALLS + 1):
        try:
            call()
        except SmokeTestError as error:
            failed += 1
            if failed > max(1, CALLS * float(os.environ["ERRORS_PERCENT"]) / 100):
                raise SmokeTestError(f"{failed} of {number} calls failed, as: {error}") from error
        if until():
            break


def _invoke(
    client: "LambdaClient",
    version_arn: str,
    event: Mapping[str, Any],
    deadline: float,
    sleep: Callable[[float], None],
    now: Callable[[], float],
) -> dict[str, Any]:
    """Return the function's result, after waiting while Lambda reports transient errors."""
    from botocore.exceptions import ClientError

    while True:
        try:
            answer = client.invoke(FunctionName=version_arn, Payload=json.dumps(event).encode())
            break
        except ClientError as error:
            if error.response["Error"]["Code"] not in TRANSIENT or now() > deadline:
                raise SmokeTestError(f"it cannot be called: {error}") from error
            sleep(PAUSE_SECONDS)
    payload = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise SmokeTestError(f"it broke: {_short(payload)}")
    return _json(payload)


def _request(method: str, path: str, body: str) -> dict[str, Any]:
    """Return an event of the HTTP API, payload version 2.0, with the fields that are used."""
    headers = {
        "accept": "application/json",
        "host": "smoke-test",
        "x-prediction-log": "off",  # no real traffic
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "domainName": "smoke-test",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "smoke-test",
            },
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if body:
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body))
        event["body"] = body
    return event


def _json(text: Any) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except (TypeError, ValueError) as error:
        raise SmokeTestError(f"it answers with what is no JSON: {_short(text)}") from error
    if not isinstance(document, dict):
        raise SmokeTestError(f"it answers with what is no object: {_short(document)}")
    return document


def _short(document: object) -> str:
    return str(document)[:300]
