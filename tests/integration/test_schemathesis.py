"""Fuzz the OpenAPI document: no 5xx, no undocumented status, no answer off its schema."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import load_settings
from tests.tiny import write_artifact

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
    catalog = Catalog(models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    app = create_app(DirectEngine(catalog), load_settings({}), lambda _: None)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


schema = schemathesis.pytest.from_fixture("api")
# Names of models that exist, beside invented ones.
schemathesis.openapi.format("model", st.sampled_from(["sentiment", "nonsense"]))


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_is_answered_off_the_document(case):
    case.call_and_validate(checks=CHECKS)
