"""A linear-chain CRF in torch (Lafferty et al. 2001): the loss of training, and its validation.

`core/decoding.py` has the part that serving needs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from function.core.decoding import Transitions, viterbi
from scripts.train.batches import IGNORED, in_order
from scripts.train.classifiers import logits_of
from scripts.train.tagged_batches import TaggedExamples
from scripts.train.tags import entities_of, forbidden

IMPOSSIBLE = -1e4  # the score of tags that no entity has; finite, so that sums stay numbers


class LinearChainCrf(nn.Module):
    """Transitions between tags; those that no entity has are fixed at IMPOSSIBLE."""

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__()
        self._forbidden = [torch.from_numpy(each).bool() for each in forbidden(tags)]
        self.start = nn.Parameter(torch.zeros(len(tags)))
        self.end = nn.Parameter(torch.zeros(len(tags)))
        self.between = nn.Parameter(torch.zeros(len(tags), len(tags)))

    def scores(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the scores of start (tags,), end (tags,) and between (tags, tags)."""
        parts = (self.start, self.end, self.between)
        start, end, between = (
            part.masked_fill(never.to(part.device), IMPOSSIBLE)
            for part, never in zip(parts, self._forbidden, strict=True)
        )
        return start, end, between

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the scores by name, for the artifact's decoder."""
        names = ("start", "end", "between")
        return {
            name: each.detach().cpu().float().numpy()
            for name, each in zip(names, self.scores(), strict=True)
        }

    def loss(self, emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        """Return the negative log-likelihood of each text's tags, (texts,), in nats.

        Emissions are (texts, tokens, tags). Tags are (texts, tokens), IGNORED at tokens that begin
        no word; each text has a word.
        """
        emissions, tags, words = words_alone(emissions, tags)
        start, end, between = self.scores()
        texts = torch.arange(len(tags), device=tags.device)
        right = start[tags[:, 0]] + emissions[texts, 0, tags[:, 0]]
        for word in range(1, tags.shape[1]):
            step = between[tags[:, word - 1], tags[:, word]] + emissions[texts, word, tags[:, word]]
            right = right + torch.where(word < words, step, 0.0)
        right = right + end[tags[texts, words - 1]]
        return torch.logsumexp(self._forward(emissions, words)[:, -1] + end, dim=1) - right

    def log_marginals(self, emissions: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the tags' probabilities, (texts, words, tags) (Rabiner 1989).

        `words` are the words of each text; after its last one the values mean nothing.
        """
        _, end, between = self.scores()
        longest = emissions.shape[1]
        backward = [end.expand(emissions.shape[0], -1)]
        for word in range(longest - 1, 0, -1):
            after = torch.logsumexp(between + (emissions[:, word] + backward[-1])[:, None], dim=2)
            backward.append(torch.where((word < words)[:, None], after, end))
        both = self._forward(emissions, words) + torch.stack(backward[::-1], dim=1)
        return torch.log_softmax(both, dim=-1)

    def _forward(self, emissions: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Return the scores of all ways to each word's tags; the last word's stay after it."""
        start, _, between = self.scores()
        forward = [start + emissions[:, 0]]
        for word in range(1, emissions.shape[1]):
            ways = torch.logsumexp(forward[-1][:, :, None] + between, dim=1) + emissions[:, word]
            forward.append(torch.where((word < words)[:, None], ways, forward[-1]))
        return torch.stack(forward, dim=1)


def words_alone(
    emissions: torch.Tensor, tags: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Move the tokens that begin words together to the left.

    Returns emissions, tags, and the number of words of each text, behind which tag 0 stands.
    """
    begins = tags != IGNORED
    words = begins.sum(dim=1)
    order = torch.sort(~begins, dim=1, stable=True).indices[:, : int(words.max())]
    emissions = emissions.gather(1, order[:, :, None].expand(-1, -1, emissions.shape[2]))
    return emissions, tags.gather(1, order).clamp(min=0), words


def f1_scores(
    parts: dict[str, TaggedExamples],
    tags: Sequence[str],
    max_tokens: int,
    model: nn.Module,
) -> dict[str, float]:
    """Return F1 of whole entities by data set, of texts cut to `max_tokens`.

    The model gives emissions, its `crf` transitions; without one each word has its best tag.
    """
    crf: LinearChainCrf | None = getattr(model, "crf", None)
    scores = [each.detach().cpu().double().numpy() for each in crf.scores()] if crf else None
    none = np.zeros(len(tags))
    transitions = Transitions(*scores or (none, none, np.zeros((len(tags), len(tags)))))
    return {name: _f1(rows, tags, transitions, max_tokens, model) for name, rows in parts.items()}


@torch.inference_mode()
def _f1(
    rows: TaggedExamples,
    tags: Sequence[str],
    transitions: Transitions,
    max_tokens: int,
    model: nn.Module,
) -> float:
    device = next(model.parameters()).device
    right, claimed, present = 0, 0, 0
    for chosen in in_order(rows.lengths(max_tokens), batch_texts=64, batch_tokens=8192):
        batch = rows.collate(chosen, max_tokens, None).to(device)
        emissions, truth, words = (
            each.cpu().numpy()
            for each in words_alone(
                logits_of(model, batch.input_ids, batch.attention_mask).float(), batch.labels
            )
        )
        best = viterbi(emissions.astype(np.float64), words, transitions)
        for one, other, length in zip(best, truth, words, strict=True):
            found, true = (entities_of([tags[t] for t in row[:length]]) for row in (one, other))
            right += len(found & true)
            claimed += len(found)
            present += len(true)
    return 2 * right / max(1, claimed + present)
