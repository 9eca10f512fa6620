import pytest

from function.core.catalog import Catalog
from tests.tiny import CASCADE, write_artifact
from tests.unit.batching.held import Held


@pytest.fixture
def held():
    """Backends by model, once they are loaded."""
    return {}


@pytest.fixture
def make_catalog(artifact, held):
    """A catalog of the default, "other", "third", and "cascaded"; all of them can be held back."""
    for name in ("other", "third"):
        write_artifact(artifact.parent / name, model=name)
    write_artifact(artifact.parent / "cascaded", model="cascaded", cascade=CASCADE)

    def load(opened):
        held[opened.manifest.model] = Held(opened)
        return held[opened.manifest.model]

    def make(load=load, **settings):
        catalog = Catalog(artifact.parent, "sentiment", load, max_windows=64, **settings)
        catalog.load()
        return catalog

    return make


@pytest.fixture
def catalog(make_catalog):
    return make_catalog()


@pytest.fixture
def tight(make_catalog):
    """Two of its three models may be in memory."""
    return make_catalog(most_loaded=2)
