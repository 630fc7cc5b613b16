"""The outline of a piece: chords, form, and how full and how loud each bar is. What a piece follows before it has notes.

An outline is read in two ways. As features (``Outline.features``): what stands at a step, classes beside those of the metre, 0 where
nothing is known. And as parts that are written like others (``form_piece``, ``chord_piece``), one event a bar, one event a chord.

Conventions
    chord      a code: 0 none, 1 + 12 * quality + root (``table.CHORD_QUALITIES``); estimated for each half bar (whole bars where a bar has
               no middle beat), said again at each bar line
    bass       pitch class of the lowest note where it belongs to the chord, else the root
    form       for each bar how many bars back the bar lies that it brings back, 0 for a new bar (``theory.form``)
    texture    1 + 8 * density + polyphony of a bar. Density: 0 no note begins, else 1 + one of 11 classes of notes per quarter, log-spaced
               from 0.25 to 16; polyphony: class of the mean number of notes that sound at once (POLYPHONY_EDGES)
    loudness   mean velocity bin of a bar's notes, or of the last bar that had some

Drums count only where there is nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.codec.columns import CHORD_LEFT_CLASSES, Feature
from melody.codec.conditions import DENSEST, SPARSEST
from melody.codec.encode import GRID_NOTE, PART, Piece
from melody.codec.metre import Metre
from melody.codec.table import (
    CHORD_QUALITIES,
    CHORDS,
    DENSITY_LEVELS,
    DRUMS,
    FORM,
    MAX_RETURN,
    POLYPHONY_LEVELS,
    CodecConfig,
)
from melody.score import Table, table

Ints = NDArray[np.int64]
UNKNOWN = -1
POLYPHONY_EDGES = np.array([0.5, 1.25, 1.75, 2.5, 3.5, 4.5, 6.0])
QUALITY_OF = np.array([CHORD_QUALITIES.index(name) for name in theory.QUALITIES])
IN_CHORD = np.zeros((1 + 12 * len(CHORD_QUALITIES), 12), bool)  # by code, semitones above the root
for _quality, _name in enumerate(CHORD_QUALITIES):
    IN_CHORD[1 + 12 * _quality : 13 + 12 * _quality, theory.SHAPES[_name][0]] = True


@dataclass(frozen=True, eq=False)
class Outline:
    """Chords from step ``onset`` on each (c,), rising, and facts of each bar (b,). UNKNOWN, or 0 for textures, where nothing is known."""

    onset: Ints
    chord: Ints
    bass: Ints  # pitch class
    form: Ints
    texture: Ints
    loudness: Ints

    def features(self, config: CodecConfig, metre: Metre, steps: Ints, out: NDArray[np.int16]) -> None:
        """Write what is known at some steps (n,) into their features (n, 11)."""
        if len(self.onset):
            at = np.searchsorted(self.onset, steps, side="right") - 1
            now, then = np.maximum(at, 0), np.minimum(at + 1, len(self.onset) - 1)
            known = (at >= 0) & (self.chord[now] != UNKNOWN)
            more = at + 1 < len(self.onset)
            until = -((steps - self.onset[then]) * 2 // config.grid)  # eighths, begun ones counted
            out[:, Feature.CHORD] = np.where(known, 1 + self.chord[now], 0)
            out[:, Feature.BASS] = np.where(known & (self.chord[now] > 0), 1 + self.bass[now], 0)
            out[:, Feature.NEXT_CHORD] = np.where(more, 1 + self.chord[then], 0)
            out[:, Feature.CHORD_LEFT] = np.where(more, 1 + np.clip(until, 0, CHORD_LEFT_CLASSES - 2), 0)
        if len(self.form):
            bar = metre.bar(steps)[0]
            inside, bar = bar < len(self.form), np.minimum(bar, len(self.form) - 1)
            out[:, Feature.FORM] = np.where(inside, 1 + self.form[bar], 0)
            out[:, Feature.TEXTURE] = np.where(inside, self.texture[bar], 0)
            out[:, Feature.LOUDNESS] = np.where(inside, 1 + self.loudness[bar], 0)

    def transposed(self, semitones: int) -> Outline:
        """Chords and basses moved."""
        if semitones == 0:
            return self
        root = (self.chord - 1) % 12
        moved = np.where(self.chord > 0, self.chord - root + (root + semitones) % 12, self.chord)
        return replace(self, chord=moved, bass=np.where(self.bass >= 0, (self.bass + semitones) % 12, self.bass))

    def louder(self, bins: int, config: CodecConfig) -> Outline:
        """Loudness moved by some bins, kept in range."""
        return replace(self, loudness=np.where(self.loudness < 0, UNKNOWN, np.clip(self.loudness + bins, 0, config.velocity_bins - 1)))

    def without(self, chords: bool = False, form: bool = False, texture: bool = False) -> Outline:
        """Some of it is not known any more; ``texture``: how full and how loud the bars are."""
        nothing, bars = np.zeros(0, np.int64), np.full(len(self.form), UNKNOWN)
        out = replace(self, onset=nothing, chord=nothing, bass=nothing) if chords else self
        out = replace(out, form=bars) if form else out
        return replace(out, texture=bars * 0, loudness=bars) if texture else out

    def without_between(self, metre: Metre, start: int, stop: int) -> Outline:
        """Nothing is known from the bar line ``start`` to the bar line ``stop``."""
        before, after = self.onset < start, self.onset >= stop
        edge = np.array([UNKNOWN])
        onset, chord, bass = (
            np.concatenate([a[before], e, a[after]]) for a, e in ((self.onset, edge * 0 + start), (self.chord, edge), (self.bass, edge))
        )
        bars = metre.starts(np.arange(len(self.form)))
        hole = (bars >= start) & (bars < stop)
        form, loudness = (np.where(hole, UNKNOWN, a) for a in (self.form, self.loudness))
        return Outline(onset, chord, bass, form, np.where(hole, 0, self.texture), loudness)

    def before(self, step: int) -> tuple[Ints, Ints, Ints]:
        """Onset, code and bass of the chords before a step."""
        early = self.onset < step
        return self.onset[early], self.chord[early], self.bass[early]

    def with_chords(self, onset: Ints, chord: Ints, bass: Ints) -> Outline:
        """Other chords."""
        return replace(self, onset=onset, chord=chord, bass=bass)


def nothing_known(bars: int = 0) -> Outline:
    """An outline that says nothing of a piece of so many bars."""
    nothing, unknown = np.zeros(0, np.int64), np.full(bars, UNKNOWN)
    return Outline(nothing, nothing, nothing, unknown, unknown * 0, unknown.copy())


def outline_of(piece: Piece) -> Outline:
    """The outline of a piece, from its notes. 12 to 31 ms for a song of pop909: to be kept where it is wanted again."""
    config, metre, notes = piece.config, piece.metre, piece.notes
    if not config.outlined or not len(notes):
        return nothing_known()
    pitched = notes[piece.parts["program"][notes["part"]] != DRUMS]
    end = piece.end
    bars = int(metre.bar(np.array([end - 1]))[0][0]) + 1
    lines = metre.starts(np.arange(bars + 1))
    some = pitched if len(pitched) else notes
    bar, position, _ = metre.bar(some["onset"].astype(np.int64))
    place = (position * 2 + config.grid // 2) // config.grid  # nearest eighth
    form = theory.returns(theory.bar_likeness(bar, place, some["pitch"].astype(np.int64), bars, MAX_RETURN))
    texture, loudness = _texture(some, bar, lines, config)
    return Outline(*_chords(piece, pitched, lines), form, texture, loudness)


def _chords(piece: Piece, pitched: Table, lines: Ints) -> tuple[Ints, Ints, Ints]:
    """Onset, code and bass of each chord; one at every bar line."""
    edges = lines
    metre, middle = piece.metre, (lines[:-1] + lines[1:]) // 2
    beat = metre.beat[metre.bar(lines[:-1])[2]]
    even = (np.diff(lines) % (2 * beat)) == 0
    edges = np.sort(np.concatenate([lines, middle[even]]))
    found = theory.chords_between(edges, pitched)
    silent = found.root < 0
    chord = np.where(silent, 0, 1 + 12 * QUALITY_OF[found.quality] + found.root)
    lowest = theory.lowest_sounding(pitched, edges)
    bass = np.where(IN_CHORD[chord, (lowest - found.root) % 12] & (lowest >= 0), lowest, found.root)
    bass = np.where(silent, UNKNOWN, bass)
    changes = np.append(True, (np.diff(chord) != 0) | (np.diff(bass) != 0)) | np.isin(edges[:-1], lines)
    return edges[:-1][changes], chord[changes], bass[changes]


def _texture(notes: Table, bar: Ints, lines: Ints, config: CodecConfig) -> tuple[Ints, Ints]:
    """Texture and loudness of each bar."""
    bars, length = len(lines) - 1, np.diff(lines)
    count = np.bincount(bar, minlength=bars)[:bars]
    per_quarter = count * config.grid / length
    place = np.log(np.maximum(per_quarter, 1e-9) / SPARSEST) / np.log(DENSEST / SPARSEST)
    density = np.where(count > 0, 1 + np.clip(np.floor(place * (DENSITY_LEVELS - 1)), 0, DENSITY_LEVELS - 2), 0).astype(np.int64)
    sounding = theory.sounding_time(notes, lines) / length
    polyphony = np.searchsorted(POLYPHONY_EDGES, sounding, side="right")
    total = np.bincount(bar, notes["velocity"], bars)[:bars]
    mean = np.rint(total / np.maximum(count, 1)).astype(np.int64)
    latest = np.maximum.accumulate(np.where(count > 0, np.arange(bars), 0))
    latest = np.maximum(latest, int(np.flatnonzero(count)[0]))  # before the first note: as there
    return 1 + density * POLYPHONY_LEVELS + polyphony, mean[latest]


def form_piece(piece: Piece, outline: Outline) -> Piece:
    """The form as a piece of one part, one note a bar: pitch is bars back, duration the texture, velocity the loudness."""
    bars = len(outline.form)
    onset = piece.metre.starts(np.arange(bars))
    notes = table(GRID_NOTE, onset, np.zeros(bars), outline.form, outline.texture, outline.loudness)
    return replace(piece, notes=notes, parts=table(PART, [FORM], [False]))


def chord_piece(piece: Piece, outline: Outline, given: NDArray[np.bool_] | int | None = None) -> tuple[Piece, NDArray[np.bool_]]:
    """The chords as a part after those of the ``given`` notes (none: after none), and which notes of that piece are given.

    A number: after so many parts of the piece, whose notes are not in it. A chord's pitch is its code, its velocity how far its bass lies
    above the root.
    """
    if isinstance(given, int):
        kept, given = np.arange(given), None
    else:
        kept = np.unique(piece.notes["part"][given]) if given is not None else np.zeros(0, np.int64)
    held = piece.notes[given].copy() if given is not None else piece.notes[:0]
    held["part"] = np.searchsorted(kept, held["part"])
    above = np.where(outline.chord > 0, (outline.bass - (outline.chord - 1)) % 12, 0)
    count = len(outline.onset)
    mine = table(GRID_NOTE, outline.onset, np.full(count, len(kept)), outline.chord, np.ones(count), above)
    notes = np.concatenate([held, mine])
    order = np.lexsort((notes["pitch"], notes["part"], notes["onset"]))
    parts = np.concatenate([piece.parts[kept], table(PART, [CHORDS], [False])])
    return replace(piece, notes=notes[order], parts=parts), (np.arange(len(notes)) < len(held))[order]


def read_form(metre: Metre, notes: Table, bars: int) -> Outline:
    """The outline of a form whose notes were written: the last note of each bar counts, a bar without is new."""
    bar = metre.bar(notes["onset"].astype(np.int64))[0]
    notes, bar = notes[bar < bars], bar[bar < bars]
    out = nothing_known(bars)
    for mine, name in ((out.form, "pitch"), (out.texture, "duration"), (out.loudness, "velocity")):
        mine[bar] = notes[name]
    form = np.maximum(out.form, 0)
    return replace(out, form=np.where(form <= np.arange(bars), form, 0))  # there is no bar before the first


def read_chords(piece: Piece, outline: Outline) -> Outline:
    """``outline`` with chords that were written."""
    notes = piece.notes[piece.parts["program"][piece.notes["part"]] == CHORDS]
    chord = notes["pitch"].astype(np.int64)
    bass = np.where(chord > 0, (chord - 1 + notes["velocity"]) % 12, UNKNOWN)
    return outline.with_chords(notes["onset"].astype(np.int64), chord, bass)
