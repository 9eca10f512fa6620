"""A Lambda's start skips imports, and no answer needs them."""

import json

import pytest

from function.api.app import LATE_ROUTES
from function.cold_start import TYPE_DOCS, UNUSED
from tests.commands import run_python
from tests.serving import wanting
from tests.tiny import write_artifact

SKIPPED = {*UNUSED, TYPE_DOCS}
PROGRAM = """
import gc, json, sys
from function.lambda_handler import handler
from pydantic import BaseModel

def kinds_of(kind):
    return {kind}.union(*map(kinds_of, kind.__subclasses__()))

compiled = [kind.__name__ for kind in kinds_of(BaseModel) if kind.__pydantic_complete__]
event = json.load(open("tests/events/http_api_v2.json"))
event["headers"] |= {"authorization": "Bearer key", "cookie": 'theme="dark"; a'}

def answer_of(method, path):
    line = event["requestContext"]["http"] | {"method": method, "path": path}
    context = event["requestContext"] | {"http": line}
    return handler({**event, "rawPath": path, "requestContext": context}, None)

before = sorted(name for name, module in sys.modules.items() if module is not None)
document = json.loads(answer_of("GET", "/openapi.json")["body"])
requests = [("POST", "/v1/predict"), ("GET", "/v1/models"), ("GET", "/"), ("GET", "/docs")]
requests += [("GET", "/nothing"), ("DELETE", "/v1/predict")]
print(json.dumps({
    "document": document,
    "statuses": [answer_of(*request)["statusCode"] for request in requests],
    "before": before,
    "compiled": compiled,
    "collects": gc.isenabled(),
    "opentelemetry": [
        name for name, module in sys.modules.items()
        if name.startswith("opentelemetry") and getattr(module, "__file__", None)
    ],
    "frozen": gc.get_freeze_count(),
}))
"""
# The same application, of a process that skips nothing.
PLAIN = """
import json, os, sys
import function.backends.onnx_backend
import mangum
from pathlib import Path
from function.api.app import create_app
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import FunctionSettings, load_settings
settings = load_settings(FunctionSettings, os.environ)
catalog = Catalog(settings.models_dir, "sentiment", None, max_windows=8)
app = create_app(DirectEngine(catalog), settings, print)
before = sorted(sys.modules)
print(json.dumps({"document": app.openapi(), "before": before}))
"""
# Routes of a fork that use what ours do not.
FORK = """
import json
from function.cold_start import end_start, skip_imports
skip_imports()
import numpy as np
from fastapi import BackgroundTasks, Depends, FastAPI, Query, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer
from http.client import HTTPException
from mangum import Mangum
from pydantic import AliasChoices, BaseModel, Field, HttpUrl

app, key, done = FastAPI(), HTTPBearer(), []

class Page(BaseModel):
    address: HttpUrl = Field(validation_alias=AliasChoices("url", "address"))

def opened(token=Depends(OAuth2PasswordBearer(tokenUrl="token"))):
    try:
        raise ValueError("read")
    except (HTTPException, ValueError) as error:
        yield f"{error} {token}"

@app.post("/v1/predict")
def answer(
    page: Page,
    request: Request,
    response: Response,
    tasks: BackgroundTasks,
    top: int = Query(default=3, ge=1),
    key=Depends(key),
    state=Depends(opened),
):
    tasks.add_task(done.append, "done")
    response.set_cookie("theme", "light")
    length = np.linalg.norm(np.ones(4))
    return [page.address.host, request.cookies, key.credentials, state, top, length]

end_start()
event = json.load(open("tests/events/http_api_v2.json"))
event["headers"] |= {"authorization": "Bearer key", "content-type": "application/json"}
event |= {"body": '{"address": "https://example.org/a"}', "isBase64Encoded": False}
first, second = (Mangum(app)({**event, "cookies": each}, None) for each in ([], ["theme=dark"]))
schemes = app.openapi()["components"]["securitySchemes"]
print(json.dumps([first["cookies"], json.loads(second["body"]), list(schemes), done]))
"""
THREADS = """
import os
from function.cold_start import skip_imports
skip_imports()
import numpy
print(len(os.listdir("/proc/self/task")))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a program in a fresh process, with a model and a key, and return what it printed last."""
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")

    def run(program):
        variables = {"MODELS_DIR": str(models), **wanting("key")}
        done = run_python("-W", "error::UserWarning", "-c", program, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def start(run):
    """A fresh process that was asked for the OpenAPI document first."""
    return run(PROGRAM)


@pytest.fixture(scope="module")
def plain(run):
    return run(PLAIN)


def test_nothing_of_pydantic_1_is_imported(start):
    assert not [name for name in start["before"] if name.startswith("pydantic.v1")]


def test_nothing_of_opentelemetry_is_imported(start):
    """What stands for it has no file."""
    assert not start["opentelemetry"]


def test_modules_that_no_route_needs_are_not_imported(start):
    assert not SKIPPED.intersection(start["before"])


def test_modules_are_skipped_that_would_be_imported_otherwise(plain):
    """One that its library has moved, or no longer imports, need not be skipped."""
    assert {*plain["before"]} >= SKIPPED


def test_requests_are_answered_as_if_nothing_was_skipped(start):
    """Each has a key and a cookie, which FastAPI reads."""
    assert start["statuses"] == [200, 200, 200, 200, 404, 405]


def test_what_was_skipped_is_there_for_a_fork_that_uses_it(run):
    cookies, answer, schemes, done = run(FORK)
    assert cookies == ["theme=light; Path=/; SameSite=lax"]
    assert answer == ["example.org", {"theme": "dark"}, "key", "read key", 3, 2.0]
    assert {*schemes} == {"HTTPBearer", "OAuth2PasswordBearer"}
    assert done == ["done", "done"]


def test_linear_algebra_starts_no_threads(run):
    assert run(THREADS) == 1


def test_decoders_of_other_heads_are_not_imported(start):
    names = ("embedding", "entities", "multi_label", "regression", "tagging")
    heads = {f"function.core.{name}" for name in names}
    assert "function.core.classification" in start["before"]
    assert not heads.intersection(start["before"])


def test_parts_of_manifests_and_settings_are_not_compiled_by_themselves(start):
    assert {"Manifest", "FunctionSettings"} <= {*start["compiled"]}
    assert not {"FileEntry", "CrfDecoding", "Settings"}.intersection(start["compiled"])


def test_routes_are_imported_by_their_first_request(start):
    late = {f"function.api.routes.{module}" for module, *_ in LATE_ROUTES}
    assert "function.api.routes.decisions" in late
    assert "function.api.routes.native" in start["before"]
    assert not late.intersection(start["before"])


def test_cross_origin_code_is_imported_only_with_its_setting(start):
    assert "starlette.middleware.cors" not in start["before"]


def test_the_document_is_that_of_an_application_whose_start_skipped_nothing(start, plain):
    assert start["document"] == plain["document"]
    assert start["document"]["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_collection_goes_on_over_what_came_after_the_start(start):
    assert start["collects"]
    assert start["frozen"] > 10_000
