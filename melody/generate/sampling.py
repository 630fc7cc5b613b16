"""From logits to values: temperature, top-k, nucleus (top-p) and min-p, for a batch of rows at once. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import FIELDS
from melody.errors import CallError, unknown

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Sampling:
    """How values are drawn. ``temperature`` 0 is greedy: always the most likely value."""

    temperature: float = 1.0  # below 1: safer, above 1: wilder; 0: greedy
    top_p: float = 0.98  # nucleus: the most likely values that hold this much probability (Holtzman et al., 2020)
    top_k: int = 0  # only the k most likely values; 0: all
    min_p: float = 0.0  # only values at least this likely, as a share of the most likely one
    repetition: int = 4  # how often a bar may come back unchanged in a row; 0: as often as the model likes
    guidance: float = 5.0  # how much the given notes count for pitches: 1 as the model learned, above 1 more (Ho and Salimans, 2022)
    fields: Mapping[str, float] = field(default_factory=dict)  # factors on the temperature by field, e.g. {"velocity": 0.8}

    def __post_init__(self) -> None:
        if not (0 <= self.temperature <= 100):
            raise CallError(f"temperature is {self.temperature}, must be 0 (greedy) or more; 1 is the model as it is")
        if not (0 < self.top_p <= 1):
            raise CallError(f"top-p is {self.top_p}, must be above 0 and at most 1 (1 switches it off)")
        if self.top_k < 0:
            raise CallError(f"top-k is {self.top_k}, must be 0 (off) or more")
        if not (0 <= self.min_p <= 1):
            raise CallError(f"min-p is {self.min_p}, must be in 0..1 (0 switches it off)")
        if self.repetition < 0:
            raise CallError(f"repetition is {self.repetition}, must be 0 (off) or more")
        if not (0 <= self.guidance <= 10):
            raise CallError(f"guidance is {self.guidance}, must be in 0..10 (1 switches it off)")
        for name, factor in self.fields.items():
            if name not in FIELDS:
                raise unknown("field", name, FIELDS)
            if not 0 <= factor <= 100:
                raise CallError(f"temperature factor of {name} is {factor}, must be 0 or more")

    def temperature_of(self, name: str) -> float:
        """Temperature of one field."""
        return self.temperature * self.fields.get(name, 1.0)


def draw(logits: Logits, legal: NDArray[np.bool_], uniform: NDArray[np.float64], sampling: Sampling, name: str) -> NDArray[np.int64]:
    """One value a row: (B, V) logits, (B, V) legal values, (B,) numbers in [0, 1) -> (B,).

    The draw inverts the cumulative distribution in the order of the values, so a row depends on its own number only. Sums run one
    value after the other (``cumsum``): values of probability 0 change none, so columns that no row may take are left out.
    """
    open_columns: NDArray[np.bool_] = np.asarray(legal.any(0))
    low, high = int(open_columns.argmax()), len(open_columns) - int(open_columns[::-1].argmax())
    scores = np.full((len(logits), high - low), -np.inf)
    np.copyto(scores, logits[:, low:high], where=legal[:, low:high])
    temperature = sampling.temperature_of(name)
    if temperature == 0:
        best: NDArray[np.int64] = scores.argmax(-1) + low
        return best
    scores -= scores.max(-1, keepdims=True)
    if temperature != 1:
        with np.errstate(over="ignore"):  # next to temperature 0 all but the best values stand at minus infinity
            scores /= temperature
    p = np.exp(scores, out=scores)
    if sampling.min_p:
        p *= p >= sampling.min_p  # the most likely value stands at 1
    if 0 < sampling.top_k < p.shape[-1]:
        kth = np.partition(p, -sampling.top_k, -1)[:, -sampling.top_k, None]
        p *= p >= kth
    if sampling.top_p < 1:
        p = nucleus(p, sampling.top_p)
    cumulative = p.cumsum(-1)
    total = cumulative[:, -1:]
    reached = (cumulative <= uniform[:, None] * total).sum(-1)
    last = (cumulative < total).sum(-1)  # rounding must not lead past the last possible value
    chosen: NDArray[np.int64] = np.minimum(reached, last) + low
    return chosen


def nucleus(p: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Zero all but the most likely values that together hold ``share`` of a row's sum; the value that crosses it stays."""
    ranked = np.sort(p, -1)[:, ::-1]
    cumulative = ranked.cumsum(-1)
    before = cumulative - ranked
    kept = (before < share * cumulative[:, -1:]).sum(-1)
    least = ranked[np.arange(len(p)), kept - 1]
    keep = p >= least[:, None]
    if np.count_nonzero(keep) > kept.sum():  # equally likely values: the first of them stay
        for row in np.flatnonzero(keep.sum(-1) > kept):
            order = np.argsort(-p[row], kind="stable")
            keep[row, order[kept[row] :]] = False
    out: NDArray[np.float64] = p * keep
    return out
