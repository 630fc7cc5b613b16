"""Recall: what came next in this piece, the last time that it stood like here. Causal look-ups into the notes so far.

A piece repeats itself: bar for bar, or as a figure that returns, often higher or lower. After every event a few pointers
look back and foretell the next note: one for each distance in LAGS, to the same place so many bars ago, and one to the end of the
longest earlier passage that equals the last notes (compared by intervals, so that a transposed return counts, and is
foretold transposed). The network is told what they foretell and how often each was right of late; it decides what to
make of it.

Everything is vectorised over the notes of a piece; ``Recollection`` does the same note by note, for sampling.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from melody.codec.metre import Metre
from melody.codec.table import MAX_PARTS, CodecConfig, Role
from melody.score import Table

LAGS = (1, 2, 4, 8)  # bars
ORDERS = (2, 4, 8, 16)  # lengths of the passages that are compared, in notes
POINTERS = len(LAGS) + 1
COLUMNS = ("wait", "part", "pitch", "duration", "velocity", "run")
MOST = 4096  # notes that a piece without end remembers at least
Whole = NDArray[np.int64]
Note = tuple[int, int, int, int, int]  # onset, part, pitch, duration, velocity bin
RUNS = 10  # classes of "how often in a row was this pointer right": 0 .. 8, and more
_RUN_CLASS = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7] + [8] * 16 + [RUNS - 1]
_LONG_RUN = len(_RUN_CLASS)
NOTHING = [0, 0, 0, 0, 0]
_NOTE = int(Role.NOTE)


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
    bar = metre.bar(time)[0]
    here = metre.starts(bar)
    for k, bars in enumerate(LAGS):
        back = bar - bars
        then = time - here + metre.starts(np.maximum(back, 0))
        wanted = np.where(plays, (then * MAX_PARTS + part[last]) * 128 + pitch[last] + 1, then * MAX_PARTS * 128)
        found = np.searchsorted(key, wanted)
        wait = np.where((back >= 0) & (found < heard), onset[np.minimum(found, len(onset) - 1)] - then, -1)
        _foretell(out[:, k], config, notes, found, wait, 0)
    before = _passage(onset, pitch, part)
    source = np.where(heard > 0, before[last], -1)
    found = np.where(source >= 0, source + 1, 0)
    gone = time - onset[last]
    wait = np.where(source >= 0, onset[found] - onset[np.maximum(source, 0)] - gone, -1)
    _foretell(out[:, -1], config, notes, found, wait, pitch[last] - pitch[np.maximum(source, 0)])
    _count_runs(out, notes, heard, time, plays)
    return out


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


def _passage(onset: Whole, pitch: Whole, part: Whole) -> Whole:
    """For each note the latest earlier one that ends an equal passage, the longest of ORDERS first; -1 for none."""
    interval = np.diff(pitch, prepend=pitch[0]).astype(np.uint64)
    wait = np.diff(onset, prepend=onset[0]).astype(np.uint64)
    with np.errstate(over="ignore"):
        item = (interval * np.uint64(0x9E3779B97F4A7C15) ^ wait * np.uint64(0xC2B2AE3D27D4EB4F)) * np.uint64(0xD6E8FEB86659FD93)
        item ^= (part.astype(np.uint64) + np.uint64(1)) * np.uint64(0xFF51AFD7ED558CCD)
        item ^= item >> np.uint64(29)
        item *= np.uint64(0xBF58476D1CE4E5B9)
        out = np.full(len(onset), -1, np.int64)
        key = item.copy()
        length = 1
        for order in ORDERS:  # key of a passage of 2n notes from two of n
            while length < order:
                key[length:] = key[length:] * np.uint64(0x94D049BB133111EB) + key[:-length]
                length *= 2
            if len(key) <= order:
                break
            tail = key[order:]  # the first passage needs a note before it for its interval
            by_key = np.argsort(tail, kind="stable")
            same = tail[by_key[1:]] == tail[by_key[:-1]]
            out[by_key[1:][same] + order] = by_key[:-1][same] + order
    return out


def _count_runs(out: NDArray[np.int16], notes: Table, heard: Whole, time: Whole, plays: NDArray[np.bool_]) -> None:
    """Fill the last column: right foretellings in a row, counted over note events (a rest asks nothing)."""
    asked = np.flatnonzero(plays)
    if not len(asked):
        return
    before = np.maximum(asked - 1, 0)
    told = out[before].astype(np.int64)
    note = heard[asked] - 1
    wait = time[asked] - time[before]
    came = np.stack([wait, notes["part"][note], notes["pitch"][note]], -1) + 1
    right = (told[..., :3] == came[:, None]).all(-1)
    right[asked == 0] = False
    count = np.arange(1, len(asked) + 1)[:, None]
    missed = np.maximum.accumulate(np.where(right, 0, count), axis=0)
    runs = np.array(_RUN_CLASS)[np.minimum(count - missed, len(_RUN_CLASS) - 1)]
    latest = np.cumsum(plays) - 1
    out[..., 5] = np.where((latest >= 0)[:, None], runs[np.maximum(latest, 0)], 0)


class Recollection:
    """``recall`` note by note: what a piece that is being written remembers of itself.

    Of a piece without end the last MOST to twice MOST notes are kept.
    """

    def __init__(self, config: CodecConfig, metre: Metre) -> None:
        self.config, self.metre = config, metre
        self._runs = [0] * POINTERS
        self._told = [[*NOTHING, 0]] * POINTERS
        self._bars = [0, metre.bar_start(1)]  # where the bars start, as far as they were reached
        self._time = 0  # step of the event before
        self._clear()

    def _clear(self) -> None:
        self._notes: list[Note] = []
        self._keys: list[int] = []  # onset, part and pitch as one number, rising
        self._hashes: list[list[int]] = [[] for _ in range(1 + len(ORDERS))]  # of the last 1, 2, 4, ... notes at every note
        self._ends: list[dict[int, int]] = [{} for _ in ORDERS]  # where a passage last ended
        self._source = -1  # end of the earlier passage that equals the last notes

    def remember(self, note: Note) -> None:
        """A note (onset, part, pitch, duration, velocity bin) sounds; notes come in canonical order."""
        if len(self._notes) >= 2 * MOST:
            kept = self._notes[-MOST:]
            self._clear()
            for old in kept:
                self.remember(old)
        onset, part, pitch, _, _ = note
        notes, hashes = self._notes, self._hashes
        at = len(notes)
        before = notes[-1] if at else note
        notes.append(note)
        self._keys.append((onset * MAX_PARTS + part) * 128 + pitch)
        value = hash((onset - before[0], part, 128 + pitch - before[2]))  # hash(-1) is hash(-2)
        hashes[0].append(value)
        source = -1
        for level, order in enumerate(ORDERS):
            half = order // 2
            value = hash((value, hashes[level][at - half])) if at >= half else 0
            hashes[level + 1].append(value)
            if at >= order:  # the first passage needs a note before it for its interval
                ends = self._ends[level]
                source = ends.get(value, source)
                ends[value] = at
        self._source = source

    def after(self, role: int, time: int) -> list[list[int]]:
        """What is foretold after an event that reached ``time``: POINTERS rows of 6. Its note must have been remembered before."""
        notes, rest, add = self._notes, self.config.rest, 0
        if role == _NOTE:  # one plain loop, no function a pointer: this runs for every row at every step
            _, part, pitch, _, _ = notes[-1]
            add = part * 128 + pitch + 1
            wait, part, pitch = 1 + time - self._time, 1 + part, 1 + pitch
            told = self._told
            self._runs = [
                run + 1 if t[2] == pitch and t[0] == wait and t[1] == part else 0 for run, t in zip(self._runs, told, strict=True)
            ]
        self._time = time
        runs = [_RUN_CLASS[run] if run < _LONG_RUN else RUNS - 1 for run in self._runs]
        self._told = out = [[*NOTHING, run] for run in runs]
        if not notes:
            return out
        bars, keys = self._bars, self._keys
        while time >= bars[-1]:
            bars.append(self.metre.bar_start(len(bars)))
        here, count = len(bars) - 2, len(notes)
        gone = time - bars[here]
        for k, lag in enumerate(LAGS):
            if lag > here:
                break
            then = gone + bars[here - lag]
            found = bisect_left(keys, then * MAX_PARTS * 128 + add)
            if found < count:
                onset, part, pitch, duration, velocity = notes[found]
                wait = onset - then
                out[k] = [1 + min(wait, rest), 1 + part, 1 + pitch, duration, 1 + velocity, runs[k]]
        if self._source >= 0:
            last, source = notes[-1], notes[self._source]
            onset, part, pitch, duration, velocity = notes[self._source + 1]
            wait, pitch = onset - source[0] - (time - last[0]), pitch + last[2] - source[2]
            if wait >= 0 and 0 <= pitch <= 127:
                out[-1] = [1 + min(wait, rest), 1 + part, 1 + pitch, duration, 1 + velocity, runs[-1]]
        return out
