"""Multi-label classification: each label by itself, so that a text has several or none."""

from collections.abc import Iterator, Sequence
from typing import cast

from function.core.artifact import Artifact
from function.core.classification import Row, TextDecoder
from function.core.decoding import Scores
from function.core.errors import ArtifactError
from function.core.heads import SigmoidDecoding
from function.core.predictions import LabelsPrediction, TextPrediction
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from function.core.windows import ModelInputs


class MultiLabelClassifier(TextDecoder):
    """Decoder of the labels whose probability, a sigmoid each, is above their threshold."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Read the thresholds; raises ArtifactError unless there is one for each label."""
        super().__init__(artifact, tokenizer)
        thresholds = cast("SigmoidDecoding", artifact.manifest.decoding).thresholds
        if len(thresholds) != len(self._labels):
            raise ArtifactError(
                f"{artifact.path.name}: {len(thresholds)} thresholds for {len(self._labels)} labels"
            )
        self._thresholds = dict(zip(self._labels, thresholds, strict=True))

    def _predictions(
        self, inputs: ModelInputs, logits: Sequence[Row], options: Options
    ) -> Iterator[LabelsPrediction]:
        for text, probabilities, scores in self._ranked(inputs, logits, "sigmoid", options):
            labels = [each.label for each in scores]
            ranked = zip(labels, probabilities, strict=True)
            yield LabelsPrediction(
                **text.figures,
                labels=[
                    label for label, probability in ranked if probability > self._thresholds[label]
                ],
                scores=scores[: options.top_k],
                certainty=probabilities[0],
            )

    def _evidence(self, logits: Scores, prediction: TextPrediction) -> Scores:
        """Return those of the most probable label; a sigmoid's log-odds are its logit."""
        return logits[:, self._labels.index(prediction.scores[0].label)]
