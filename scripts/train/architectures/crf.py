"""A linear-chain CRF in torch: what training minimises (Lafferty et al. 2001). `core/decoding.py`
has what serving needs of it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from scripts.train.batches import IGNORED
from scripts.train.tagged_batches import forbidden

IMPOSSIBLE = -1e4  # the score of what no entity looks like; finite, so that sums stay numbers


class LinearChainCrf(nn.Module):
    """Transitions between tags, of which those that no entity has are fixed."""

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__()
        self._forbidden = [torch.from_numpy(each).bool() for each in forbidden(tags)]
        self.start = nn.Parameter(torch.zeros(len(tags)))
        self.end = nn.Parameter(torch.zeros(len(tags)))
        self.between = nn.Parameter(torch.zeros(len(tags), len(tags)))

    def scores(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Start (tags,), end (tags,) and between (tags, tags), with what is impossible."""
        parts = (self.start, self.end, self.between)
        start, end, between = (
            part.masked_fill(never.to(part.device), IMPOSSIBLE)
            for part, never in zip(parts, self._forbidden, strict=True)
        )
        return start, end, between

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """The same by name, for the artifact's decoder."""
        names = ("start", "end", "between")
        return {
            name: each.detach().cpu().float().numpy()
            for name, each in zip(names, self.scores(), strict=True)
        }

    def loss(self, emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        """The mean negative log-likelihood of texts' tags, in nats.

        emissions: (texts, tokens, tags). tags: (texts, tokens), IGNORED at tokens that begin no
        word, each text having one that does.
        """
        emissions, tags, words = words_alone(emissions, tags)
        start, end, between = self.scores()
        texts = torch.arange(len(tags), device=tags.device)
        forward = start + emissions[:, 0]
        right = start[tags[:, 0]] + emissions[texts, 0, tags[:, 0]]
        for word in range(1, tags.shape[1]):
            inside = word < words
            onwards = torch.logsumexp(forward[:, :, None] + between, dim=1) + emissions[:, word]
            forward = torch.where(inside[:, None], onwards, forward)
            step = between[tags[:, word - 1], tags[:, word]] + emissions[texts, word, tags[:, word]]
            right = right + torch.where(inside, step, 0.0)
        right = right + end[tags[texts, words - 1]]
        return (torch.logsumexp(forward + end, dim=1) - right).mean()


def words_alone(
    emissions: torch.Tensor, tags: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Emissions and tags of the tokens that begin words, moved together to the left, and how many
    there are in each text. Tag 0 stands behind them.
    """
    begins = tags != IGNORED
    words = begins.sum(dim=1)
    order = torch.sort(~begins, dim=1, stable=True).indices[:, : int(words.max())]
    emissions = emissions.gather(1, order[:, :, None].expand(-1, -1, emissions.shape[2]))
    return emissions, tags.gather(1, order).clamp(min=0), words
