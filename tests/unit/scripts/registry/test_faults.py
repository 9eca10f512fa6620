"""Every store call of publish, promote and rollback goes wrong once, in every way, in each store.

However it ends, the registry is valid, no reader sees half a version, and running the command
again completes it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from function.core.artifact import Artifact
from scripts.common.errors import StoreError
from scripts.registry.registry import Registry
from scripts.registry.stores.store import ObjectStore
from tests.faults import FAULTS, Fault, FaultyStore, KilledError, Result

MODEL = "sentiment"
Command = Callable[[Registry, list[Artifact]], object]
Prepare = Callable[[Registry, list[Artifact]], object]


def nothing(registry: Registry, versions: list[Artifact]) -> None:
    pass


def two_published(registry: Registry, versions: list[Artifact]) -> None:
    registry.publish(versions[0])
    registry.publish(versions[1])
    registry.promote(MODEL, versions[0].version, "first")


def two_promoted(registry: Registry, versions: list[Artifact]) -> None:
    two_published(registry, versions)
    registry.promote(MODEL, versions[1].version, "second")


def publish(registry: Registry, versions: list[Artifact]) -> None:
    registry.publish(versions[0])


def promote(registry: Registry, versions: list[Artifact]) -> None:
    registry.promote(MODEL, versions[1].version, "second")


def rollback(registry: Registry, versions: list[Artifact]) -> None:
    registry.rollback(MODEL, unless_left=versions[1].version)


COMMANDS: dict[str, tuple[Prepare, Command]] = {
    "publish": (nothing, publish),
    "promote": (two_published, promote),
    "rollback": (two_promoted, rollback),
}


def state(registry: Registry) -> tuple[list[str], str | None, str | None]:
    """What readers see: versions, production, and what lies behind it."""
    production = registry.alias(MODEL, "production")
    return (
        registry.versions(MODEL),
        production.version if production else None,
        production.previous if production else None,
    )


def check_valid(registry: Registry) -> None:
    """Every version that readers can see is whole, and every alias points at one of them."""
    for version in registry.versions(MODEL):
        registry.verify(MODEL, version)
    production = registry.alias(MODEL, "production")
    if production:
        assert registry.verify(MODEL, production.version).digest == production.digest


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_at_any_call_leaves_a_valid_registry_and_the_command_can_be_run_again(
    command: str,
    fault: Fault,
    store: ObjectStore,
    versions: list[Artifact],
    tmp_path: Path,
    make_store: Callable[[], ObjectStore],
) -> None:
    prepare, execute = COMMANDS[command]
    prepare(Registry(store), versions)
    counted = FaultyStore(store)
    before = state(Registry(store))
    execute(Registry(counted), versions)
    after = state(Registry(store))
    assert before != after
    assert len(counted.calls) >= 4
    for call in range(1, len(counted.calls) + 1):
        fresh = make_store()
        registry = Registry(fresh)
        prepare(registry, versions)
        with pytest.raises((KilledError, StoreError)):
            execute(Registry(FaultyStore(fresh, call, fault)), versions)
        check_valid(registry)
        assert state(registry) in (before, after), counted.calls[call - 1]
        execute(registry, versions)
        check_valid(registry)
        assert state(registry) == after, counted.calls[call - 1]
        execute(registry, versions)
        assert state(registry) == after
    print(f"{type(store).__name__}: {command}, {fault}: {len(counted.calls)} calls, all survived")


def test_a_client_that_retries_after_a_lost_answer_knows_its_own_write(
    store: ObjectStore, versions: list[Artifact]
) -> None:
    """As botocore does: the first try took effect, the second gets a conflict."""

    class Retrying(FaultyStore):
        def _through(self, name: str, key: str, call: Callable[[], Result]) -> Result:
            if name in ("create", "replace"):
                call()
            return super()._through(name, key, call)

    registry = Registry(Retrying(store))
    for artifact in versions:
        registry.publish(artifact)
        assert registry.promote(MODEL, artifact.version, "test").version == artifact.version
    assert registry.rollback(MODEL)[1].version == versions[1].version
    check_valid(Registry(store))


def test_an_upload_that_arrives_damaged_is_seen_before_the_version_exists(
    store: ObjectStore, versions: list[Artifact]
) -> None:
    class Damaging(FaultyStore):
        def create(self, key: str, content: bytes | Path) -> None:
            if isinstance(content, Path) and content.name == "model.onnx":
                content = content.read_bytes()[:-1] + b"?"
            super().create(key, content)

    class Broken(Damaging):
        def replace(self, key: str, content: bytes | Path, etag: str) -> None:
            super().replace(key, b"still damaged", etag)

    with pytest.raises(StoreError, match=r"model\.onnx: arrived damaged"):
        Registry(Broken(store)).publish(versions[0])
    assert Registry(store).versions(MODEL) == []
    Registry(Damaging(store)).publish(versions[0])
    Registry(store).verify(MODEL, versions[0].version)
