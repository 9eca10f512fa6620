"""Scoring of texts: one number each, of models with one output."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from function.core.artifact import Artifact
from function.core.classification import Row, TextDecoder
from function.core.decoding import Scores, activate_row
from function.core.errors import ArtifactError, InputError
from function.core.heads import ScoreDecoding
from function.core.predictions import ScorePrediction, TextPrediction
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from function.core.windows import ModelInputs


class ScoreDecoder(TextDecoder):
    """Decoder of one number per text."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Read the manifest; raises ArtifactError unless it names one output."""
        super().__init__(artifact, tokenizer)
        self._activation = cast("ScoreDecoding", artifact.manifest.decoding).activation
        if len(self._labels) != 1:
            raise ArtifactError(
                f"{artifact.path.name}: {len(self._labels)} labels; a score is of one output"
            )

    def check(self, options: Options) -> None:
        """See `core.decoders.Decoder`."""
        super().check(options)
        if options.top_k not in (None, 1):
            raise InputError("top_k: this model gives a text one number")

    def _predictions(
        self, inputs: ModelInputs, logits: Sequence[Row], options: Options
    ) -> Iterator[ScorePrediction]:
        for text, row in zip(inputs.texts, logits, strict=True):
            (value,) = activate_row(row, self._activation)
            (score,) = activate_row(row, options.activation or self._activation)
            yield ScorePrediction(
                name=self._labels[0],
                score=score,
                **text.figures,
                certainty=value,
            )

    def _evidence(self, logits: Scores, prediction: TextPrediction) -> Scores:  # noqa: ARG002
        return np.asarray(logits[:, 0])
