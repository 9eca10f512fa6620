"""The bundled model and the real handler under Lambda's own runtime client and emulator."""

import json
import shutil
from pathlib import Path

import pytest

from scripts.emulate.protocol import InvocationError, InvocationTimeoutError
from scripts.emulate.runtime import LambdaEmulator
from tests.commands import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.model]

EVENTS = REPOSITORY / "tests" / "events"
HANDLER = "function.lambda_handler.handler"


def event(body):
    recorded = json.loads((EVENTS / "http_api_v2.json").read_text())
    return {**recorded, "body": json.dumps(body), "isBase64Encoded": False}


def label(answer):
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])["predictions"][0]["label"]


@pytest.fixture(scope="module")
def emulator(bundled_models):
    environment = {"MODELS_DIR": str(bundled_models)}
    with LambdaEmulator(
        HANDLER, environment=environment, working_directory=REPOSITORY, timeout_seconds=60
    ) as running:
        yield running


def test_the_cold_start_and_the_calls_after_it_are_right(emulator):
    assert label(emulator.invoke(event({"inputs": "A warm, funny and moving film."}))) == "positive"
    assert emulator.init_milliseconds() > 0
    assert label(emulator.invoke(event({"inputs": "A dull, lazy waste of time."}))) == "negative"
    assert emulator.logs().count("INIT RTDONE") == 1


@pytest.mark.parametrize("name", ["rest_api_v1", "function_url", "alb", "http_api_v2_base64"])
def test_recorded_events_are_answered(emulator, name):
    recorded = json.loads((EVENTS / f"{name}.json").read_text())
    assert label(emulator.invoke(recorded)) == "positive"


def test_bad_input_is_a_problem_and_no_failure_of_the_function(emulator):
    answer = emulator.invoke(event({"inputs": ""}))
    assert answer["statusCode"] == 422
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_the_warm_up_event_is_answered(emulator):
    scheduled = json.loads((EVENTS / "scheduled.json").read_text())
    assert emulator.invoke(scheduled)["model"] == "sentiment"


def test_the_log_holds_metrics_and_no_text(emulator):
    emulator.invoke(event({"inputs": "An unmistakable phrase about zeppelins, lovely."}))
    logs = emulator.logs()
    assert "CloudWatchMetrics" in logs
    assert "zeppelins" not in logs


def test_a_request_over_the_time_limit_ends_and_the_next_is_answered(bundled_models):
    limits = {"MAX_WINDOWS": "100000", "MAX_SECONDS": "1000000"}
    environment = {"MODELS_DIR": str(bundled_models), **limits}
    with LambdaEmulator(
        HANDLER, environment=environment, working_directory=REPOSITORY, timeout_seconds=12
    ) as running:
        assert label(running.invoke(event({"inputs": "A lovely film."}))) == "positive"
        slow = {"inputs": ["so long " * 6000] * 80, "parameters": {"explain": True}}
        with pytest.raises(InvocationTimeoutError):
            running.invoke(event(slow))
        assert label(running.invoke(event({"inputs": "A lovely film."}))) == "positive"


CRASHING = """
import os
from function.lambda_handler import handler as real


def handler(event, context):
    if event.get("crash"):
        os._exit(1)
    return real(event, context)
"""


def test_a_crash_fails_one_call_and_the_next_is_answered(bundled_models, tmp_path: Path):
    (tmp_path / "crashing.py").write_text(CRASHING)
    environment = {
        "MODELS_DIR": str(bundled_models),
        "PYTHONPATH": f"{tmp_path}:{REPOSITORY}",
    }
    with LambdaEmulator(
        "crashing.handler", environment=environment, working_directory=REPOSITORY
    ) as running:
        assert label(running.invoke(event({"inputs": "A lovely film."}))) == "positive"
        with pytest.raises(InvocationError):
            running.invoke({"crash": True})
        assert label(running.invoke(event({"inputs": "A lovely film."}))) == "positive"


def test_a_damaged_model_fails_the_start_and_names_the_file(bundled_models, tmp_path: Path):
    models = tmp_path / "models"
    shutil.copytree(bundled_models / "sentiment", models / "sentiment")
    weights = models / "sentiment" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with (
        LambdaEmulator(
            HANDLER, environment={"MODELS_DIR": str(models)}, working_directory=REPOSITORY
        ) as running,
        pytest.raises(InvocationError, match=r"model\.safetensors"),
    ):
        running.invoke(event({"inputs": "A lovely film."}))


def test_a_direct_invocation_is_answered_and_no_shape_fails_the_function(emulator):
    assert label(emulator.invoke({"inputs": "A warm, funny and moving film."})) == "positive"
    no_request = {"requestContext": {"http": None}, "version": "2.0"}
    shapes: list[object] = [[], {}, {"Records": []}, no_request]
    for shape in shapes:
        assert emulator.invoke(shape)["statusCode"] == 400


def test_a_body_of_mistakes_gets_a_short_refusal(emulator):
    answer = emulator.invoke(event({"inputs": "a", "parameters": {"ignore_labels": [1] * 60_000}}))
    assert answer["statusCode"] == 422
    assert len(answer["body"]) < 4096
