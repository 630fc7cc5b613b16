"""What goes into the model and comes out: its shape, the recurrent state, a batch, and what stays the same for a while.

Shapes: T time, B batch, L layers, H width, P head width, G given notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melody.codec.columns import Lookup, StepInputs
from melody.codec.grammar import LAST_PITCH
from melody.codec.table import Field, Role
from melody.corpus.batch import Batch
from melody.settings import check_settings, setting

LONGEST_MISREAD = 24  # steps: a wait that is read wrong stays below


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network. Errors: ``CallError`` that names the setting."""

    cell: str = setting("lstm", "Recurrent cell.", kind=str, choices=("lstm", "gru", "rnn"))
    layers: int = setting(3, "Recurrent layers in the body.", kind=int, low=1, high=32)
    width: int = setting(512, "Units of a layer of the body, and of its input.", kind=int, low=1, high=8192)
    head_width: int = setting(192, "Units of a field's head.", kind=int, low=1, high=4096)
    given_width: int = setting(128, "Units of the encoder of given notes, in each direction.", kind=int, low=1, high=4096)
    recall_width: int = setting(
        0, "Units for what each pointer into the piece's own past predicts; 0: no such pointers.", kind=int, low=0, high=1024
    )
    initial: bool = setting(False, "Whether each style begins in a state of its own, and not in zeros.", kind=bool)
    dropout: float = setting(0.1, "Share of units dropped between layers and before the heads.", kind=float, low=0, high=1, below=True)
    noise: float = setting(
        0.0,
        "Share of notes that are read with a wrong pitch or wait in training; what is predicted stays.",
        kind=float,
        low=0,
        high=1,
        below=True,
    )
    embedding_sd: float = setting(
        0.05, "Standard deviation that embeddings start with; 0.02 to 0.1 is usual.", kind=float, low=0, high=10, above=True
    )

    def __post_init__(self) -> None:
        check_settings(self)


class State(NamedTuple):
    """Recurrent state of the body: ``hidden`` and ``cell`` (L, B, H). ``cell`` stays zero for gru and rnn."""

    hidden: Tensor
    cell: Tensor

    def detach(self) -> State:
        """The same values, cut from the graph (truncated backpropagation through time)."""
        return State(self.hidden.detach(), self.cell.detach())

    def where_not(self, reset: Tensor, initial: State) -> State:
        """``initial`` for the rows (B,) that start a new piece."""
        here = reset[None, :, None]
        return State(torch.where(here, initial.hidden, self.hidden), torch.where(here, initial.cell, self.cell))


class Inputs(NamedTuple):
    """One batch as tensors; the shapes of ``corpus.batch.Batch``."""

    steps: StepInputs[Tensor]  # (T + 1, B, ...)
    parts: Tensor  # (B, 16, 3)
    conditions: Tensor  # (B, 5)
    given: Tensor  # (G, B, 7)
    causal: Tensor  # (B,)
    reset: Tensor  # (B,): rows that start a new piece, whatever the state that came in


def to_tensors(batch: Batch, device: torch.device) -> Inputs:
    """The arrays that the model reads, as int64 (and bool) tensors on ``device``."""

    def move(array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if device.type == "cuda":
            tensor = tensor.pin_memory().to(device, non_blocking=True)
        return tensor if tensor.dtype is torch.bool else tensor.long()

    steps = StepInputs(*(move(a) for a in batch.steps))
    return Inputs(steps, *(move(getattr(batch, name)) for name in Inputs._fields if name != "steps"))


class Heads(NamedTuple):
    """Where the chain of heads stands within one event."""

    z: Tensor  # (..., 6, P): what each head knows so far
    recalled: Tensor  # (..., 5, 6)
    chosen: Tensor  # (..., 6): the fields chosen so far

    def plus(self, first: int, more: Tensor) -> Heads:
        """Heads that know more, from field ``first`` on."""
        return self._replace(z=torch.cat([self.z[..., :first, :], self.z[..., first:, :] + more], -2))


class Context(NamedTuple):
    """What stays the same while a piece goes on: parts, conditions and the encoded given notes, projected once."""

    parts_body: Tensor  # (B, 16, H)
    parts_head: Tensor  # (B, 16, P)
    allowed: Tensor  # (B, 16): parts that may play
    last_part: Tensor  # (B,): the highest of them
    kinds: Tensor  # (B, 16): the ``Kind`` of each part
    piece: Tensor  # (B, H): conditions
    given_body: Tensor  # (G + 1, B, 2, H): row 0 is "nothing"; as the last one, as the next one
    given_head: Tensor  # (G + 1, B, 2, P)


def misread(events: Tensor, share: float) -> Tensor:
    """Events (..., 6) of which a share of the notes has another pitch (up to two semitones away) or another wait (up to six steps)."""
    out, note = events.clone(), events[..., Field.ROLE] == Role.NOTE
    for field, most, last in ((Field.PITCH, 2, LAST_PITCH), (Field.WAIT, 6, None)):
        value = events[..., field]
        wrong = value + torch.randint(-most, most + 1, value.shape, device=value.device)
        wrong = wrong.clamp(0, last) if last is not None else torch.where(value > 0, wrong.clamp(min=1), value)
        here = note & (torch.rand(value.shape, device=value.device) < share / 2)
        here = here & (value <= last) if last is not None else here & (wrong <= LONGEST_MISREAD)
        out[..., field] = torch.where(here, wrong, value)
    return out


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """(B, N, D) looked up by (..., B) -> (..., B, D)."""
    row = torch.arange(len(table), device=index.device)
    return table[row.expand_as(index), index]


def given_at(projected: Tensor, lookups: Tensor) -> Tensor:
    """(G + 1, B, 2, D) looked up by (..., B, 5) -> (..., B, D): the last given note and the next one."""
    row = torch.arange(projected.shape[1], device=lookups.device).expand(lookups.shape[:-1])
    return projected[lookups[..., Lookup.LAST], row, 0] + projected[lookups[..., Lookup.NEXT], row, 1]


def side_by_side(weight: Tensor) -> Tensor:
    """(2 * D, E), the last given note's half above the next one's -> (D, 2 * E)."""
    return torch.cat(weight.chunk(2), 1)


def diagonal(x: Tensor) -> Tensor:
    """(2, B, 2 * D): "nothing" as last and as next -> (1, B, 2, D), each in its own half."""
    halves = x.view(*x.shape[:-1], 2, -1)  # (2, B, 2, D)
    return torch.stack([halves[0, :, 0], halves[1, :, 1]], 1)[None]
