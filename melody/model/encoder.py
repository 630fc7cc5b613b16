"""The encoder of given notes: a bidirectional LSTM whose outputs are looked up by time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melody.codec.columns import GivenColumn, given_sizes
from melody.codec.table import CodecConfig, Field
from melody.model.values import ModelConfig, rows_of

GROUP = 8  # rows that are read together
ROUND = 32  # lengths are multiples of this


class GivenEncoder(nn.Module):
    """Reads the given notes forwards and backwards; a note's own pitch and duration are added to its encoding."""

    def __init__(self, config: ModelConfig, codec: CodecConfig) -> None:
        super().__init__()
        width, size = config.given_width, codec.sizes
        self.embed = nn.ModuleList(nn.Embedding(n, width) for n in given_sizes(codec))
        self.part = nn.Linear(config.head_width, width, bias=False)
        self.forwards = nn.LSTM(width, width)
        self.backwards = nn.LSTM(width, width)
        self.pitch = nn.Embedding(codec.given_pitches, 2 * width)
        self.duration = nn.Embedding(size[Field.DURATION], 2 * width)
        self.nothing = nn.Parameter(torch.zeros(2, 2 * width))

    def grouped(self, given: Tensor, parts: Tensor, causal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same encodings, for training on a CPU: rows of like length are read together, so that little padding is.

        Returns (n, 2 * width) and, for each row of the batch, where its first note stands in it and how far apart its notes
        are: (B,), (B,).
        """
        counts = (given[..., GivenColumn.DURATION] > 0).sum(0)
        order = counts.argsort(descending=True)
        start, stride = torch.zeros_like(counts), torch.ones_like(counts)
        encoded, offset = [], 0
        for rows in torch.split(order, GROUP if given.device.type == "cpu" else len(order)):
            # oneDNN keeps a compiled kernel for every length that it meets: few lengths, little memory.
            length = min(len(given), -(-max(1, int(counts[rows[0]])) // ROUND) * ROUND)
            encoded.append(self(given[:length, rows], parts[rows], causal[rows]).flatten(0, 1))
            start[rows], stride[rows] = offset + torch.arange(len(rows), device=rows.device), len(rows)
            offset += length * len(rows)
        return torch.cat(encoded), start, stride

    def forward(self, given: Tensor, parts: Tensor, causal: Tensor) -> Tensor:
        """(G, B, 7), (B, 16, P), (B,) -> (G, B, 2 * width). The backward half is zero for causal rows.

        Padding may stand after a row's notes: the backward pass then starts in it, so its columns are all zeros and
        the state that it builds up is cut off at the last real note.
        """
        chosen = rows_of(parts, given[..., GivenColumn.PART])  # (G, B, P)
        x = self.part(chosen)
        for column, table in enumerate(self.embed, start=GivenColumn.PART + 1):
            x = x + table(given[..., column])
        ahead, _ = self.forwards(x)
        real = (given[..., GivenColumn.DURATION] > 0)[..., None]  # a note lasts at least one step
        # Each row is turned round so that its last real note comes first: padding is then read after the notes.
        count = real.squeeze(-1).sum(0)  # (B,)
        place = torch.arange(len(given), device=given.device)[:, None]
        turned = torch.where(place < count, count - 1 - place, place)[..., None]
        back, _ = self.backwards(x.gather(0, turned.expand_as(x)))
        back = back.gather(0, turned.expand_as(back)) * ~causal[None, :, None]
        own = self.pitch(given[..., GivenColumn.PITCH]) + self.duration(given[..., GivenColumn.DURATION])
        encoded: Tensor = torch.cat([ahead, back], -1) + own
        return encoded
