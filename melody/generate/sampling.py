"""From logits to values: temperature, top-k, nucleus (top-p) and min-p, for a batch of rows at once. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import FIELDS
from melody.errors import CallError, unknown
from melody.settings import check_settings, setting

Logits = NDArray[np.float32]
NEVER = np.float64(-np.inf)
BELOW_ONE = 1 - 2.0**-50
ARANGE = np.arange(1 << 12)  # more rows than a batch has


@dataclass(frozen=True)
class Sampling:
    """How values are drawn. ``temperature`` 0 is greedy: always the most likely value. Errors: ``CallError``.

    >>> Sampling(temperature=0.9, min_p=0.02).top_p
    0.98
    """

    temperature: float = setting(
        1.0, "Below 1 is safer, above 1 is wilder; 0 always takes the most likely event.", kind=float, low=0, high=100
    )
    # Holtzman et al., The curious case of neural text degeneration, 2020
    top_p: float = setting(
        0.98, "Only the likeliest values that together have this probability; above 0, at most 1.", kind=float, low=0, high=1, above=True
    )
    top_k: int = setting(0, "Only the K likeliest values; 0: all.", kind=int, low=0)
    min_p: float = setting(0.0, "Only values at least this likely, as a share of the likeliest one, 0 to 1.", kind=float, low=0, high=1)
    # Ho and Salimans, Classifier-free diffusion guidance, 2022
    guidance: float | None = setting(
        None,
        "How closely accompany and infill follow the notes that are given, 0 to 10; 1: as the model learned to. "
        "By default 5 for accompany, 1.5 for infill of one track, 1 of all tracks.",
        kind=float,
        low=0,
        high=10,
    )
    repetition: int = setting(
        4, "How many times in a row a bar or a longer passage may be repeated; 0: as often as the model likes.", kind=int, low=0
    )
    fields: Mapping[str, float] = field(default_factory=dict)  # factors on the temperature by field, e.g. {"velocity": 0.8}

    def __post_init__(self) -> None:
        check_settings(self)
        for name, factor in self.fields.items():
            if name not in FIELDS:
                raise unknown("field", name, FIELDS)
            if not 0 <= factor <= 100:
                raise CallError(f"temperature factor of {name} is {factor}, must be 0 to 100", argument="fields")

    def guided(self, guidance: float) -> Sampling:
        """The same, with this guidance where none was asked for."""
        return self if self.guidance is not None else replace(self, guidance=guidance)

    def temperature_of(self, name: str) -> float:
        """Temperature of one field."""
        return self.temperature * self.fields.get(name, 1.0)


def draw_one(logits: Logits, uniform: float, sampling: Sampling, name: str) -> int:
    """``draw`` for one row (V,) of which all values are legal: the same value, in fewer calls."""
    if sampling.min_p or sampling.top_k:
        return int(draw(logits[None], None, np.array([uniform]), sampling, name)[0])
    temperature = sampling.temperature_of(name)
    if temperature == 0:
        return int(logits.argmax())
    p = logits.astype(np.float64)
    p -= p.max()
    if temperature != 1:
        with np.errstate(over="ignore"):
            p /= temperature
    return _one(np.exp(p, out=p), uniform, sampling.top_p)


def draw(logits: Logits, legal: NDArray[np.bool_] | None, uniform: NDArray[np.float64], sampling: Sampling, name: str) -> NDArray[np.int64]:
    """One value a row: (B, V) logits, (B, V) legal values (None: all), (B,) numbers in [0, 1) -> (B,).

    The draw inverts the cumulative distribution in the order of the values, so a row depends on its own number only. What falls outside
    the nucleus is drawn again inside it, with what is left of the number; so most draws need no sorting.
    Sums run one value after the other (``cumsum``): values of probability 0 change none, so columns that no row may take can be left out.
    """
    scores = logits.astype(np.float64) if legal is None else np.where(legal, logits, NEVER)
    temperature = sampling.temperature_of(name)
    if temperature == 0:
        best: NDArray[np.int64] = scores.argmax(-1)
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
    if len(p) == 1:  # the same in fewer calls
        return np.array([_one(p[0], float(uniform[0]), sampling.top_p)])
    cumulative = p.cumsum(-1)
    total = cumulative[:, -1]
    goal = uniform * (total * BELOW_ONE)
    chosen: NDArray[np.int64] = (cumulative > goal[:, None]).argmax(-1)
    if sampling.top_p < 1:
        likely = p[ARANGE[: len(p)], chosen]
        doubtful = np.flatnonzero(likely <= (1 - sampling.top_p) * total)  # what is likelier than the whole tail is not in it
        if len(doubtful):
            few, least = p[doubtful], likely[doubtful]
            more = np.where(few > least[:, None], few, 0).cumsum(-1)[:, -1]
            for row in doubtful[more >= sampling.top_p * total[doubtful]].tolist():
                before = cumulative[row, chosen[row] - 1] if chosen[row] else 0.0
                chosen[row] = _again(p[row], float((goal[row] - before) / likely[row]), sampling.top_p)
    return chosen


def _one(p: NDArray[np.float64], number: float, share: float) -> int:
    cumulative = p.cumsum()
    total = cumulative[-1]
    goal = number * (total * BELOW_ONE)
    chosen = int(cumulative.searchsorted(goal, "right"))
    likely = p[chosen]
    if share < 1 and likely <= (1 - share) * total:
        more = p[p > likely].cumsum()
        if len(more) and more[-1] >= share * total:
            before = cumulative[chosen - 1] if chosen else 0.0
            return _again(p, float((goal - before) / likely), share)
    return chosen


def _again(p: NDArray[np.float64], number: float, share: float) -> int:
    """A value of the nucleus of ``p`` (V,)."""
    cumulative = np.where(nucleus(p, share), p, 0).cumsum()
    return int(cumulative.searchsorted(min(max(number, 0), BELOW_ONE) * cumulative[-1], "right"))


def nucleus(p: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """The most likely values (V,) that together hold ``share`` of the sum; the one that crosses it stays, and all that are as likely."""
    ranked = np.sort(p)
    cumulative = ranked.cumsum()
    least = ranked[cumulative.searchsorted(cumulative[-1] * min(1 - share, BELOW_ONE), "right")]
    kept: NDArray[np.bool_] = p >= least
    return kept
