"""Multi-label classification: each label by itself, so that a text has several or none."""

from collections.abc import Iterator
from typing import cast

import numpy as np

from function.core.artifact import Artifact
from function.core.classification import TextDecoder
from function.core.decoding import Scores, activate
from function.core.errors import ArtifactError
from function.core.heads import SigmoidDecoding
from function.core.tokenization import TextTokenizer
from function.core.types import LabelScore, LabelsPrediction, Options, TextPrediction
from function.core.windows import ModelInputs


class MultiLabelClassifier(TextDecoder):
    """Decoder of the labels whose probability, a sigmoid each, is above their threshold."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Read the thresholds; raises ArtifactError unless there is one for each label."""
        super().__init__(artifact, tokenizer)
        self._thresholds = cast("SigmoidDecoding", artifact.manifest.decoding).thresholds
        if len(self._thresholds) != len(self._labels):
            raise ArtifactError(
                f"{artifact.path.name}: {len(self._thresholds)} thresholds for "
                f"{len(self._labels)} labels"
            )

    def _predictions(
        self, inputs: ModelInputs, logits: Scores, options: Options
    ) -> Iterator[LabelsPrediction]:
        probabilities = activate(logits, "sigmoid")
        scores = activate(logits, options.activation or "sigmoid")
        orders = np.argsort(-logits, axis=1, kind="stable")
        rows = (orders.tolist(), probabilities.tolist(), scores.tolist())
        for text, order, own, values in zip(inputs.texts, *rows, strict=True):
            yield LabelsPrediction(
                labels=[self._labels[code] for code in order if own[code] > self._thresholds[code]],
                scores=[LabelScore(self._labels[code], values[code]) for code in order][
                    : options.top_k
                ],
                **text.figures,
                certainty=own[order[0]],
            )

    def _evidence(self, logits: Scores, prediction: TextPrediction) -> Scores:
        """Return those of the most probable label; a sigmoid's log-odds are its logit."""
        return logits[:, self._labels.index(prediction.scores[0].label)]
