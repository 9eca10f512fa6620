"""The reference profile of a model that finds entities; see `scripts/training/profile.py`."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from scripts.training.entities.evaluation import EntityEvaluation
from scripts.training.profile import LENGTH_EDGES, RATIO_EDGES, SCORE_EDGES, histogram

PER_TEXT_EDGES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 1_000_000])


def entity_profile(parts: Sequence[EntityEvaluation], labels: Sequence[str]) -> dict[str, Any]:
    """Histograms of the scores of entities, of entities and tokens of a text and of tokens per word
    (edges, counts), and the share of each label among the entities."""
    found = [each for part in parts for each in part.found]
    named = Counter(span.label for each in found for span in each.spans)
    total = max(1, sum(named.values()))
    return {
        "texts": len(found),
        "labels": {label: round(named[label] / total, 5) for label in labels},
        "score": histogram(
            np.array([score for each in found for score in each.scores]), SCORE_EDGES
        ),
        "entities": histogram(np.array([len(each.spans) for each in found]), PER_TEXT_EDGES),
        "tokens": histogram(np.array([each.tokens for each in found]), LENGTH_EDGES),
        "tokens_per_word": histogram(
            np.array([each.tokens / max(1, each.words or 0) for each in found]), RATIO_EDGES
        ),
    }
