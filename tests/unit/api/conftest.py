import json

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact


@pytest.fixture
def log():
    """Every line that requests logged."""
    return []


@pytest.fixture
def make_client(catalog, log):
    """A client of the application over the tiny model, with other settings."""

    def make(loaded=True, **environment):
        if loaded:
            catalog.load()
        app = create_app(DirectEngine(catalog), load_settings(Settings, environment), log.append)
        return TestClient(app)

    return make


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture(scope="session")
def two_models(tmp_path_factory):
    """A folder of tiny ones: `sentiment`, and `ner`, which finds entities."""
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    return write_entity_artifact(models / "ner").parent


@pytest.fixture
def open_client(two_models, log):
    """The application over both with the prediction log on, and what else the environment says."""

    def open_client(**environment):
        catalog = Catalog(two_models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
        catalog.load()
        settings = load_settings(Settings, {"PREDICTION_LOG": "true", **environment})
        return TestClient(create_app(DirectEngine(catalog), settings, log.append))

    return open_client


@pytest.fixture
def lines(capsys):
    """The lines of the prediction log so far."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
