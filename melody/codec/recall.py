"""Recall: what came next in this piece, the last time that it stood like here. Causal look-ups into the notes so far.

A piece repeats itself: bar for bar, or as a figure that returns, often higher or lower. After every event a few pointers
look back and predict the next note: one for each distance in LAGS, to the same place so many bars ago, and one to the end of the
longest earlier passage that equals the last notes (compared by intervals, so that a transposed return counts, and is
predicted transposed; drums as they are). Where an outline says which earlier bar a bar brings back, the pointer that looks
farthest back looks there. The network reads what they predict and how often each was right of late; it decides what to
make of it.

Everything is vectorised over the notes of a piece; ``incremental_recall.py`` does the same note by note, for sampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import LAGS, POINTERS, STREAKS, Recalled
from melody.codec.metre import Metre
from melody.codec.passages import LAST_PITCH, earlier_passages, intervals
from melody.codec.table import MAX_PARTS, CodecConfig
from melody.score import Table

NEVER = -1  # a step that no piece has
PITCHES = 1024  # more than the pitch field has values
Ints = NDArray[np.int64]
Note = tuple[int, int, int, int, int]  # onset, part, pitch, duration, velocity bin
# The class of "right so often in a row", by that number: exact up to 4, then coarser, the last one for 32 and more.
STREAK_CLASS = np.array([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7] + [8] * 16 + [STREAKS - 1])
LONGEST_STREAK = len(STREAK_CLASS) - 1


def recall(
    config: CodecConfig,
    metre: Metre,
    notes: Table,
    notes_so_far: Ints,
    time: Ints,
    plays: NDArray[np.bool_],
    form: NDArray[np.int16] | None = None,
) -> NDArray[np.int16]:
    """What every pointer predicts after each of n events: (n, POINTERS, 6) in the order of ``Recalled``.

    notes         GRID_NOTE in canonical order: all that may be recalled, pitches as in the pitch field (``Piece.tokens``)
    notes_so_far  (n,): how many of them had sounded once the event was there
    time          (n,): the step that the event reached
    plays         (n,): whether the event is a note (then note ``notes_so_far - 1``), not a declaration, a rest or an end
    form          (n,): the class of ``Feature.FORM`` there; None: nowhere known

    WAIT      1 + steps from ``time`` to the predicted note, at most 1 + ``rest``
    PART      1 + its part; PITCH 1 + pitch; DURATION as it is (at least 1); VELOCITY 1 + bin
    STREAK    class of how often in a row the pointer was right about wait, part and pitch
    """
    out = np.zeros((len(time), POINTERS, len(Recalled)), np.int16)
    if not len(notes):
        return out
    onset, pitch, part = (notes[name].astype(np.int64) for name in ("onset", "pitch", "part"))
    key = (onset * MAX_PARTS + part) * PITCHES + pitch  # rises: the canonical order
    last = np.maximum(notes_so_far - 1, 0)
    ago = bars_ago(metre, time, form)
    for k in range(len(LAGS)):
        then = ago[:, k]
        # After a note the prediction is what followed that note's counterpart; after anything else, what began there first.
        wanted = np.where(plays, (then * MAX_PARTS + part[last]) * PITCHES + pitch[last] + 1, then * MAX_PARTS * PITCHES)
        found = np.searchsorted(key, wanted)
        wait = np.where((then >= 0) & (found < notes_so_far), onset[np.minimum(found, len(onset) - 1)] - then, -1)
        _predict(out[:, k], config, notes, found, wait, 0)
    before = earlier_passages(onset, pitch, part)
    source = np.where(notes_so_far > 0, before[last], -1)
    found = np.where(source >= 0, source + 1, 0)
    elapsed = time - onset[last]
    wait = np.where(source >= 0, onset[found] - onset[np.maximum(source, 0)] - elapsed, -1)
    stands = intervals(pitch)[1]
    _predict(out[:, -1], config, notes, found, wait, stands[last] - stands[np.maximum(source, 0)])
    _add_streaks(out, notes, notes_so_far, time, plays)
    return out


def bars_ago(metre: Metre, time: Ints, form: NDArray[np.int16] | None = None) -> Ints:
    """(n,) -> (n, 4): the same place in the bar LAGS bars ago, in steps; NEVER where the piece has not so many bars yet.

    ``form``: as in ``recall``; the last column is the same place in the bar that is brought back, where one is.
    """
    bar = metre.bar(time)[0]
    back = bar[:, None] - np.array(LAGS)
    if form is not None:
        back[:, -1] = np.where(form > 1, bar - form + 1, back[:, -1])
    then: Ints = np.where(back >= 0, (time - metre.starts(bar))[:, None] + metre.starts(np.maximum(back, 0)), NEVER)
    return then


def _predict(out: NDArray[np.int16], config: CodecConfig, notes: Table, found: Ints, wait: Ints, shift: Ints | int) -> None:
    """Write the predicted columns of one pointer; nothing where ``wait`` is negative or the shifted pitch out of range."""
    found = np.minimum(found, len(notes) - 1)
    pitch = notes["pitch"][found]
    melodic = pitch <= LAST_PITCH
    moved = pitch + np.where(melodic, shift, 0)
    rows = np.flatnonzero((wait >= 0) & (~melodic | ((moved >= 0) & (moved <= LAST_PITCH))))
    at = found[rows]
    out[rows, Recalled.WAIT] = 1 + np.minimum(wait[rows], config.rest)
    out[rows, Recalled.PART] = 1 + notes["part"][at]
    out[rows, Recalled.PITCH] = 1 + moved[rows]
    out[rows, Recalled.DURATION] = notes["duration"][at]
    out[rows, Recalled.VELOCITY] = 1 + notes["velocity"][at]


def streaks(predicted: NDArray[np.int16], notes: Table, notes_so_far: Ints, time: Ints, plays: NDArray[np.bool_]) -> Ints:
    """(notes played, POINTERS): how often in a row each pointer was right once a note was there (a rest asks nothing)."""
    asked = np.flatnonzero(plays)
    before = np.maximum(asked - 1, 0)
    said = predicted[before, :, Recalled.WAIT : Recalled.PITCH + 1].astype(np.int64)
    note = notes_so_far[asked] - 1
    came = np.stack([time[asked] - time[before], notes["part"][note], notes["pitch"][note]], -1) + 1
    right = (said == came[:, None]).all(-1)
    right[asked == 0] = False
    # Of the notes so far, minus those up to the last miss: a running count without a loop.
    count = np.arange(1, len(asked) + 1)[:, None]
    missed = np.maximum.accumulate(np.where(right, 0, count), axis=0)
    out: Ints = count - missed
    return out


def _add_streaks(out: NDArray[np.int16], notes: Table, notes_so_far: Ints, time: Ints, plays: NDArray[np.bool_]) -> None:
    """Fill the last column."""
    if not plays.any():
        return
    classes = STREAK_CLASS[np.minimum(streaks(out, notes, notes_so_far, time, plays), LONGEST_STREAK)]
    latest = np.cumsum(plays) - 1
    out[..., Recalled.STREAK] = np.where((latest >= 0)[:, None], classes[np.maximum(latest, 0)], 0)
