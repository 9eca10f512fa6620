"""What the bundled model promises, held against real reviews."""

import random

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings
from scripts.evaluate.behaviour import check_behaviour
from scripts.evaluate.evaluation import open_predictor
from scripts.evaluate.highlights import check_highlights

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def predictor(bundled_models):
    return open_predictor(bundled_models / "sentiment")


@pytest.fixture(scope="module")
def reviews(data):
    """Reviews that neither training nor calibration has seen."""
    rows = pq.read_table(data / "imdb" / "test.parquet").to_pylist()
    return random.Random(7).sample(rows, 200)


def test_the_manifest_promises_what_the_readme_says(bundled_models):
    manifest = open_artifact(bundled_models / "sentiment").manifest
    assert manifest.metrics["imdb-test"]["accuracy"] >= 0.937
    assert manifest.metrics["sst2-test"]["accuracy"] >= 0.913
    assert manifest.metrics["imdb-test"]["calibration_error"] <= 0.015
    assert manifest.metrics["sst2-test"]["calibration_error"] <= 0.03
    assert manifest.provenance["parity"]["texts"] >= 2000
    assert manifest.provenance["parity"]["agreement"] >= 0.99
    assert all(spread["widest"] <= 0.25 for spread in manifest.provenance["spread"].values())


def test_the_first_stage_spares_the_full_model_most_reviews(bundled_models):
    manifest = open_artifact(bundled_models / "sentiment").manifest
    assert manifest.cascade is not None
    assert manifest.cascade.proof["slices"]["imdb"]["share"] >= 0.72


@pytest.mark.data
@pytest.mark.alone
def test_the_served_model_is_right_through_http(bundled_models, reviews):
    catalog = Catalog(bundled_models, "sentiment", lambda a: OnnxBackend(a, 0), max_windows=256)
    catalog.load()
    client = TestClient(
        create_app(DirectEngine(catalog), load_settings(Settings, {}), lambda _: None)
    )
    right = 0
    for start in range(0, len(reviews), 16):
        rows = reviews[start : start + 16]
        answer = client.post("/v1/predict", json={"inputs": [row["text"] for row in rows]})
        labels = [prediction["label"] for prediction in answer.json()["predictions"]]
        right += sum(
            label == ("positive" if row["label"] else "negative")
            for label, row in zip(labels, rows, strict=True)
        )
    assert right / len(reviews) >= 0.88  # 92 % less two standard errors of 200 texts


@pytest.mark.data
@pytest.mark.alone
def test_the_five_top_words_matter_more_than_five_random_ones(predictor, reviews):
    """The shortest, for time; `scripts.evaluate --highlights 200` takes them as they come."""
    short = sorted((row["text"] for row in reviews), key=len)[:50]
    highlighting = check_highlights(predictor, short)
    assert highlighting.texts >= 45
    assert highlighting.share >= 0.85  # 90 % is promised; less two standard errors of 50 texts


def test_negation_and_short_texts_are_understood(predictor):
    checks = {check.name: check for check in check_behaviour(predictor)}
    assert checks["negation"].figure >= 0.75, checks["negation"].failures
    assert checks["very short texts"].figure >= 0.8, checks["very short texts"].failures
