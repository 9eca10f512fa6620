"""Registries in a directory and on S3."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from function.core.artifact import Artifact, open_artifact
from scripts.registry.registry import Registry
from scripts.registry.stores import open_store
from scripts.registry.stores.store import ObjectStore
from tests.aws import aws, bucket, moto_endpoint
from tests.stand_ins.account import bootstrapped, cloud, line, source
from tests.tiny import write_artifact

__all__ = ["aws", "bootstrapped", "bucket", "cloud", "line", "moto_endpoint", "source"]


@pytest.fixture(params=["directory", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty registry's location, of each kind."""
    if request.param == "directory":
        return str(tmp_path / "registry")
    return f"s3://{request.getfixturevalue('bucket')}/some/prefix"


@pytest.fixture
def store(location: str) -> ObjectStore:
    return open_store(location)


@pytest.fixture
def make_store(location: str) -> Callable[[], ObjectStore]:
    """Further empty stores of the same kind."""
    return lambda: open_store(f"{location}/{uuid4().hex}")


@pytest.fixture
def registry(store: ObjectStore) -> Registry:
    return Registry(store)


@pytest.fixture
def versions(tmp_path: Path) -> list[Artifact]:
    """Three artifacts of one model."""
    return [
        open_artifact(write_artifact(tmp_path / f"artifact-{n}", temperature=1.0 + n))
        for n in range(3)
    ]
