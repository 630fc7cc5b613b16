"""Recall: what came next in this piece, the last time that it stood like here. Causal look-ups into the notes so far.

A piece repeats itself: bar for bar, or as a figure that returns, often higher or lower. After every event a few pointers
look back and foretell the next note: one for each distance in LAGS, to the same place so many bars ago, and one to the end of the
longest earlier passage that equals the last notes (compared by intervals, so that a transposed return counts, and is
foretold transposed). The network is told what they foretell and how often each was right of late; it decides what to
make of it.

Everything is vectorised over the notes of a piece; ``incremental_recall.py`` does the same note by note, for sampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.metre import Metre
from melody.codec.passages import earlier_passages
from melody.codec.table import MAX_PARTS, CodecConfig
from melody.score import Table

LAGS = (1, 2, 4, 8)  # bars
NEVER = -1  # a step that no piece has
POINTERS = len(LAGS) + 1
COLUMNS = ("wait", "part", "pitch", "duration", "velocity", "run")
Whole = NDArray[np.int64]
Note = tuple[int, int, int, int, int]  # onset, part, pitch, duration, velocity bin
RUNS = 10  # classes of "how often in a row was this pointer right": 0 .. 8, and more
RUN_CLASS = np.array([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7] + [8] * 16 + [RUNS - 1])
LONG_RUN = len(RUN_CLASS) - 1


def sizes(config: CodecConfig) -> tuple[int, ...]:
    """Number of classes of each column; 0 is "nothing foretold"."""
    return (config.rest + 2, MAX_PARTS + 1, 129, config.max_duration + 1, config.velocity_bins + 1, RUNS)


def recall(config: CodecConfig, metre: Metre, notes: Table, heard: Whole, time: Whole, plays: NDArray[np.bool_]) -> NDArray[np.int16]:
    """What every pointer foretells after each of n events: (n, POINTERS, 6) in the order of COLUMNS.

    notes   GRID_NOTE in canonical order: all that is remembered
    heard   (n,): how many of them had sounded once the event was there
    time    (n,): the step that the event reached
    plays   (n,): whether the event is a note (then note ``heard - 1``), not a declaration, a rest or an end

    wait      1 + steps from ``time`` to the foretold note, at most 1 + ``rest``
    part      1 + its part; pitch 1 + pitch; duration as it is (at least 1); velocity 1 + bin
    run       how often in a row the pointer was right about wait, part and pitch
    """
    out = np.zeros((len(time), POINTERS, len(COLUMNS)), np.int16)
    if not len(notes):
        return out
    onset, pitch, part = (notes[name].astype(np.int64) for name in ("onset", "pitch", "part"))
    key = (onset * MAX_PARTS + part) * 128 + pitch
    last = np.maximum(heard - 1, 0)
    ago = bars_ago(metre, time)
    for k in range(len(LAGS)):
        then = ago[:, k]
        wanted = np.where(plays, (then * MAX_PARTS + part[last]) * 128 + pitch[last] + 1, then * MAX_PARTS * 128)
        found = np.searchsorted(key, wanted)
        wait = np.where((then >= 0) & (found < heard), onset[np.minimum(found, len(onset) - 1)] - then, -1)
        _foretell(out[:, k], config, notes, found, wait, 0)
    before = earlier_passages(onset, pitch, part)
    source = np.where(heard > 0, before[last], -1)
    found = np.where(source >= 0, source + 1, 0)
    gone = time - onset[last]
    wait = np.where(source >= 0, onset[found] - onset[np.maximum(source, 0)] - gone, -1)
    _foretell(out[:, -1], config, notes, found, wait, pitch[last] - pitch[np.maximum(source, 0)])
    _count_runs(out, notes, heard, time, plays)
    return out


def bars_ago(metre: Metre, time: Whole) -> Whole:
    """(n,) -> (n, 4): the same place in the bar LAGS bars ago, in steps; NEVER where the piece has not so many bars yet."""
    bar = metre.bar(time)[0]
    back = bar[:, None] - np.array(LAGS)
    then: Whole = np.where(back >= 0, (time - metre.starts(bar))[:, None] + metre.starts(np.maximum(back, 0)), NEVER)
    return then


def _foretell(out: NDArray[np.int16], config: CodecConfig, notes: Table, found: Whole, wait: Whole, shift: Whole | int) -> None:
    """Write the five columns of one pointer; nothing where ``wait`` is negative or the shifted pitch out of range."""
    found = np.minimum(found, len(notes) - 1)
    moved = notes["pitch"][found] + shift
    rows = np.flatnonzero((wait >= 0) & (moved >= 0) & (moved <= 127))
    at = found[rows]
    out[rows, 0] = 1 + np.minimum(wait[rows], config.rest)
    out[rows, 1] = 1 + notes["part"][at]
    out[rows, 2] = 1 + moved[rows]
    out[rows, 3] = notes["duration"][at]
    out[rows, 4] = 1 + notes["velocity"][at]


def runs(out: NDArray[np.int16], notes: Table, heard: Whole, time: Whole, plays: NDArray[np.bool_]) -> Whole:
    """(notes played, POINTERS): how often in a row each pointer was right once a note was there (a rest asks nothing)."""
    asked = np.flatnonzero(plays)
    before = np.maximum(asked - 1, 0)
    told = out[before].astype(np.int64)
    note = heard[asked] - 1
    wait = time[asked] - time[before]
    came = np.stack([wait, notes["part"][note], notes["pitch"][note]], -1) + 1
    right = (told[..., :3] == came[:, None]).all(-1)
    right[asked == 0] = False
    count = np.arange(1, len(asked) + 1)[:, None]
    missed = np.maximum.accumulate(np.where(right, 0, count), axis=0)
    rights: Whole = count - missed
    return rights


def _count_runs(out: NDArray[np.int16], notes: Table, heard: Whole, time: Whole, plays: NDArray[np.bool_]) -> None:
    """Fill the last column."""
    if not plays.any():
        return
    classes = RUN_CLASS[np.minimum(runs(out, notes, heard, time, plays), LONG_RUN)]
    latest = np.cumsum(plays) - 1
    out[..., 5] = np.where((latest >= 0)[:, None], classes[np.maximum(latest, 0)], 0)
