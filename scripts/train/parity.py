"""Comparison of a trained model with its export, on real texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from function.core.backend import Backend, Logits, pad, split_segments
from function.core.decoding import Probabilities, activate
from function.core.heads import SigmoidDecoding
from function.core.tokenization import EncodedPair, Text, TextTokenizer, TokenIds
from scripts.common.errors import ExportError
from scripts.common.progress import Progress
from scripts.evaluate.metrics import wilson_interval
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.classifiers import logits_of

LEAST_AGREEMENT = 0.99
TIE = 0.02  # a lead, in probability, that rounding may turn round
MOST_MEAN_DIFFERENCE = 0.02
# Of how much the trained model's own answers differ between texts. Sound exports stay below 0.2,
# one that answers without regard to the text has 1. Differences below the floor matter to nobody.
MOST_OF_SPREAD, FLOOR = 0.5, 0.002


@dataclass(frozen=True)
class ExportParity:
    """Distance of an exported classifier from the trained one.

    A tie is a text with another best label where each of the two models gives both labels the same
    probability, within `TIE`.
    """

    texts: int
    agreement: float  # share of texts with the same best label
    mean_difference: float  # of the probabilities, over texts and labels
    max_difference: float  # of the probabilities, over texts and labels
    ties: int
    spread: float  # mean difference of the trained model's probabilities from their own mean

    @property
    def problem(self) -> str:
        """Return what is wrong with the export; empty where nothing is.

        Labels are judged by the 95 % interval of the share that changes: of few texts one may.
        """
        kept = round(self.agreement * self.texts) + self.ties
        changed = 1 - kept / self.texts
        if wilson_interval(kept, self.texts)[1] < LEAST_AGREEMENT:
            return (
                f"gives {changed:.2%} of {self.texts} texts another label, ties not counted; "
                f"that is surely more than {1 - LEAST_AGREEMENT:.0%}"
            )
        if self.mean_difference > MOST_MEAN_DIFFERENCE:
            return (
                f"differs by {self.mean_difference:.4f} in probability on {self.texts} texts; "
                f"at most {MOST_MEAN_DIFFERENCE} may be"
            )
        if self.mean_difference > max(FLOOR, MOST_OF_SPREAD * self.spread):
            return (
                f"differs by {self.mean_difference:.4f} in probability on {self.texts} texts, and "
                f"the trained model's own answers to them by no more than {self.spread:.4f} from "
                "their mean: it has hardly learnt, or the export is wrong"
            )
        return ""


@dataclass(frozen=True)
class EntityParity:
    """Share of the entities that the trained model and its export both find in these texts."""

    texts: int
    same: float
    entities: int  # that either finds, on average

    @property
    def problem(self) -> str:
        """Return what is wrong with the export, as `ExportParity` does; empty where nothing is."""
        found = round(self.same * self.entities)
        if self.entities and wilson_interval(found, self.entities)[1] < LEAST_AGREEMENT:
            return (
                f"finds {self.same:.2%} of the trained model's {self.entities} entities in "
                f"{self.texts} texts; that is surely less than {LEAST_AGREEMENT:.0%}"
            )
        return ""


Measure = Callable[[Logits, Logits], ExportParity]  # of the trained model and of its export


def measure_softmax(exact: Logits, served: Logits) -> ExportParity:
    """Compare (texts, labels) logits of the trained model and of its export."""
    one, other = (activate(logits.astype(np.float64), "softmax") for logits in (exact, served))
    return measure_parity(one, other)


def check_parity(
    trained: TrainedModel,
    backend: Backend,
    texts: Sequence[Text],
    max_tokens: int,
    remedy: str,
    measure: Measure = measure_softmax,
) -> ExportParity:
    """Compare both on real texts. Raises ExportError where they disagree, with the remedy."""
    parity = ParityCheck(trained, texts, max_tokens, measure)(backend)
    if parity.problem:
        raise ExportError(f"the export {parity.problem}. {remedy}")
    return parity


class ParityCheck:
    """Comparison of a trained model with its exports, by their logits, (rows, outputs) each.

    Attributes:
        windows: The texts' tokens, each text cut to one window, (tokens,) each.
    """

    def __init__(
        self,
        trained: TrainedModel,
        texts: Sequence[Text],
        max_tokens: int,
        measure: Measure,
    ) -> None:
        """Cut the texts; a measure may have `rows` of its own."""
        special = trained.tokenizer.special_tokens
        windows = sorted(windows_of(trained.tokenizer, texts, max_tokens), key=len)
        self.windows = [window for window in windows if len(window) > special]
        self._trained, self._measure = trained, measure
        self._rows = getattr(measure, "rows", _rows)
        self._exact: dict[int, Logits] = {}  # by the start of their batch, asked once

    def __call__(self, backend: Backend) -> ExportParity:
        """Compare with one export."""
        served = []
        with Progress("comparing the export", len(self.windows)) as progress:
            for start in range(0, len(self.windows), 16):
                batch = pad(self.windows[start : start + 16], self._trained.tokenizer.pad_id)
                if start not in self._exact:
                    segments = self._trained.tokenizer.segments
                    logits = run_torch(self._trained.model, *batch, segments=segments)
                    self._exact[start] = self._rows(logits, batch[1])
                served.append(self._rows(backend.run(*batch), batch[1]))
                progress.advance(len(batch[0]))
        return self._measure(np.concatenate([*self._exact.values()]), np.concatenate(served))


def _rows(logits: Logits, mask: TokenIds) -> Logits:
    """Return one row a text, or, of outputs for every token, one a token."""
    return logits[mask.astype(bool)] if logits.ndim == 3 else logits


def measure_parity(exact: Probabilities, served: Probabilities) -> ExportParity:
    """Compare (texts, labels) probabilities of the trained model and of its export."""
    rows, own, other = np.arange(len(exact)), exact.argmax(1), served.argmax(1)
    lead = np.maximum(
        exact[rows, own] - exact[rows, other], served[rows, other] - served[rows, own]
    )
    difference = np.abs(exact - served)
    return ExportParity(
        len(exact),
        float((own == other).mean()),
        float(difference.mean()),
        float(difference.max()),
        int(((own != other) & (lead <= TIE)).sum()),
        float(np.abs(exact - exact.mean(0)).mean()),
    )


def measure_labels(decoding: SigmoidDecoding, exact: Logits, served: Logits) -> ExportParity:
    """Compare the sets of labels; a tie has other labels only where both are near the threshold."""
    one, other = (activate(logits.astype(np.float64), "sigmoid") for logits in (exact, served))
    leads = [each - np.array(decoding.thresholds) for each in (one, other)]
    same = (leads[0] > 0) == (leads[1] > 0)
    near = np.maximum(*map(np.abs, leads)) <= TIE / 2  # half a lead between two labels
    difference = np.abs(one - other)
    return ExportParity(
        len(one),
        float(same.all(axis=1).mean()),
        float(difference.mean()),
        float(difference.max()),
        int((~same.all(axis=1) & (same | near).all(axis=1)).sum()),
        float(np.abs(one - one.mean(axis=0)).mean()),
    )


def windows_of(tokenizer: TextTokenizer, texts: Sequence[Text], max_tokens: int) -> list[TokenIds]:
    """Return one window a text or pair, cut where it is longer."""
    capacity = max_tokens - tokenizer.special_tokens
    return [
        tokenizer.pair_window(text, max_tokens)[0]
        if isinstance(text, EncodedPair)
        else tokenizer.with_special_tokens(text.ids[:capacity])
        for text in tokenizer.encode(texts)
    ]


@torch.inference_mode()
def run_torch(
    model: nn.Module, input_ids: TokenIds, attention_mask: TokenIds, *, segments: bool = False
) -> Logits:
    """Return a model's logits outside any graph, (texts, labels) or (texts, tokens, tags).

    Ids hold `segments` as `core.backend.Backend` takes them.
    """
    ids, *types = map(torch.from_numpy, split_segments(input_ids) if segments else (input_ids,))
    logits: Logits = logits_of(model, ids, torch.from_numpy(attention_mask), *types).float().numpy()
    return logits
