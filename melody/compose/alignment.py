"""A user's piece as the model sees it, and the way back: new notes put into the user's own ticks.

The user's Score is never changed; what comes back is the same Score with notes or tracks added (or, for an infill,
exchanged inside the hole).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from melody import edit, theory
from melody.codec import CodecConfig, Piece, quantise
from melody.codec.decode import decode_piece
from melody.codec.encode import velocity_of
from melody.codec.given import part_table
from melody.codec.table import MAX_PARTS, UNDECLARED
from melody.compose.tune import Tune, find_track
from melody.errors import MelodyError
from melody.score import Score, Table, Track, note_table

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AlignedTune:
    """A user's Score and what the model sees of it. ``tracks[p]``: index of the track that is part ``p``."""

    score: Score
    piece: Piece
    tracks: tuple[int, ...]
    name: str

    @property
    def part_table(self) -> NDArray[np.int16]:
        """(16, 3), nothing given."""
        return part_table(self.piece)

    @property
    def beats(self) -> bool:
        """Whether the codec counts in beats."""
        return self.piece.config.clock == "beats"

    @property
    def end(self) -> int:
        """Tick at which the piece is over."""
        return theory.piece_end(self.score)

    @property
    def last_onset(self) -> int:
        """Tick at which the last note of the whole Score starts."""
        return max(int(t.notes["onset"][-1]) for t in self.score.tracks if len(t.notes))

    def bar_ticks(self, bars: ArrayLike) -> Ints:
        """Ticks of bar lines, bars from 0. A user's bars are those of the Score, whatever the model counts in."""
        return theory.bar_start(self.score, bars)

    def steps(self, ticks: ArrayLike) -> Ints:
        """Ticks of the Score -> steps of the grid, to the nearest."""
        config, at = self.piece.config, np.asarray(ticks, np.int64)
        if self.beats:
            return (2 * at * config.grid + self.score.ticks_per_quarter) // (2 * self.score.ticks_per_quarter)
        return np.floor(self.score.seconds(at) * config.grid + 0.5).astype(np.int64)

    def plays_in_every_bar(self) -> bool:
        """Whether a note starts in every bar from the first note on."""
        bars = np.unique(self.piece.metre.bar(self.piece.notes["onset"].astype(np.int64))[0])
        return int(bars[-1] - bars[0]) + 1 == len(bars)

    def ticks(self, steps: Ints) -> Ints:
        """Steps of the grid -> ticks of the Score, to the nearest."""
        config = self.piece.config
        if self.beats:
            return (2 * steps * self.score.ticks_per_quarter + config.grid) // (2 * config.grid)
        return self.score.ticks_at(steps / config.grid)


def align_to_grid(
    tune: Tune, config: CodecConfig, track: str | None = None, lead: bool = False, reserve: int = 0, others: Collection[int] = ()
) -> AlignedTune:
    """Put a tune on the grid. ``lead``: one of its tracks is the melody (``track``, or the one that looks most like it).

    ``others``: further tracks that are wanted, by index.

    The model sees notes as long as they sound, by the pedal too: a key let go under it is no short note.
    Of a piece with more tracks than the model has parts (less ``reserve``), ``track`` and the busiest are tune; all are kept.
    """
    score, name = tune.score, tune.name
    if not score.note_count:
        raise MelodyError(f"{name}: no notes in it")
    wanted = None if track is None else find_track(score, track, name)
    if not lead:
        melody = theory.lead_track(score)[0]
    elif wanted is None:
        wanted = melody = _likely_melody(score, name)
    else:
        melody = _as_melody(score, wanted, name)
    chosen = {*others} if wanted is None else {*others, wanted}
    order = sorted(range(len(score.tracks)), key=lambda i: (i not in chosen, -len(score.tracks[i].notes)))
    kept = sorted(i for i in order[: MAX_PARTS - reserve] if len(score.tracks[i].notes) or i in chosen)
    piece = quantise(edit.select_tracks(edit.apply_pedal(score), kept), config, kept.index(melody) if melody in kept else None)
    return AlignedTune(score, piece, tuple(kept), name)


def _as_melody(score: Score, index: int, name: str) -> int:
    """The same index, if the track there can be a melody."""
    if score.tracks[index].is_drum:
        raise MelodyError(f"{name}: the chosen track is for drums and has no melody to accompany; choose another")
    if not len(score.tracks[index].notes):
        raise MelodyError(f"{name}: the chosen track has no notes to accompany; choose another")
    return index


def _likely_melody(score: Score, name: str) -> int:
    """The lead track; where none stands out, the highest pitched one."""
    lead, _ = theory.lead_track(score)
    if lead is not None:
        return lead
    pitched = [i for i, t in enumerate(score.tracks) if len(t.notes) and not t.is_drum]
    if not pitched:
        raise MelodyError(f"{name}: has only drums, and no melody to accompany")
    return max(pitched, key=lambda i: float(score.tracks[i].notes["pitch"].mean()))


def new_notes(tune: AlignedTune, rows: NDArray[np.int16], start: int, window: tuple[int, int]) -> list[Table]:
    """Sampled events, waits counted from step ``start`` -> notes for every part in ticks of the Score, inside ``window`` (ticks)."""
    config = tune.piece.config
    low, stop = window
    written = decode_piece(rows, config, tune.piece.meters, start)
    notes = fitted(written.notes, int(tune.steps(stop)), config)
    onset = notes["onset"].astype(np.int64)
    # Where a tick is longer than a step, rounding can lead out of the window.
    begin = np.clip(tune.ticks(onset), low, max(low, stop - 1))
    finish = np.minimum(tune.ticks(onset + notes["duration"]), stop)
    tables = []
    for part in range(max(MAX_PARTS, len(written.parts))):
        mine = notes["part"] == part
        velocity = velocity_of(notes["velocity"][mine], config.velocity_bins)
        made = note_table(begin[mine], np.maximum(1, finish[mine] - begin[mine]), notes["pitch"][mine], velocity)
        tables.append(edit.without_overlaps(made))
    return tables


def fitted(notes: Table, stop: int, config: CodecConfig) -> Table:
    """Notes on the grid cut off at step ``stop``, without the stubs: those of which less than an eighth and less than half was left."""
    left = np.maximum(1, stop - notes["onset"])
    stub = (2 * left < notes["duration"]) & (left < config.rest // 8)
    notes = (notes if stub.all() else notes[~stub]).copy()
    notes["duration"] = np.minimum(notes["duration"], np.maximum(1, stop - notes["onset"]))
    return notes


def clear_of(kept: Table, fresh: Table) -> Table:
    """New notes without those whose pitch still sounds in a kept note at their onset: a key cannot be struck twice."""
    if not len(kept) or not len(fresh):
        return fresh
    end = kept["onset"] + kept["duration"]
    near = (end > fresh["onset"].min()) & (kept["onset"] <= fresh["onset"].max())
    held, end = kept[near], end[near]
    clash = (fresh["pitch"][:, None] == held["pitch"]) & (fresh["onset"][:, None] < end) & (fresh["onset"][:, None] >= held["onset"])
    clear: Table = fresh[~clash.any(1)]
    return clear


def added(score: Score, additions: dict[int, Table]) -> Score:
    """The Score with notes added to its tracks by index; the notes that were there stay as they are."""
    tracks = list(score.tracks)
    for index, notes in additions.items():
        track = tracks[index]
        both = np.concatenate([track.notes, notes])
        order = np.lexsort((both["pitch"], both["onset"]))
        tracks[index] = replace(track, notes=both[order])
    return edit.with_tracks(score, tracks)


def with_new_tracks(score: Score, tables: Sequence[tuple[int, Table]], names: Sequence[str]) -> Score:
    """The Score with tracks after its own: (program or 128 for drums, notes) each; those without notes are left out."""
    fresh = [
        Track(name, 0 if program == UNDECLARED - 1 else program, program == UNDECLARED - 1, notes)
        for (program, notes), name in zip(tables, names, strict=True)
        if len(notes)
    ]
    return edit.with_tracks(score, [*score.tracks, *fresh])
