"""Score -> Piece (notes on the grid) -> events. Vectorised: no Python loop over notes.

A Piece is what all of encoding, the given notes and the conditions start from. Its notes are canonical: in order of
(onset, part, pitch), none doubled (the longest of a doubled note stays).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from melody.codec.metre import Metre
from melody.codec.table import BASES, DRUMS, MAX_PARTS, CodecConfig, Field, Role, declaration, kind_of
from melody.errors import MelodyError
from melody.score import METER, Score, Table, table

GRID_NOTE = np.dtype([("onset", "<i4"), ("part", "<i2"), ("pitch", "<i2"), ("duration", "<i4"), ("velocity", "<i2")])
PART = np.dtype([("program", "<i2"), ("lead", "?")])  # program 128: drums, 130 and 131: chords and form of an outline
MAX_STEPS = 1 << 28  # steps: keeps the sort key inside 62 bits


@dataclass(frozen=True, eq=False)
class Piece:
    """Notes on the grid of a codec: ``notes`` GRID_NOTE (n,), ``parts`` PART (p,), ``meters`` METER in steps."""

    config: CodecConfig
    notes: Table
    parts: Table
    meters: Table

    @cached_property
    def metre(self) -> Metre:
        """The bars of this piece."""
        return Metre(self.config, self.meters)

    @cached_property
    def tokens(self) -> NDArray[np.int16]:
        """(n,): the value of each note in the pitch field, which tells drums from pitches in vocabulary 2."""
        kinds = kind_of(self.config, self.parts["program"].astype(np.int64))[self.notes["part"]]
        tokens: NDArray[np.int16] = self.notes["pitch"] + np.array(BASES, np.int16)[kinds]
        return tokens

    @property
    def end(self) -> int:
        """Step of the bar line at or after the end of the last note."""
        last = int((self.notes["onset"] + self.notes["duration"]).max()) if len(self.notes) else 0
        bar = int(self.metre.bar(np.array([max(0, last - 1)]))[0][0])
        return self.metre.bar_start(bar + 1)

    def transposed(self, semitones: int) -> Piece:
        """The same piece with every pitched note moved; the caller keeps it inside 0..127."""
        if semitones == 0:
            return self
        notes = self.notes.copy()
        notes["pitch"] += np.where(self.parts["program"][notes["part"]] == DRUMS, 0, semitones).astype(np.int16)
        return replace(self, notes=notes)

    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest pitched (not drum) note; (60, 60) if there is none."""
        pitched = self.notes["pitch"][self.parts["program"][self.notes["part"]] != DRUMS]
        return (int(pitched.min()), int(pitched.max())) if len(pitched) else (60, 60)


@dataclass(frozen=True, eq=False)
class Events:
    """Rows (n, 6) int16 in the order of ``Field``, and ``time`` (n,) int32: the step reached after each row."""

    rows: NDArray[np.int16]
    time: NDArray[np.int32]
    start: int = 0

    def __len__(self) -> int:
        return len(self.rows)


def blank_piece(config: CodecConfig, meters: Table) -> Piece:
    """A piece of which there is nothing but its meters, in steps."""
    return Piece(config, np.zeros(0, GRID_NOTE), np.zeros(0, PART), meters)


def quantise(score: Score, config: CodecConfig, lead: int | None = None) -> Piece:
    """Put a Score on the grid of a codec. ``lead``: index of the track with the melody, if there is one.

    Onsets and ends are rounded to the nearest step, a note lasts at least one. On the seconds clock the sustain pedal
    must have been applied before (``edit.apply_pedal``). Raises MelodyError past 16 tracks.
    """
    if len(score.tracks) > MAX_PARTS:
        raise MelodyError(f"{len(score.tracks)} tracks, more than the limit of {MAX_PARTS}; keep the busiest with edit.busiest_tracks")
    counts = [len(t.notes) for t in score.tracks]
    part = np.repeat(np.arange(len(counts)), counts)
    raw = np.concatenate([t.notes for t in score.tracks]) if score.tracks else np.zeros(0, GRID_NOTE)
    onset = _steps(score, config, raw["onset"])
    end = _steps(score, config, raw["onset"] + raw["duration"])
    if len(onset) and int(end.max()) > MAX_STEPS:
        raise MelodyError("the piece is too long for the grid")
    duration = np.clip(end - onset, 1, config.max_duration)
    velocity = velocity_bin(raw["velocity"], config.velocity_bins)

    # One integer holds the canonical order; behind it the duration and the velocity, reversed: of a doubled note the longest
    # stands first, of equally long ones the loudest.
    rank = (((onset * MAX_PARTS + part) * 128 + raw["pitch"]) << 16) | (0xFFFF - np.minimum(duration, 0xFFFF))
    rank = rank * 128 + 127 - np.clip(raw["velocity"], 0, 127)
    order = np.argsort(rank, kind="stable")
    key = rank[order] >> 23
    first = np.ones(len(key), bool)
    np.not_equal(key[1:], key[:-1], out=first[1:])
    order = order[first]
    notes = np.empty(len(order), GRID_NOTE)
    for name, column in (("onset", onset), ("part", part), ("pitch", raw["pitch"]), ("duration", duration), ("velocity", velocity)):
        notes[name] = column[order]

    parts = table(PART, [DRUMS if t.is_drum else t.program for t in score.tracks], [i == lead for i in range(len(counts))])
    if config.clock == "beats":
        meters = table(METER, _steps(score, config, score.meters["tick"]), score.meters["numerator"], score.meters["denominator"])
    else:
        meters = score.meters[:1]
    return Piece(config, notes, parts, meters)


def _steps(score: Score, config: CodecConfig, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ticks to the nearest steps, halves up."""
    if config.clock == "seconds":
        return np.floor(score.seconds(ticks) * config.grid + 0.5).astype(np.int64)
    return (ticks.astype(np.int64) * (2 * config.grid) + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)


def velocity_bin(velocity: NDArray[np.int16], bins: int) -> NDArray[np.int64]:
    """Velocity 1..127 to its bin 0..bins-1. ``velocity_of`` gives the middle of a bin."""
    return np.clip(velocity.astype(np.int64), 0, 127) * bins // 128


def velocity_of(index: NDArray[np.int16], bins: int) -> NDArray[np.int64]:
    """The middle velocity of each bin, 1..127."""
    return np.clip((2 * index.astype(np.int64) + 1) * 64 // bins, 1, 127)


def encode(
    piece: Piece,
    free: NDArray[np.bool_] | None = None,
    start: int = 0,
    declare: Sequence[int] | None = None,
) -> Events:
    """Events of a piece: declarations, then notes and rests, then the end.

    free     (n,) bool: the notes to write as events (all of them by default); none may start before ``start``
    start    step from which the first wait counts
    declare  indices of the parts to declare (all by default); fewer only when a piece goes on (``rows`` of a prime)
    """
    config = piece.config
    notes = piece.notes if free is None else piece.notes[free]
    onset = notes["onset"].astype(np.int64)
    wait = np.diff(onset, prepend=start)
    if len(wait) and wait.min() < 0:
        raise ValueError("a free note starts before the beginning of the span")
    rests = wait // config.rest
    declared = np.arange(len(piece.parts)) if declare is None else np.asarray(declare, np.int64)
    head = len(declared)
    at = head + np.arange(len(notes)) + np.cumsum(rests)  # row of each note
    count = int(at[-1]) + 2 if len(notes) else head + 1

    rows = np.zeros((count, len(Field)), np.int16)
    rows[:head, Field.PART] = declared
    rows[:head, Field.PITCH] = declaration(piece.parts["program"][declared])
    rows[:head, Field.VELOCITY] = piece.parts["lead"][declared]
    rows[head:, Field.ROLE] = Role.REST
    rows[head:, Field.WAIT] = config.rest
    rows[at, Field.ROLE] = Role.NOTE
    rows[at, Field.WAIT] = wait - rests * config.rest
    for field, name in ((Field.PART, "part"), (Field.DURATION, "duration"), (Field.VELOCITY, "velocity")):
        rows[at, field] = notes[name]
    rows[at, Field.PITCH] = piece.tokens if free is None else piece.tokens[free]
    rows[-1] = (Role.END, 0, 0, 0, 0, 0)
    return Events(rows, start + np.cumsum(rows[:, Field.WAIT], dtype=np.int32), start)
