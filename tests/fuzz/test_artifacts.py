"""Artifacts and the registry's documents, mutated: each is refused by one line, or makes sense."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import describe_files
from function.core.catalog import Catalog
from function.core.errors import EvergreenError
from function.core.manifest import MANIFEST
from function.core.types import Options
from function.server.warm_up import try_out, warm_up
from scripts.gate.outcome import GateOutcome
from scripts.refresh.verdicts import RevisionVerdict, find_verdict, keep_verdict
from scripts.registry import keys
from scripts.registry.aliases import promoted
from scripts.registry.documents import encode
from scripts.registry.golden_sets import current_golden, freeze_golden
from scripts.registry.registry import Registry
from scripts.registry.releases import Release, list_releases, record_release, release_history
from scripts.registry.stores import open_store
from tests.fuzz.test_damaged_files import damaged
from tests.tiny import CASCADE, write_artifact
from tests.tiny_entities import write_entity_artifact

RELEASE = Release("prod", "c" * 40, f"sha256:{'1' * 64}", {"m": "v"}, "2026-01-01T00:00:00Z")
ROUNDS = 100 * int(os.environ.get("FUZZ", "1"))
ODD: list[object] = [
    *(None, True, False, -1, 0, 1, 2, 1e308, -0.5, 10**30, float("nan"), "", "x", "../x", "\ud800"),
    *([], {}, [[]], ["x", "x"], [None], {"x": 1}, {"": None}, "2026-01-01T00:00:00+00:00", "text"),
]
TASKS = ["sentiment", "cascaded", "ner"]


def mutated(value, draw):
    """A document in which one member is replaced, removed, doubled or has a sibling."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(list(value))
        if draw.random() < 0.1:
            return {other: each for other, each in value.items() if other != name}
        if draw.random() < 0.1:
            return {**value, draw.choice([*value, "x", "path"]): draw.choice(ODD)}
        return {**value, name: mutated(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        index = draw.randrange(len(value))
        if draw.random() < 0.2:
            return draw.choice([value[:index] + value[index + 1 :], [*value, value[index]]])
        return [*value[:index], mutated(value[index], draw), *value[index + 1 :]]
    return draw.choice(ODD)


def attempt(read):
    """Return what is wrong, in one line; empty where it can be read. Other errors are raised."""
    try:
        read()
    except EvergreenError as error:
        message = str(error)
        assert message, "a refusal without words"
        return message
    return ""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(folder / "sentiment")
    write_artifact(folder / "cascaded", model="cascaded", cascade=CASCADE)
    write_entity_artifact(folder / "ner")
    return folder


def answer(folder):
    """Load a model as the server does, and check that its answers make sense."""
    catalog = Catalog(
        folder.parent, folder.name, lambda a: OnnxBackend(a, 1), max_windows=64, prepare=try_out
    )
    predictor = catalog.load()
    warm_up(predictor, 64)
    for text in ("good", "Ada Lovelace met the bad film " * 9):
        ((prediction,), _) = predictor.predict([text], Options())
        assert prediction.windows >= 1 or getattr(prediction, "stage", "") == "first"
        assert prediction.certainty is None or 0 <= prediction.certainty <= 1.000001
        assert prediction.label_counts.keys() <= {*predictor.labels}


@pytest.fixture
def altered(models):
    """Change files of a model until the test ends: `altered(name, {file: content})`."""
    before: dict[Path, bytes] = {}

    def change(name, files):
        for file, content in files.items():
            path = models / name / file
            before.setdefault(path, path.read_bytes())
            path.write_bytes(content)
        return models / name

    yield change
    for path, content in before.items():
        path.write_bytes(content)


@pytest.mark.parametrize("name", TASKS)
def test_a_model_of_a_mutated_manifest_is_refused_in_a_line_or_answers(models, altered, name):
    draw, answered = Random(name), 0
    original = json.loads((models / name / MANIFEST).read_bytes())
    for _ in range(ROUNDS):
        document = original
        for _ in range(draw.randint(1, 3)):
            document = mutated(document, draw)
        content = json.dumps(document).encode()
        if draw.random() < 0.2:
            content = damaged(content, draw)
        folder = altered(name, {MANIFEST: content})
        if message := attempt(lambda: answer(folder)):  # noqa: B023 -- called at once
            assert name in message or "not finite" in message
        else:
            answered += 1
    assert answered


@pytest.mark.parametrize("name", TASKS)
def test_a_model_of_damaged_files_is_refused_or_answers(models, altered, name):
    """The manifest vouches for the damage: nobody but the loader can find it."""
    draw, refused = Random(name), 0
    manifest = json.loads((models / name / MANIFEST).read_bytes())
    originals = {file: (models / name / file).read_bytes() for file in manifest["files"]}
    for _ in range(ROUNDS):
        file = draw.choice([*originals])
        content = originals[file]
        if file.endswith(".json") and draw.random() < 0.7:
            content = json.dumps(mutated(json.loads(content), draw)).encode()
        else:
            content = damaged(content, draw)
        folder = altered(name, {**originals, file: content})
        files = [(each, entry["role"]) for each, entry in manifest["files"].items()]
        entries = {each: e.model_dump() for each, e in describe_files(folder, files).items()}
        altered(name, {MANIFEST: json.dumps({**manifest, "files": entries}).encode()})
        refused += bool(attempt(lambda: answer(folder)))  # noqa: B023 -- called at once
    assert refused > ROUNDS / 10


def test_a_mutated_document_of_the_registry_is_refused_in_a_line_or_read(tmp_path):
    draw = Random(0)
    store = open_store(str(tmp_path))
    registry = Registry(store)
    alias = promoted(promoted(None, "a", "d", "r"), "b", "d", "r")
    store.create(keys.alias("m", "production"), encode(alias.document()))
    record_release(store, RELEASE)
    keep_verdict(
        store, "m", RevisionVerdict("s", "r", GateOutcome.PASSED, ["why"], "v", "d", None, "g", {})
    )
    freeze_golden(store, "m", b'{"text": "a", "label": "b"}\n')

    def read_alias():
        found = registry.alias("m", "production")
        return found and [registry.aliases("m"), *found.behind, *found.withdrawn]

    def read_releases():
        found = list_releases(store)
        return [release_history(found).commits_rolled_back(), [each.name for each in found]]

    for read, key in (
        (read_alias, keys.alias("m", "production")),
        (read_releases, keys.release("prod", RELEASE.name)),
        (lambda: asdict(find_verdict(store, "m", "s@r") or RELEASE), keys.verdict("m", "s@r")),
        (lambda: current_golden(store, "m"), keys.golden_pointer("m")),
    ):
        original = json.loads(store.get(key).content)
        assert read()
        for _ in range(5 * ROUNDS):
            content = json.dumps(mutated(original, draw)).encode()
            content = damaged(content, draw) if draw.random() < 0.2 else content
            store.replace(key, content, store.get(key).etag)
            assert "\n" not in attempt(read)
