"""The bundled model on real texts: torch gives the labels that the graph gives.

The figure over whole data sets: `python -m scripts.evaluate --backend torch --agreement`.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from function.backends.onnx_backend import OnnxBackend
from function.backends.torch_backend import TorchBackend
from scripts.data.labelled_texts import LabelledTexts, read_labelled
from scripts.evaluate.agreement import OneByOne, compare_labels
from scripts.evaluate.evaluation import evaluate, open_predictor
from scripts.train.config import load_config
from scripts.train.splits import split_rows
from tests.parity.rounding import RoundedBackend

pytestmark = [pytest.mark.model, pytest.mark.data, pytest.mark.alone]

CONFIG = Path("scripts/train/configs/sentiment.toml")
REVIEWS = 80
PROMISED = 0.995


@pytest.fixture(scope="module")
def rows(data):
    """Sentences and reviews that neither training nor calibration has seen."""
    config = load_config(CONFIG)
    (treebank,) = (dataset for dataset in config.datasets if dataset.name == "sst2")
    phrases = read_labelled(data / treebank.path, config.labels)
    reviews = read_labelled(data / "imdb" / "test.parquet", config.labels)
    drawn = np.random.default_rng(7).permutation(len(reviews))[:REVIEWS]
    sentences = phrases.select(split_rows(phrases, treebank, config.seed).test)
    return LabelledTexts(
        sentences.texts + [reviews.texts[row] for row in drawn],
        sentences.labels + [reviews.labels[row] for row in drawn],
        [],
    )


@pytest.fixture(scope="module")
def reading(bundled_models, rows):
    """Answers to all of them, by a backend."""

    def read(load_backend):
        predictor = open_predictor(bundled_models / "sentiment", load_backend=load_backend)
        return evaluate(predictor, rows, title="parity")

    return read


@pytest.fixture(scope="module")
def graph(reading):
    return reading(lambda artifact: OneByOne(OnnxBackend(artifact, 0)))


def test_torch_gives_the_graphs_labels(graph, reading):
    agreement = compare_labels(
        graph, reading(lambda artifact: TorchBackend(artifact, device="cpu"))
    )
    assert agreement.texts > 900
    # Less two standard errors of n texts.
    spread = math.sqrt(PROMISED * (1 - PROMISED) / agreement.texts)
    assert agreement.share >= PROMISED - 2 * spread, agreement
    assert agreement.mean_difference < 0.01, agreement


def test_the_graphs_rounding_of_activations_is_all_that_differs(graph, reading):
    agreement = compare_labels(graph, reading(RoundedBackend))
    assert agreement.share >= PROMISED, agreement
    assert agreement.mean_difference < 0.002, agreement
