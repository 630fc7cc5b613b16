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
    channels: int = 32  # of the convolution over the keys
    reach: int = 12  # semitones that it sees on either side
    dropout: float = 0.2  # of units; half of it on what is read
    rows: int = 8  # pieces in a batch
    chunk: int = 64  # frames of truncated backpropagation; the state is carried
    rate: float = 3e-3  # of AdamW, falling to nothing with the cosine of time
    decay: float = 0.05
    average: float = 0.99  # of the weights, over steps


class FrameLSTM(nn.Module):
    """Our model: a body over frames, a head over the events of a frame."""

    advance = EventLSTM.advance  # the project's own stack: it reads config, norms and cells
    _advance_one = EventLSTM._advance_one

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, channels, read = config.width, config.channels, len(HISTORY) * KEYS
        self.config = ModelConfig(layers=config.layers, width=width, dropout=config.dropout)
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
        self.deeper = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(config.dropout))
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

    def forward(self, batch: Batch, state: State) -> tuple[Tensor, State]:
        """Nats of every event (E,) of the real frames, and the state after them."""
        drop = self.config.dropout
        seen = F.dropout(batch.history.flatten(2), drop / 2, self.training)
        beat = sum((table(batch.clock % n) for n, table in zip(BEATS, self.beats, strict=True)), torch.zeros(()))
        y, state = self.advance(self.look(seen) + self.facts(batch.facts) + beat[:, None], state)  # type: ignore[misc]  # because it is borrowed
        y, history, facts, frames = (x[batch.real] for x in (y, batch.history, batch.facts, batch.roll))
        index, choice, lowest = spell(frames)
        logits = self.score(F.dropout(y, drop, self.training), history, facts, index, lowest, frames)
        return F.cross_entropy(logits, choice, reduction="none"), state

    def score(self, y: Tensor, history: Tensor, facts: Tensor, index: Tensor, lowest: Tensor, frames: Tensor) -> Tensor:
        """(N, H), (N, 7, 88), (N, 4) of N frames; (E,), (E,) of their events -> logits (E, 89), what is not allowed -inf.

        Of ``frames`` (N, 88) only the keys below ``lowest`` are read: those that were chosen already.
        """
        drop, keys = self.config.dropout, torch.arange(KEYS + 1)
        begun = self.from_body(y) + self.look_again(F.dropout(history.flatten(1), drop / 2, self.training)) + self.facts_again(facts)
        chosen = frames[index] & (keys[:KEYS] < lowest[:, None])
        z = F.gelu(begun[index] + self.chosen(chosen.float()) + self.lowest(lowest))
        z = F.dropout(self.head_norm(z + self.deeper(z)), drop, self.training)
        by_interval = self.by_interval(z).gather(1, (keys - lowest[:, None]).clamp(0, KEYS)) * ((lowest > 0)[:, None] & (keys < END))
        around = F.gelu(self.around(history) + self.around_pitch + self.around_body(y)[:, :, None])  # (N, C, 88)
        # Events of one frame side by side (N, most, C), so that one product of matrices serves them all.
        count = torch.bincount(index, minlength=len(y))
        place = index * int(count.max()) + torch.arange(len(index)) - (count.cumsum(0) - count)[index]
        asked = self.by_history(z)
        asked = asked.new_zeros(len(y) * int(count.max()), asked.shape[1]).index_copy(0, place, asked)
        by_history = torch.bmm(asked.view(len(y), -1, asked.shape[1]), around).flatten(0, 1)[place]  # (E, 88)
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
