"""Networks of the polyphonic task: ours, with a joint likelihood of a frame's keys, and the literature's, with independent keys.

Shapes: T frames, B rows, N frames that are not padding, E their events, H width, C channels. Nats out. The recurrent state is a
value that goes in and comes out. Knows nothing of files and of training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from polyphonic_rolls import END, FACTS, HISTORY, KEYS, Batch, spell
from torch import Tensor, nn
from torch.nn import functional as F

from melody.model import EventLSTM, ModelConfig, State

BEATS = (16, 12)  # the clock is read modulo these many frames


@dataclass(frozen=True)
class Config:
    """How one model is built and trained."""

    independent: bool = False  # the literature's LSTM in place of ours
    layers: int = 2
    width: int = 256  # units of a layer and of the head
    channels: int = 24  # of the convolution over the keys
    reach: int = 8  # semitones that it sees on either side
    view: int = 18  # semitones around the last chosen note that the head sees of the past, seen from that note
    dropout: float = 0.2  # of units; half of it on what is read
    rows: int = 8  # pieces in a batch
    chunk: int = 64  # frames of truncated backpropagation; the state is carried
    rate: float = 3e-3  # of AdamW, in the last 40 % falling to nothing
    decay: float = 0.05
    average: float = 0.99  # of the weights, over steps
    passes: float = 30.0  # over the training data, if there is time


class LockedDropout(nn.Module):
    """Drops the same units in all frames of a row's chunk (Gal and Ghahramani, 2016): noise that time cannot average away."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        """(..., H) and the rows (...) of the batch that they belong to -> (..., H)."""
        if not self.training or not self.share:
            return x
        keep = x.new_empty(int(row.max()) + 1, x.shape[-1]).bernoulli_(1 - self.share) / (1 - self.share)
        return x * keep[row]


class FrameLSTM(EventLSTM):
    """Our model: a body over frames, which is the project's own (only ``advance`` is inherited), a head over the events of a frame."""

    def __init__(self, config: Config) -> None:
        nn.Module.__init__(self)
        width, channels, read = config.width, config.channels, len(HISTORY) * KEYS
        self.config = ModelConfig(layers=config.layers, width=width, dropout=config.dropout)
        self.view = config.view
        self.drop, self.drop_read = LockedDropout(config.dropout), LockedDropout(config.dropout / 2)
        # the body
        self.look = nn.Linear(read, width)
        self.facts = nn.Linear(FACTS, width)
        self.beats = nn.ModuleList(nn.Embedding(n, width) for n in BEATS)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.layers + 1))
        self.cells = nn.ModuleList(nn.LSTM(width, width) for _ in range(config.layers))
        # the head
        self.from_body = nn.Linear(width, width)
        self.look_again = nn.Linear(read, width, bias=False)
        self.facts_again = nn.Linear(FACTS, width)
        self.chosen = nn.Linear(KEYS, width, bias=False)
        self.lowest = nn.Embedding(KEYS + 1, width)
        self.look_around = nn.Linear(len(HISTORY) * (2 * config.view + 1), width, bias=False)
        self.chosen_below = nn.Linear(config.view, width, bias=False)
        self.deeper = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
        self.head_norm = nn.LayerNorm(width)
        # the scores of the keys
        self.by_pitch = nn.Linear(width, KEYS + 1)
        self.by_interval = nn.Linear(width, KEYS + 1)
        self.around = nn.Conv1d(len(HISTORY), channels, 2 * config.reach + 1, padding=config.reach)
        self.around_pitch = nn.Parameter(torch.zeros(channels, KEYS))
        self.around_body = nn.Linear(width, channels)
        self.by_history = nn.Linear(width, channels)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)
            elif isinstance(module, nn.LSTM):
                with torch.no_grad():  # forget gates start open
                    module.get_parameter("bias_ih_l0")[width : 2 * width] = 1.0
                    module.get_parameter("bias_hh_l0")[width : 2 * width] = 0.0

    def forward(self, batch: Batch, state: State) -> tuple[Tensor, State]:  # type: ignore[override]  # it is no EventLSTM to others
        """Nats of every event (E,) of the real frames, and the state after them."""
        row = torch.arange(batch.roll.shape[1])
        seen = self.drop_read(batch.history.flatten(2), row)
        beat = sum((table(batch.clock % n) for n, table in zip(BEATS, self.beats, strict=True)), torch.zeros(()))
        y, state = self.advance(self.look(seen) + self.facts(batch.facts) + beat[:, None], state)
        row = row.expand(batch.roll.shape[:2])
        y, history, facts, frames, row = (x[batch.real] for x in (y, batch.history, batch.facts, batch.roll, row))
        index, choice, lowest = spell(frames)
        logits = self.score(self.drop(y, row), history, facts, index, lowest, frames, row)
        return F.cross_entropy(logits, choice, reduction="none"), state

    def score(self, y: Tensor, history: Tensor, facts: Tensor, index: Tensor, lowest: Tensor, frames: Tensor, row: Tensor) -> Tensor:
        """(N, H), (N, 7, 88), (N, 4) of N frames; (E,), (E,) of their events -> logits (E, 89), what is not allowed -inf.

        Of ``frames`` (N, 88) only the keys below ``lowest`` are read: those that were chosen already. ``row`` (N,) is for dropout.
        """
        keys, below, rows = torch.arange(KEYS + 1), self.view, row[index]
        begun = self.from_body(y) + self.look_again(self.drop_read(history.flatten(1), row)) + self.facts_again(facts)
        chosen = (frames[index] & (keys[:KEYS] < lowest[:, None])).float()
        # The past and what was chosen, as seen from the last chosen note: the same for every transposition.
        at = lowest[:, None] - 1 + torch.arange(-self.view, self.view + 1)  # (E, 2 V + 1)
        there = (at >= 0) & (at < KEYS) & (lowest > 0)[:, None]
        at = at.clamp(0, KEYS - 1)
        around = history[index].gather(2, at[:, None].expand(-1, len(HISTORY), -1)) * there[:, None]
        z = begun[index] + self.chosen(chosen) + self.lowest(lowest) + self.look_around(self.drop_read(around.flatten(1), rows))
        z = F.gelu(z + self.chosen_below(chosen.gather(1, at[:, :below]) * there[:, :below]))
        z = self.drop(self.head_norm(z + self.drop(self.deeper(z), rows)), rows)
        by_interval = self.by_interval(z).gather(1, (keys - lowest[:, None]).clamp(0, KEYS)) * ((lowest > 0)[:, None] & (keys < END))
        shared = F.gelu(self.around(history) + self.around_pitch + self.around_body(y)[:, :, None])  # (N, C, 88)
        # Events of one frame side by side (N, most, C), so that one product of matrices serves them all.
        count = torch.bincount(index, minlength=len(y))
        place = index * int(count.max()) + torch.arange(len(index)) - (count.cumsum(0) - count)[index]
        asked = self.by_history(z)
        asked = asked.new_zeros(len(y) * int(count.max()), asked.shape[1]).index_copy(0, place, asked)
        by_history = torch.bmm(asked.view(len(y), -1, asked.shape[1]), shared).flatten(0, 1)[place]  # (E, 88)
        logits: Tensor = self.by_pitch(z) + by_interval + F.pad(by_history, (0, 1))
        return logits.masked_fill(keys < lowest[:, None], -math.inf)


class IndependentLSTM(nn.Module):
    """The literature's: frame before in, one LSTM, 88 independent outputs."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = ModelConfig(layers=1, width=config.width, dropout=config.dropout)
        self.lstm = nn.LSTM(KEYS, config.width)
        self.outputs = nn.Linear(config.width, KEYS)

    def forward(self, batch: Batch, state: State) -> tuple[Tensor, State]:
        """Nats of every real frame (N,), and the state after them."""
        y, (hidden, cell) = self.lstm(batch.history[:, :, 0], (state.hidden, state.cell))
        logits = self.outputs(F.dropout(y, self.config.dropout, self.training))[batch.real]
        nats = F.binary_cross_entropy_with_logits(logits, batch.roll[batch.real].float(), reduction="none").sum(-1)
        return nats, State(hidden, cell)
