"""What is given: the notes that are held fixed, as arrays for the encoder, and the look-up of them by time.

Knows Pieces; does not know who chose. The five choices of training (nothing, the lead, one part, all but one part, all
outside a window) are made here too, from a random generator, so that a loader and a test make the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import Feature, GivenColumn, Lookup, PartColumn
from melody.codec.encode import Piece
from melody.codec.table import MAX_PARTS, UNDECLARED, CodecConfig, Kind, kind_of
from melody.errors import CallError
from melody.settings import check_settings, setting

MODES = ("nothing", "lead", "part", "others", "window")
NO_HORIZON = 1 << 29  # a horizon that sees all of the future
LEAD_IN = 2  # of the bars before a hole at most so many times its longest length are written with it


@dataclass(frozen=True)
class GivenConfig:
    """How often each choice is made in training (weights, they need not add up to 1), and how far ahead is seen.

    Errors: ``CallError`` that names the setting.
    """

    nothing: float = setting(0.40, "Weight of: nothing is given.", kind=float, low=0)
    lead: float = setting(0.30, "Weight of: the lead is given.", kind=float, low=0)
    part: float = setting(0.05, "Weight of: one part is given.", kind=float, low=0)
    others: float = setting(0.10, "Weight of: all parts but one are given.", kind=float, low=0)
    window: float = setting(
        0.15, "Weight of: everything outside a window of bars is given; some bars before it are written too.", kind=float, low=0
    )
    window_bars: int = setting(8, "Longest window, in bars.", kind=int, low=1)
    causal: float = setting(0.15, "Share of choices whose future is cut off (for live use).", kind=float, low=0, high=1)
    form_pass: float = setting(0.08, "Share of pieces of which the form is written, and not the notes.", kind=float, low=0, high=1)
    chord_pass: float = setting(0.12, "Share of pieces of which the chords are written, and not the notes.", kind=float, low=0, high=1)
    outline: float = setting(0.7, "Share of pieces whose outline is known where the notes are written.", kind=float, low=0, high=1)
    hidden: float = setting(
        0.2, "Chance that chords, form or texture of a known outline (each by itself) are hidden.", kind=float, low=0, high=1
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not any(getattr(self, mode) for mode in MODES):
            raise CallError(f"the weights {', '.join(MODES)} are all 0; at least one must be more", argument=MODES[0])

    def weights(self) -> NDArray[np.float64]:
        """Probabilities in the order of ``MODES``."""
        raw = np.array([getattr(self, m) for m in MODES], np.float64)
        shares: NDArray[np.float64] = raw / raw.sum()
        return shares


# How likelihood is measured: nothing is given, and nothing of the outline is known.
NOTHING = GivenConfig(nothing=1, lead=0, part=0, others=0, window=0, causal=0, form_pass=0, chord_pass=0, outline=0)


@dataclass(frozen=True, eq=False)
class Choice:
    """Which notes of a piece are given. The rest, inside [start, stop), is for the model to write."""

    mode: str
    given: NDArray[np.bool_]  # (n,)
    free: NDArray[np.bool_]  # (n,): not given, inside the span
    start: int
    stop: int
    horizon: int = NO_HORIZON  # steps of the future that are seen; below NO_HORIZON the encoder reads forwards only
    hole: int = 0  # where a hole begins, for a window; from ``start`` up to it stands what leads up to it

    @property
    def causal(self) -> bool:
        """Whether the future is cut off."""
        return self.horizon < NO_HORIZON


@dataclass(frozen=True, eq=False)
class Given:
    """The given notes of a piece: ``rows`` (g, 7) int16 in the order of ``GivenColumn``, ``onset`` and ``end`` (g,) in steps."""

    rows: NDArray[np.int16]
    onset: NDArray[np.int32] = field(repr=False)
    end: NDArray[np.int32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)


def choose(piece: Piece, rng: np.random.Generator, config: GivenConfig, begin: int = 0) -> Choice:
    """One random choice of what is given. A choice that would leave nothing to write becomes "nothing".

    ``begin``: the bar line from which the piece has notes, where it is a window of a longer one.
    """
    notes, end = piece.notes, piece.end
    mode = MODES[rng.choice(len(MODES), p=config.weights())]
    part, bars, first, lead_in = (int(rng.integers(1 << 30)) for _ in range(4))  # drawn always: the stream stays in step
    causal, ahead = rng.random() < config.causal, int(rng.integers(3))
    start = hole = begin
    stop = end
    count = len(piece.parts)
    lead = np.flatnonzero(piece.parts["lead"])
    if mode == "lead":
        given = notes["part"] == (lead[0] if len(lead) else part % count)
    elif mode == "part":
        given = notes["part"] == part % count
    elif mode == "others":
        given = notes["part"] != part % count
    elif mode == "window":
        before, last = piece.metre.bar(np.array([begin, max(begin, end - 1)]))[0].tolist()
        total = last - before + 1
        length = 1 + bars % min(config.window_bars, total)
        from_bar = before + first % (total - length + 1)
        hole, stop = piece.metre.bar_start(from_bar), piece.metre.bar_start(from_bar + length)
        # Some bars before the hole are written too: infill reads what stands before a hole as a tune is read (docs/log.md).
        start = piece.metre.bar_start(max(before, from_bar - lead_in % (LEAD_IN * config.window_bars + 1)))
        given = (notes["onset"] < start) | (notes["onset"] >= stop)
        if causal and count > 1:  # half of the windows with a "causal" draw leave one part only to write
            given |= notes["part"] != part % count
        causal = False
    else:
        given = np.zeros(len(notes), bool)
    if mode == "nothing" or given.all() or not given.any():
        return nothing_given(piece, begin)
    horizon = (0, piece.config.grid, 8 * piece.config.grid)[ahead] if causal else NO_HORIZON
    return Choice(mode, given, ~given, start, stop, horizon, hole)


def nothing_given(piece: Piece, begin: int = 0) -> Choice:
    """The choice that leaves the whole piece, from ``begin`` on, to the model."""
    nothing = np.zeros(len(piece.notes), bool)
    return Choice("nothing", nothing, ~nothing, begin, piece.end, hole=begin)


def given_notes(piece: Piece, given: NDArray[np.bool_]) -> Given:
    """The given notes of ``piece`` as the encoder reads them. ``delta``: steps since the given note before, at most a rest."""
    notes = piece.notes[given]
    rows = np.zeros((len(notes), len(GivenColumn)), np.int16)
    for column in (GivenColumn.PART, GivenColumn.PITCH, GivenColumn.DURATION, GivenColumn.VELOCITY):
        rows[:, column] = notes[column.name.lower()]
    kinds = kind_of(piece.config, piece.parts["program"].astype(np.int64))[notes["part"]]
    rows[:, GivenColumn.PITCH] += np.where(kinds == Kind.DRUMS, 128, 0).astype(np.int16)
    rows[:, GivenColumn.DELTA] = np.minimum(np.diff(notes["onset"], prepend=0), piece.config.rest)
    features = piece.metre.features(notes["onset"].astype(np.int64), None)
    rows[:, GivenColumn.POSITION], rows[:, GivenColumn.STRENGTH] = features[:, Feature.POSITION], features[:, Feature.STRENGTH]
    return Given(rows, notes["onset"].astype(np.int32), (notes["onset"] + notes["duration"]).astype(np.int32))


def look_up(config: CodecConfig, given: Given, time: NDArray[np.int32], horizon: int = NO_HORIZON) -> NDArray[np.int32]:
    """For each time: (n, 5) in the order of ``Lookup``.

    last, next      1 + index of the last given note at or before the time, and of the first one after it; 0 for nothing
    since, until    distance in steps from the onset of the one and to the onset of the other: 1 + steps, at most ``rest``; 0 for nothing
    remaining       how long the last one still sounds: 1 + steps, at most ``rest``; 0 for nothing
    """
    out = np.zeros((len(time), len(Lookup)), np.int32)
    count = len(given)
    if count == 0:
        return out
    last = np.searchsorted(given.onset, time, side="right")
    has_last = last > 0
    after = np.minimum(last, count - 1)
    until = given.onset[after] - time
    has_next = (last < count) & (until <= horizon)
    before = np.maximum(last - 1, 0)
    out[:, Lookup.LAST] = last
    out[:, Lookup.NEXT] = np.where(has_next, last + 1, 0)
    out[:, Lookup.SINCE] = np.where(has_last, 1 + np.minimum(time - given.onset[before], config.rest), 0)
    out[:, Lookup.UNTIL] = np.where(has_next, 1 + np.minimum(until, config.rest), 0)
    out[:, Lookup.REMAINING] = np.where(has_last, 1 + np.clip(given.end[before] - time, 0, config.rest), 0)
    return out


def no_given() -> Given:
    """No given notes."""
    return Given(np.zeros((0, len(GivenColumn)), np.int16), np.zeros(0, np.int32), np.zeros(0, np.int32))


def no_parts() -> NDArray[np.int16]:
    """The part table (16, 3) of a piece in which no part is declared."""
    out = np.zeros((MAX_PARTS, len(PartColumn)), np.int16)
    out[:, PartColumn.PROGRAM] = UNDECLARED
    return out


def part_table(piece: Piece, given: NDArray[np.bool_] | None = None) -> NDArray[np.int16]:
    """(16, 3) in the order of ``PartColumn``; a part counts as given where any of its notes is."""
    out = no_parts()
    count = len(piece.parts)
    out[:count, PartColumn.PROGRAM] = piece.parts["program"]
    out[:count, PartColumn.LEAD] = piece.parts["lead"]
    if given is not None:
        out[np.unique(piece.notes["part"][given]), PartColumn.GIVEN] = 1
    return out
