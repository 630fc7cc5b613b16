"""The state of a run as values: all that it needs to go on as if it had never stopped. Knows neither the loop nor the disk.

Used three times: saved and loaded (training/checkpoint.py), and copied in memory for a rollback (training/loop.py).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from melody.corpus.stream import Stream
from melody.model import EventLSTM, State
from melody.training.averaging import Tensors
from melody.training.stability import Stability


@dataclass
class Counters:
    """Where a run stands, in plain numbers."""

    step: int = 0  # updates made, the skipped ones too
    notes: int = 0  # notes trained on
    skipped: int = 0  # updates that were skipped
    stale: int = 0  # validations since the best one
    due: int = 0  # 1: this step is still to be validated (a signal came meanwhile, or it is what a fine-tuning begins with)
    seconds: float = 0.0  # spent training
    best: float = math.inf  # best validation, nats per note; inf: none yet
    nats: float = math.nan  # training loss, nats per note, smoothed
    before: float = math.nan  # validation of the model that a fine-tuning began with, nats per note

    def count(self, nats: float, notes: float, seconds: float, skipped: bool) -> None:
        """An update was made: ``nats`` and ``notes`` of all processes in it, ``seconds`` since the run began."""
        self.step += 1
        self.notes += int(notes)
        self.seconds = seconds
        if skipped:
            self.skipped += 1
            return
        per_note = nats / max(1, notes)
        self.nats = per_note if math.isnan(self.nats) else 0.98 * self.nats + 0.02 * per_note

    def check(self) -> None:
        """Raises ValueError for numbers that no run can have (they may come from a file)."""
        if min(self.step, self.notes, self.skipped, self.stale, self.due, self.seconds) < 0 or self.before < 0:
            raise ValueError("counters that are negative")
        if not math.isfinite(self.seconds):
            raise ValueError("a time that makes no sense")


class Known(NamedTuple):
    """Where the rows of all processes stood at some step: enough to find where any of them stands later, since no row waits for another."""

    step: int
    position: dict[str, Any]  # of ``RunState``
    random: list[Tensors]  # likewise


@dataclass
class RunState:
    """A run at one moment. Shapes: L layers, B rows (of this process, or of all of them once ``gathered``), H width."""

    weights: Tensors  # of the network, by name
    averages: Tensors  # likewise, averaged over the updates
    initial: Tensors  # what a fine-tuning with ``interpolation`` below 1 began with; otherwise empty
    moments: Mapping[int, Tensors]  # the optimiser's, by number of the parameter
    recurrent: State  # (L, B, H) twice: the carried state of the network
    position: dict[str, Any]  # ``Stream.position``: the place of each row in the corpus
    counters: Counters
    stability: Stability
    random: list[Tensors]  # states of the random number generators, by process: "cpu", and "cuda" where there is one
    precision: str  # "float32" or "bfloat16": what was quicker when the run began

    @property
    def known(self) -> Known:
        """Of a state of all processes: where it stands."""
        return Known(self.counters.step, self.position, self.random)

    def copy(self) -> RunState:
        """The same values in memory of their own. ``initial`` never changes, and is shared."""
        return replace(copy.deepcopy(replace(self, initial={})), initial=self.initial)

    def gathered(self, gather: Callable[[Any], list[Any]]) -> RunState:
        """The state of all processes. ``gather``: this process's value -> those of all, in order (``Group.gather``)."""
        hidden, cell = (t.cpu() for t in self.recurrent)
        parts = gather((hidden, cell, self.position["rows"], self.random[0]))
        recurrent = State(torch.cat([p[0] for p in parts], 1), torch.cat([p[1] for p in parts], 1))
        rows = [row for p in parts for row in p[2]]
        return replace(self, recurrent=recurrent, position={"rows": rows}, random=[p[3] for p in parts])

    def share(self, first: int, rows: int) -> RunState:
        """Of the state of all processes what one needs: rows ``first`` to ``first + rows``."""
        mine = slice(first, first + rows)
        recurrent = State(*(t[:, mine] for t in self.recurrent))
        return replace(self, recurrent=recurrent, position={"rows": self.position["rows"][mine]})

    def of_all(self, stream: Stream, known: Known, blank: State) -> RunState:
        """The state of all processes out of that of one, where the others are gone: the carried state of their rows is blank.

        ``stream``: of this process; ``known``: where all rows stood before; ``blank`` (L, B, H): for all rows, is filled in.
        """
        every = replace(stream, first=0, batch=stream.total)
        every.position = known.position
        for _ in islice(every, self.counters.step - known.step):
            pass
        for whole, mine in zip(blank, self.recurrent, strict=True):
            whole[:, stream.first : stream.first + stream.batch] = mine
        return replace(self, recurrent=blank, position=every.position)

    def check(self, model: EventLSTM, parameters: Sequence[Tensor], rows: int, interpolation: float) -> None:
        """Compare a state of all processes, which may come from a file, with the run that is to take it up.

        ``parameters``: in the optimiser's order. Raises ValueError; LookupError where a parameter is not there.
        """
        own = model.state_dict()
        check_alike(self.weights, own)
        check_alike(self.averages, own)
        check_alike(self.initial, own if interpolation < 1 and self.initial else {})
        for number, moments in self.moments.items():
            like = parameters[number]
            check_alike(moments, {"step": torch.zeros(()), "exp_avg": like, "exp_avg_sq": like})
        expected = model.blank_state(rows)
        shapes = [t.shape for t in self.recurrent] == [t.shape for t in expected]
        if not shapes or len(self.position["rows"]) != rows:
            raise ValueError("the saved state has another shape; resume with the settings of the saved run")
        if not all(isinstance(r, dict) for r in self.random):
            raise ValueError("no state of the random numbers")
        self.counters.check()
        self.stability.check()


def check_alike(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Raises ValueError unless both have the same names, shapes and kinds of numbers, and ``saved`` is finite."""
    if saved.keys() != own.keys():
        raise ValueError("other weights than those of the network")
    for name, tensor in saved.items():
        if tensor.shape != own[name].shape or tensor.dtype != own[name].dtype:
            raise ValueError(f"{name} has another shape than in the network")
        if not bool(torch.isfinite(tensor.sum())):
            raise ValueError(f"{name} holds values that are not finite")
