"""Fuzz the OpenAPI document: no 5xx, no undocumented status, no answer off its schema."""

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving import build_app
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    write_entity_artifact(models / "ner")
    app = build_app(models, PREDICTION_LOG="true", FEEDBACK_TEXT="true")
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(params=["sentiment", "ner"])
def served(api, request):
    """What is served, by the parameters of paths that name it."""
    models = TestClient(api.app).get("/v1/models").json()["models"]
    (model,) = (model for model in models if model["name"] == request.param)
    return {"model": model["name"], "version": model["version"]}


def test_no_request_is_answered_off_the_document(api):
    tried = set()
    for result in api.get_all_operations():
        operation = result.ok()
        tried.add(operation.label)

        @given(case=operation.as_strategy())
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        def conforms(case):
            case.call_and_validate(checks=CHECKS)

        conforms()
    assert {"POST /v1/predict", "GET /v1/predict", "GET /v1/models"} <= tried


def test_no_request_to_what_is_served_is_answered_off_the_document(api, served):
    """Names drawn from the document are of no model: where a path has one, it is given."""
    answered: set[str] = set()
    for result in api.get_all_operations():
        operation = result.ok()
        if "{" not in operation.path:
            continue

        @given(case=operation.as_strategy())
        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        def conforms(case):
            case.path_parameters = {name: served[name] for name in case.path_parameters}
            if case.call_and_validate(checks=CHECKS).status_code == 200:
                answered.add(case.operation.label)

        conforms()
    assert {"POST /v1/models/{model}/predict", "POST /models/{model}"} <= answered
    assert any(label.endswith("/infer") for label in answered)
