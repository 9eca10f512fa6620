import asyncio
import threading
import time

import pytest

from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import ArtifactError, NotReadyError, UnknownModelError
from function.core.types import Options
from tests.tiny import write_artifact


def open_catalog(folder, default="sentiment", **settings):
    return Catalog(folder, default, lambda a: OnnxBackend(a, 1), max_windows=64, **settings)


@pytest.fixture
def crowded(artifact):
    """A catalog of the default and of "a" to "d", of which three may be in memory."""
    for name in "abcd":
        write_artifact(artifact.parent / name, model=name)
    catalog = open_catalog(artifact.parent, most_loaded=3)
    catalog.load()
    return catalog


def in_memory(catalog):
    return sorted(predictor.artifact.manifest.model for predictor in catalog.loaded())


def test_nothing_is_ready_before_the_default_is_loaded(catalog):
    assert not catalog.ready()
    with pytest.raises(NotReadyError):
        catalog.predictor(None)
    catalog.load()
    assert catalog.ready()


def test_a_model_is_opened_once_however_many_ask(artifact):
    opened = []

    def load(a):
        time.sleep(0.05)
        opened.append(a)
        return OnnxBackend(a, 1)

    catalog = Catalog(artifact.parent, "sentiment", load, max_windows=64)
    threads = [threading.Thread(target=catalog.load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_the_default_is_listed_first(artifact):
    write_artifact(artifact.parent / "another", model="another")
    models = open_catalog(artifact.parent).models()
    assert [(m.name, m.default) for m in models] == [("sentiment", True), ("another", False)]


def test_an_unknown_model_is_refused_with_the_served_ones(catalog):
    catalog.load()
    with pytest.raises(UnknownModelError, match="served: sentiment"):
        catalog.predictor("nonsense")


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(ArtifactError, match=r"scripts\.pull"):
        open_catalog(tmp_path)


def test_a_folder_under_another_models_name_is_refused(artifact):
    artifact.rename(artifact.parent / "other")
    with pytest.raises(ArtifactError, match="other"):
        open_catalog(artifact.parent)


def test_a_damaged_file_is_refused_at_load(artifact):
    graph = artifact / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        open_catalog(artifact.parent).load()


def test_files_of_an_image_are_not_read_to_hash_them_but_must_have_their_sizes(
    artifact, monkeypatch
):
    def load(**settings):
        open_catalog(artifact.parent, **settings).load()

    with monkeypatch.context() as inside:
        inside.setattr("function.core.artifact.digest_file", lambda path: f"the digest of {path}")
        load(trusted=True)
        with pytest.raises(ArtifactError, match="SHA-256 differs"):
            load()
    with (artifact / "model.onnx").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        load(trusted=True)


def test_answers_name_model_version_and_digest(catalog):
    catalog.load()
    answer = asyncio.run(DirectEngine(catalog).predict(None, ["good"], Options()))
    assert answer.model.name == "sentiment"
    assert answer.model.version.endswith(answer.model.digest[:8])


def test_the_stages_of_the_timings_add_up(catalog):
    catalog.load()
    timings = asyncio.run(DirectEngine(catalog).predict(None, ["good"], Options())).timings
    stages = (
        timings.tokenization_ms,
        timings.inference_ms,
        timings.decoding_ms,
        timings.explanation_ms,
    )
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) == pytest.approx(timings.total_ms, abs=0.01)


def test_the_model_that_was_not_asked_for_longest_makes_room(crowded):
    for name in "aba":
        crowded.load(name)
    assert in_memory(crowded) == ["a", "b", "sentiment"]
    crowded.load("c")
    assert in_memory(crowded) == ["a", "c", "sentiment"]


def test_the_default_stays_however_long_it_is_unused(crowded):
    for name in "abcdabcd":
        crowded.load(name)
    assert crowded.ready()
    assert in_memory(crowded) == ["c", "d", "sentiment"]


def test_nothing_goes_while_there_is_room(artifact):
    for name in "ab":
        write_artifact(artifact.parent / name, model=name)
    catalog = open_catalog(artifact.parent, most_loaded=4)
    for asked in (None, "a", "b", None, "a"):
        catalog.load(asked)
    assert in_memory(catalog) == ["a", "b", "sentiment"]


def test_room_is_made_before_a_model_is_opened(artifact):
    for name in "ab":
        write_artifact(artifact.parent / name, model=name)
    in_memory_before = []

    def load(opened):
        in_memory_before.append(in_memory(catalog))
        return OnnxBackend(opened, 1)

    catalog = Catalog(artifact.parent, "sentiment", load, max_windows=64, most_loaded=2)
    for asked in (None, "a", "b"):
        catalog.load(asked)
    assert in_memory_before == [[], ["sentiment"], ["sentiment"]]


def test_a_damaged_model_unloads_no_other(crowded, artifact):
    crowded.load("a")
    crowded.load("b")
    (artifact.parent / "c" / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ArtifactError):
        crowded.load("c")
    assert in_memory(crowded) == ["a", "b", "sentiment"]


def test_requests_that_an_unloaded_model_answers_are_unharmed(crowded):
    predictor = crowded.load("a")
    inputs = predictor.encode(["good"], Options())
    for name in "bcd":
        crowded.load(name)
    assert predictor not in crowded.loaded()
    (prediction,) = predictor.decode(inputs, predictor.run(inputs.windows), Options())
    assert prediction.label == "positive"
    assert crowded.load("a") is not predictor


def test_a_model_that_cannot_be_opened_is_tried_again_after_a_while_alone(artifact, monkeypatch):
    opened = []

    def broken(one):
        opened.append(one)
        raise ArtifactError("broken")

    catalog = Catalog(artifact.parent, "sentiment", broken, max_windows=64)
    for _ in range(3):
        with pytest.raises(ArtifactError, match="broken"):
            catalog.load()
    assert len(opened) == 1
    monkeypatch.setattr("function.core.catalog.monotonic", lambda: 1e12)
    with pytest.raises(ArtifactError, match="broken"):
        catalog.load()
    assert len(opened) == 2
