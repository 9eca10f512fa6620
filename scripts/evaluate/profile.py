"""The reference profile: the distribution of traffic at the time when the model was judged."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from function.core.tokenization import TextTokenizer
from scripts.evaluate.evaluation import Evaluation

if TYPE_CHECKING:  # its figures take packages that a comparison of profiles does without
    from scripts.evaluate.entity_answers import EntityAnswers

SCORE_EDGES = np.linspace(0.0, 1.0, 21)
LENGTH_EDGES = np.array([0, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 2048, 1_000_000])
RATIO_EDGES = np.array([0.0, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2.0, 3.0, 100.0])
STAGE_EDGES = np.array([0.0, 0.5, 1.0])  # 0: the full model answered, 1: the first stage did
PER_TEXT_EDGES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 1_000_000])


def reference_profile(
    evaluation: Evaluation, texts: Sequence[str], tokenizer: TextTokenizer, labels: list[str]
) -> dict[str, Any]:
    """Return the profile of a classifier.

    Histograms (edges, counts) of the best score, of tokens and of tokens per word, and the share
    of texts that were given each label. The texts may be in another order than the answers.
    """
    predicted = evaluation.probabilities.argmax(1)
    ratios = [
        len(text.ids) / len(np.unique(text.word_ids))
        for text in tokenizer.encode(texts)
        if len(text.ids)
    ]
    stages = evaluation.first
    return {
        "texts": len(predicted),
        "labels": {
            label: round(float((predicted == code).mean()), 5) for code, label in enumerate(labels)
        },
        "score": histogram(evaluation.probabilities.max(1), SCORE_EDGES),
        "tokens": histogram(evaluation.tokens, LENGTH_EDGES),
        "tokens_per_word": histogram(np.array(ratios), RATIO_EDGES),
        **(
            {"stages": histogram(stages, STAGE_EDGES)} if stages is not None and any(stages) else {}
        ),
    }


def entity_profile(parts: Sequence["EntityAnswers"], labels: Sequence[str]) -> dict[str, Any]:
    """Return the profile of a model that finds entities.

    Histograms (edges, counts) of the mean score of a text's entities, of entities and tokens of a
    text and of tokens per word, and the share of each label among the entities.
    """
    found = [each for part in parts for each in part.found]
    named = Counter(span.label for each in found for span in each.spans)
    total = max(1, sum(named.values()))
    return {
        "texts": len(found),
        "labels": {label: round(named[label] / total, 5) for label in labels},
        "score": histogram(
            np.array([np.mean(each.scores) for each in found if each.scores]), SCORE_EDGES
        ),
        "entities": histogram(np.array([len(each.spans) for each in found]), PER_TEXT_EDGES),
        "tokens": histogram(np.array([each.tokens for each in found]), LENGTH_EDGES),
        "tokens_per_word": histogram(
            np.array([each.tokens / max(1, each.words or 0) for each in found]), RATIO_EDGES
        ),
    }


def histogram(values: npt.NDArray[Any], edges: npt.NDArray[Any]) -> dict[str, list[float]]:
    """Return how many values lie between each two edges."""
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": [float(edge) for edge in edges], "counts": [float(count) for count in counts]}
