"""A table of word vectors that training leaves as it is, in four bits a number.

The table is half of a small encoder. It is rounded before training, so that the layers above learn
on the very vectors that are served.
"""

import torch
from torch import nn
from torch.nn import functional

LEVELS = 7  # on either side of zero
CLIPS = torch.linspace(0.6, 1.0, 9)  # of a row's largest number, tried for the least error


class PackedEmbedding(nn.Module):
    """Ids in, vectors out: two numbers lie in each byte, each row has one scale."""

    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: torch.Tensor) -> None:
        """table: (rows, width), of an even width."""
        super().__init__()
        largest = table.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(table.dtype).tiny)
        best = largest / LEVELS
        error = (_round(table, best) * best - table).square().sum(dim=1, keepdim=True)
        for clip in CLIPS:
            scale = largest * clip / LEVELS
            tried = (_round(table, scale) * scale - table).square().sum(dim=1, keepdim=True)
            best = torch.where(tried < error, scale, best)
            error = torch.minimum(tried, error)
        codes = (_round(table, best) + LEVELS + 1).to(torch.uint8)
        half = table.shape[1] // 2
        self.register_buffer("packed", codes[:, :half] | (codes[:, half:] << 4))
        self.register_buffer("scale", best.float())

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        both = functional.embedding(ids, self.packed).float()
        high = torch.floor(both / 16)  # by arithmetic: graphs know no shifts of all types
        codes = torch.cat([both - 16 * high, high], dim=-1)
        return (codes - (LEVELS + 1)) * functional.embedding(ids, self.scale)


def _round(table: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (table / scale).round().clamp(-LEVELS, LEVELS)
