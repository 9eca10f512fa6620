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


def open_catalog(folder, default="sentiment"):
    return Catalog(folder, default, lambda a: OnnxBackend(a, 1), max_windows=64)


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


def test_an_unknown_model_is_told_what_there_is(catalog):
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
