"""Answers are rendered without validation: here they are compared with their schemas."""

from typing import Any, get_args

import pytest

from function.api.schemas import PREDICTION_SCHEMAS, PredictResponse, render_result
from function.core.predictions import (
    AnyPrediction,
    EmbeddingPrediction,
    Entity,
    EntityPrediction,
    Highlight,
    LabelScore,
    LabelsPrediction,
    Prediction,
    ScorePrediction,
)
from function.core.types import ModelInfo, PredictionResult, Timings

MODEL = ModelInfo("m", "20260102-00000000", "0" * 64, "text-classification", ["good"], default=True)
TIMINGS = Timings(1.0, 0.0, 2.5, 0.25, 0.0, 3.75)
FIGURES: dict[str, Any] = {"tokens": 3, "words": 2, "windows": 1, "truncated": False}
SCORES = [LabelScore("good", 0.75), LabelScore("b\u00e4d", 0.25)]
ADA = [Entity("PER", "Ada", 0, 3, 0.5)]
PREDICTIONS = [
    Prediction(**FIGURES, label="good", score=0.75, scores=SCORES, certainty=0.75, margin=0.5),
    LabelsPrediction(
        **FIGURES,
        labels=["good"],
        scores=SCORES,
        certainty=0.75,
        highlights=[Highlight(0, 4, -0.5)],
    ),
    ScorePrediction(**FIGURES, name="stars", score=4.5, certainty=4.5),
    EntityPrediction(**FIGURES, entities=ADA, whole=ADA),
    EmbeddingPrediction(**FIGURES, embedding=[0.5, -1.0], token_embeddings=[[0.5, -1.0]]),
]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda each: type(each).__name__)
def test_a_prediction_is_rendered_as_its_schema_says(prediction):
    result = PredictionResult(MODEL, [prediction] * 2, TIMINGS)
    by_schema = PredictResponse.model_validate(result).model_dump_json(exclude_none=True)
    assert render_result(result).decode() == by_schema


def test_every_kind_of_prediction_has_a_schema():
    assert PREDICTION_SCHEMAS.keys() == set(get_args(AnyPrediction))
