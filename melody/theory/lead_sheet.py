"""Lead sheets: the chords of a piece as a person would type them, bar after bar (``progressions.parse_progression`` reads them back)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from melody.errors import CallError
from melody.score import Marker, Score
from melody.theory.bars import bar_of, bar_start, bar_ticks, meter_map
from melody.theory.chord_symbols import NOTHING, Symbol, flat_key, from_code, parse_chord
from melody.theory.chords import estimate_chords, lowest_sounding
from melody.theory.keys import key_of

Placed = tuple[int, Symbol]  # a tick, and the chord that begins there


def estimated_chords(score: Score, per: str = "half bar") -> list[Placed]:
    """The chords of a piece where they change, by its notes, one a half bar (``per``: beat, half bar or bar) at most.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 0, 0, 0], [1920] * 4, [43, 60, 64, 67], [80] * 4)),))
    >>> [(tick, symbol.label()) for tick, symbol in estimated_chords(piece)]
    [(0, 'C/G')]
    """
    found = estimate_chords(score, per)
    tables = [t.notes for t in score.tracks if not t.is_drum]
    if not len(found.root) or not tables:
        return []
    lowest = lowest_sounding(np.concatenate(tables), found.edges)
    out: list[Placed] = []
    for tick, root, quality, low in zip(found.edges.tolist(), found.root.tolist(), found.quality.tolist(), lowest.tolist(), strict=False):
        symbol = NOTHING if root < 0 else from_code(1 + 12 * quality + root, low if _in_chord(root, quality, low) else root)
        if not out or out[-1][1] != symbol:
            out.append((tick, symbol))
    return out


def _in_chord(root: int, quality: int, low: int) -> bool:
    from melody.theory.chords import QUALITIES, SHAPES

    return low >= 0 and (low - root) % 12 in SHAPES[QUALITIES[quality]][0]


def marked_chords(markers: Sequence[Marker]) -> list[Placed]:
    """The chords among some markers; those that say something else are left out.

    >>> [symbol.label() for _, symbol in marked_chords([(0, "Am"), (0, "verse"), (960, "G/B")])]
    ['Am', 'G/B']
    """
    out: list[Placed] = []
    for tick, text in markers:
        try:
            out.append((tick, parse_chord(text)))
        except CallError:
            continue
    return out


def chords_in(score: Score, markers: Sequence[Marker]) -> tuple[list[Placed], bool]:
    """The chords of a piece, and whether they are written in it: by its markers (ticks and texts), else by its notes.

    >>> chords_in(Score(), [(0, "Am")])[1]
    True
    """
    marked = marked_chords(markers)
    return (marked, True) if marked else (estimated_chords(score), False)


def lead_sheet(score: Score, chords: Sequence[Placed], last: int | None = None) -> list[str]:
    """The bars of a piece as text, chords to the nearest beat. ``last``: tick at which it is over, if not by notes.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0], [3840], [60], [80])),))
    >>> lead_sheet(piece, [(0, parse_chord("F")), (960, parse_chord("G/B"))])
    ['F . G/B .', 'G/B']
    """
    flats = flat_key(key_of(score)) if score.note_count else None
    starts: NDArray[np.int64] = bar_ticks(score)
    if last is not None:
        starts = bar_start(score, np.arange(int(bar_of(score, max(0, last))) + 1))
    meters = meter_map(score)
    index = meters.segment(starts)
    ticks = np.array([tick for tick, _ in chords], np.int64)
    out, now = [], NOTHING
    for start, length, beat in zip(starts.tolist(), meters.bar[index].tolist(), meters.beat[index].tolist(), strict=True):
        beats = max(1, length // beat)
        places: list[Symbol | None] = [now] + [None] * (beats - 1)
        low, high = np.searchsorted(ticks, [start - beat // 2, start + length - beat // 2]).tolist()
        for tick, symbol in chords[low:high]:
            places[min(beats - 1, max(0, round((tick - start) / beat)))] = symbol
            now = symbol
        if all(p is None for p in places[1:]):
            out.append((places[0] or NOTHING).label(flats))
        else:
            out.append(" ".join("." if p is None else p.label(flats) for p in places))
    return out


def lines_of_four(bars: Sequence[str]) -> list[str]:
    """Bars as lines of four.

    >>> lines_of_four(["C"] * 5)
    ['| C | C | C | C |', '| C |']
    """
    return [f"| {' | '.join(bars[i : i + 4])} |" for i in range(0, len(bars), 4)]
