"""A Lambda's start skips imports, and no answer needs them."""

import json
import os
import subprocess
import sys

import pytest

from function.api.app import LATE_ROUTES
from tests.conftest import REPOSITORY
from tests.tiny import write_artifact

PROGRAM = """
import gc, json, sys
from function.lambda_handler import handler
event = json.load(open("tests/events/http_api_v2.json"))
event["requestContext"]["http"] |= {"method": "GET", "path": "/openapi.json"}
event |= {"rawPath": "/openapi.json", "body": ""}
before = sorted(name for name, module in sys.modules.items() if module is not None)
answer = handler(event, None)
print(json.dumps({
    "status": answer["statusCode"],
    "document": json.loads(answer["body"]),
    "before": before,
    "collects": gc.isenabled(),
    "opentelemetry": [
        name for name, module in sys.modules.items()
        if name.startswith("opentelemetry") and getattr(module, "__file__", None)
    ],
    "frozen": gc.get_freeze_count(),
}))
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A fresh process that was asked for the OpenAPI document first."""
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", PROGRAM],
        cwd=REPOSITORY,
        env={**os.environ, "MODELS_DIR": str(models)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_of_pydantic_1_is_imported(start):
    assert not [name for name in start["before"] if name.startswith("pydantic.v1")]


def test_nothing_of_opentelemetry_is_imported(start):
    """What stands for it has no file."""
    assert not start["opentelemetry"]


def test_decoders_of_other_heads_are_not_imported(start):
    names = ("embedding", "entities", "multi_label", "regression", "tagging")
    heads = {f"function.core.{name}" for name in names}
    assert "function.core.classification" in start["before"]
    assert not heads.intersection(start["before"])


def test_routes_are_imported_by_their_first_request(start):
    late = {f"function.api.routes.{module}" for module, *_ in LATE_ROUTES}
    assert "function.api.routes.decisions" in late
    assert "function.api.routes.native" in start["before"]
    assert not late.intersection(start["before"])


def test_cross_origin_code_is_imported_only_with_its_setting(start):
    assert "starlette.middleware.cors" not in start["before"]


def test_models_that_are_built_on_first_use_are_built_then(start):
    assert start["status"] == 200
    assert "/v1/predict" in start["document"]["paths"]


def test_collection_goes_on_over_what_came_after_the_start(start):
    assert start["collects"]
    assert start["frozen"] > 10_000
