"""What the pointers into the piece's own past predict: embedded for the body, and added to the logits of the predicted values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melody.codec.columns import COPIED_FIELDS, POINTERS, PREDICTED_OFFSET, STREAKS, Recalled, recalled_column, recalled_sizes
from melody.codec.table import CodecConfig, Field
from melody.model.values import ModelConfig


class Recall(nn.Module):
    """Embeddings of the predicted columns, and the gates of the copy heads.

    A copy head adds to the logit of the value that a pointer predicts. How much depends on what the field's own head makes
    of the moment, on how often the pointer was right of late, and on whether the fields chosen before agree with it: a small
    form of the copy mechanism of Gu et al. (2016).
    """

    def __init__(self, config: ModelConfig, codec: CodecConfig) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, config.recall_width) for n in recalled_sizes(codec))
        self.to_body = nn.Linear(POINTERS * config.recall_width, config.width, bias=False)
        self.gates = nn.ModuleList(nn.Linear(config.head_width, 2 * POINTERS) for _ in COPIED_FIELDS)
        self.trust = nn.Parameter(torch.zeros(len(COPIED_FIELDS), POINTERS, STREAKS, 2))

    def forward(self, recalled: Tensor) -> Tensor:
        """(..., pointers, 6) -> (..., H)."""
        x = self.tables[Recalled.WAIT](recalled[..., Recalled.WAIT])
        for column in list(Recalled)[1:]:
            x = x + self.tables[column](recalled[..., column])
        out: Tensor = self.to_body(x.flatten(-2))
        return out

    def add_copy_logits(self, logits: Tensor, z: Tensor, recalled: Tensor, chosen: Tensor, field: Field) -> Tensor:
        """``logits`` (..., values) and what all pointers add; ``chosen`` (..., 6): the fields before ``field`` are looked at."""
        if field not in COPIED_FIELDS:
            return logits
        index = COPIED_FIELDS.index(field)
        known = agrees = recalled[..., Recalled.WAIT] > 0
        for earlier in COPIED_FIELDS[:index]:
            predicted = recalled[..., recalled_column(earlier)] - PREDICTED_OFFSET[earlier]
            agrees = agrees & (predicted == chosen[..., earlier, None])
        pointers = torch.arange(POINTERS, device=recalled.device)
        gates = self.gates[index](z).unflatten(-1, (POINTERS, 2)) + self.trust[index][pointers, recalled[..., Recalled.STREAK]]
        more = torch.where(agrees, gates[..., 0], gates[..., 1]) * known
        value = (recalled[..., recalled_column(field)] - PREDICTED_OFFSET[field]).clamp(0, logits.shape[-1] - 1)
        return logits.scatter_add(-1, value, more.to(logits.dtype))
