"""What the pointers into the piece's own past foretell: told to the body, and a push to the logits of the foretold values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melody.codec.recall import COLUMNS, POINTERS, RUNS, sizes
from melody.codec.table import CodecConfig, Field
from melody.model.values import ModelConfig

FORETOLD = {Field.WAIT: (0, 1), Field.PART: (1, 1), Field.PITCH: (2, 1), Field.DURATION: (3, 0), Field.VELOCITY: (4, 1)}  # column, offset


class Recall(nn.Module):
    """Embeddings of the foretold columns, and the gates of the copy heads.

    A copy head adds to the logit of the value that a pointer foretells. How much depends on what the field's own head makes
    of the moment, on how often the pointer was right of late, and on whether the fields chosen before agree with it: a small
    form of the copy mechanism of Gu et al. (2016).
    """

    def __init__(self, config: ModelConfig, codec: CodecConfig) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, config.recall_width) for n in sizes(codec))
        self.to_body = nn.Linear(POINTERS * config.recall_width, config.width, bias=False)
        self.gates = nn.ModuleList(nn.Linear(config.head_width, 2 * POINTERS) for _ in FORETOLD)
        self.trust = nn.Parameter(torch.zeros(len(FORETOLD), POINTERS, RUNS, 2))

    def forward(self, told: Tensor) -> Tensor:
        """(..., pointers, 6) -> (..., H)."""
        x = self.tables[0](told[..., 0])
        for column in range(1, len(COLUMNS)):
            x = x + self.tables[column](told[..., column])
        out: Tensor = self.to_body(x.flatten(-2))
        return out

    def lean(self, logits: Tensor, z: Tensor, told: Tensor, chosen: Tensor, field: Field) -> Tensor:
        """``logits`` (..., values) with the pushes of all pointers; ``chosen`` (..., 6): the fields before ``field`` are looked at."""
        if field not in FORETOLD:
            return logits
        index = int(field) - 1
        column, offset = FORETOLD[field]
        known = agrees = told[..., 0] > 0
        for earlier in list(FORETOLD)[:index]:
            c, o = FORETOLD[earlier]
            agrees = agrees & (told[..., c] - o == chosen[..., earlier, None])
        pointers = torch.arange(POINTERS, device=told.device)
        gates = self.gates[index](z).unflatten(-1, (POINTERS, 2)) + self.trust[index][pointers, told[..., 5]]
        push = torch.where(agrees, gates[..., 0], gates[..., 1]) * known
        value = (told[..., column] - offset).clamp(0, logits.shape[-1] - 1)
        return logits.scatter_add(-1, value, push.to(logits.dtype))
