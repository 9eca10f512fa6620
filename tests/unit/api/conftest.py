import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings


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
