"""Recorded events of every event source reach the same application."""

import base64
import gzip
import importlib
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.commands import run_python
from tests.tiny import write_artifact

EVENTS = Path(__file__).parent.parent / "events"
CONTEXT = SimpleNamespace(aws_request_id="1", function_name="f", memory_limit_in_mb=1769)


def event(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def handler(tmp_path_factory):
    with imported(tmp_path_factory.mktemp("models")) as handler:
        yield handler


@contextmanager
def imported(models, **environment):
    """The handler of a fresh import."""
    write_artifact(
        models / "sentiment",
        values={"warm": 0.0, "good": 2.0, "fine": 2.0},
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MODELS_DIR": str(models), **environment}.items():
            patch.setenv(name, value)
        # The handler skips these; other tests need them.
        patch.setenv("PYDANTIC_DISABLE_PLUGINS", "")
        patch.setenv("OPENBLAS_NUM_THREADS", "")
        patch.setitem(sys.modules, "pydantic.v1", sys.modules.get("pydantic.v1"))
        sys.modules.pop("function.lambda_handler", None)
        yield importlib.import_module("function.lambda_handler").handler
    sys.modules.pop("function.lambda_handler", None)


@pytest.mark.parametrize(
    "name",
    [
        "http_api_v2",
        "http_api_v2_base64",
        "http_api_v2_stage_prefix",
        "rest_api_v1",
        "rest_api_v1_stage_prefix",
        "function_url",
        "alb",
    ],
)
def test_every_event_source_is_answered(handler, name):
    answer = handler(event(name), CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]
    assert not answer["isBase64Encoded"]
    body = json.loads(answer["body"])
    assert body["model"]["name"] == "sentiment"
    assert len(body["predictions"][0]["scores"]) == 2


def test_the_scope_of_an_event_is_built_once(handler):
    served = sys.modules[handler.__module__]
    asked = served.HttpEvent(event("http_api_v2"), CONTEXT, served.MANGUM.config)
    assert served.MANGUM.infer(event("http_api_v2"), CONTEXT).__class__ is served.HttpEvent
    assert asked.scope is asked.scope


def test_a_function_without_a_gateway_answers_other_origins_if_set(tmp_path):
    site = "https://www.example.com"
    asked = event("function_url")
    asked["headers"] = {**asked["headers"], "origin": site, "access-control-request-method": "POST"}
    with imported(tmp_path / "models", CORS_ORIGINS=site) as handler:
        answer = handler(asked, CONTEXT)
        assert answer["statusCode"] == 200
        assert answer["headers"]["access-control-allow-origin"] == site
        asked["requestContext"]["http"]["method"] = "OPTIONS"
        preflight = handler(asked, CONTEXT)
    assert preflight["statusCode"] == 200
    assert preflight["headers"]["access-control-allow-methods"] == "GET, POST"


def test_problems_are_text_and_not_base64(handler):
    broken = {**event("http_api_v2"), "body": "{"}
    answer = handler(broken, CONTEXT)
    assert answer["statusCode"] == 400
    assert not answer["isBase64Encoded"]
    assert json.loads(answer["body"])["error"]


def test_a_compressed_body_arrives_as_base64_and_is_read(handler):
    packed = gzip.compress(b'{"inputs": "good film"}')
    sent = event("http_api_v2")
    sent["headers"] = {"content-type": "application/json", "content-encoding": "gzip"}
    sent |= {"body": base64.b64encode(packed).decode(), "isBase64Encoded": True}
    answer = handler(sent, CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]


def test_a_request_id_that_no_header_may_hold_raises_nothing(handler):
    sent = event("http_api_v2")
    sent["headers"]["x-request-id"] = "a" + "é" * 40
    assert handler(sent, None)["statusCode"] == 200


def test_the_page_is_served_as_text(handler):
    get = event("http_api_v2")
    get["rawPath"] = "/"
    get["requestContext"]["http"] |= {"method": "GET", "path": "/"}
    get.pop("body")
    answer = handler(get, CONTEXT)
    assert answer["statusCode"] == 200
    assert "<html" in answer["body"]


def test_the_warm_up_schedule_runs_the_model_and_reports_its_age(handler, capsys):
    answer = handler(event("scheduled"), CONTEXT)
    assert answer["model"] == "sentiment"
    assert answer["model_age_days"] > 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert names == ["model_age_days"]


def test_nothing_heavy_is_imported():
    script = (
        "import sys, function.api.app, function.core.catalog, function.backends.onnx_backend;"
        "heavy = {'torch', 'transformers', 'boto3', 'botocore', 'pandas', 'scipy', 'sklearn',"
        "'prometheus_client'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = run_python("-c", script)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
