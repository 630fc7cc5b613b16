"""Onto a beat and back: the ticks of free playing, counted by the player's own beats instead of the file's.

A ``BeatMap`` joins places in time that are beats with multiples of a quarter. It is finer than the file's ticks, so the way
there and back gives every tick back as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from melody.score import PEDAL, Score, Table, Track, note_table, table, tempo_table

FINER = 2  # ticks of the map for a tick of the file, at least: what rounds there and back stays
MIN_QUARTER, MAX_QUARTER = 480, 32_767
MIN_MSPQ, MAX_MSPQ = 10_000, 16_777_215


@dataclass(frozen=True, eq=False)
class BeatMap:
    """``beats`` (n,): ticks of the file, rising, where the quarters 0 to n - 1 begin; ``quarter``: ticks of one quarter on the map.

    >>> beats = BeatMap(np.array([0, 600, 1150]), 2400)
    >>> there = beats.there([0, 300, 601])
    >>> there.tolist(), beats.back(there).tolist()
    ([0, 1200, 2404], [0, 300, 601])
    """

    beats: NDArray[np.int64]
    quarter: int

    @staticmethod
    def of(score: Score, seconds: ArrayLike) -> BeatMap:
        """The map of a Score with beats at some seconds, rising, from its first note to behind its last one."""
        at = np.asarray(seconds, np.float64)
        # Before the beginning of the file goes on at the file's first tempo.
        early = np.minimum(0.0, at) * 1e6 / float(score.tempi["mspq"][0]) * score.ticks_per_quarter
        ticks = score.ticks_at(np.maximum(0.0, at)) + np.floor(early).astype(np.int64)
        ticks = ticks[np.append(True, np.diff(ticks) > 0)]
        quarter = int(np.clip(FINER * int(np.diff(ticks).max(initial=1)), MIN_QUARTER, MAX_QUARTER))
        return BeatMap(ticks, quarter)

    def later(self, bar_line: int, score: Score) -> BeatMap:
        """The map with beats added before its first one, so that a bar of the first meter begins at quarter ``bar_line``."""
        numerator, denominator = int(score.meters["numerator"][0]), int(score.meters["denominator"][0])
        before = -bar_line % max(1, 4 * numerator // denominator)
        first = self.beats[0] - (self.beats[1] - self.beats[0]) * np.arange(before, 0, -1)
        return replace(self, beats=np.concatenate([first, self.beats]))

    def there(self, ticks: ArrayLike) -> NDArray[np.int64]:
        """Ticks of the file -> ticks of the map, to the nearest."""
        return _along(np.asarray(ticks, np.float64), self.beats.astype(np.float64), self._quarters())

    def back(self, ticks: ArrayLike) -> NDArray[np.int64]:
        """Ticks of the map -> ticks of the file, to the nearest."""
        return _along(np.asarray(ticks, np.float64), self._quarters(), self.beats.astype(np.float64))

    def _quarters(self) -> NDArray[np.float64]:
        return np.arange(len(self.beats), dtype=np.float64) * self.quarter

    def on_beats(self, score: Score) -> Score:
        """The Score with its notes on the map, a tempo for each beat and its first meter; it sounds as before.

        Tick 0 of the map may lie before the file begins. A Score of the map has no document: ``in_file`` leads back to it.
        """
        outside = np.minimum(0, self.beats) * (float(score.tempi["mspq"][0]) / 1e6 / score.ticks_per_quarter)
        mspq = np.rint(np.diff(score.seconds(np.maximum(0, self.beats)) + outside) * 1e6)
        ticks = np.arange(len(mspq)) * self.quarter
        return Score(
            tracks=tuple(replace(_moved(track, self.there), pedal=_pedal(track.pedal, self.there)) for track in score.tracks),
            ticks_per_quarter=self.quarter,
            tempi=tempo_table(ticks, np.clip(mspq, MIN_MSPQ, MAX_MSPQ).astype(np.int64)),
            meters=score.meters[:1],
            keys=score.keys[:1],
        )

    def in_file(self, original: Score, score: Score) -> Score:
        """``score``, which was made on the map out of ``original``, as an edit of that: all else of it stays.

        What is new is left out where it would begin before the file does; the pedal of ``original`` stays row for row.
        """
        tracks = []
        for index, track in enumerate(score.tracks):
            old = original.tracks[index].pedal if index < len(original.tracks) else track.pedal[:0]
            moved = _moved(track, self.back)
            pedal = np.concatenate([old, _pedal(track.pedal[len(old) :], self.back)])
            tracks.append(replace(moved, notes=moved.notes[moved.notes["onset"] >= 0], pedal=pedal))
        return replace(original, tracks=tuple(tracks))


def _moved(track: Track, move: Callable[[ArrayLike], NDArray[np.int64]]) -> Track:
    notes = track.notes
    onset = move(notes["onset"])
    end = np.maximum(onset + 1, move(notes["onset"].astype(np.int64) + notes["duration"]))
    return replace(track, notes=note_table(onset, end - onset, notes["pitch"], notes["velocity"]))


def _pedal(rows: Table, move: Callable[[ArrayLike], NDArray[np.int64]]) -> Table:
    return table(PEDAL, np.maximum(0, move(rows["tick"])), rows["value"])


def _along(at: NDArray[np.float64], places: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Between two places in proportion; before the first and behind the last one as fast as there."""
    index = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(places) - 2)
    share = (at - places[index]) / (places[index + 1] - places[index])
    out: NDArray[np.int64] = np.rint(values[index] + share * (values[index + 1] - values[index])).astype(np.int64)
    return out
