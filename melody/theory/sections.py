"""Sections: a form as people write it ("AABA", "intro:4 A:8 A:8 B:8 A':8"), and the one that is found in a piece.

A section with a name that was there before brings that one back; a prime says that it comes back varied. Names are compared without
primes, upper and lower case alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from melody.errors import CallError
from melody.score import Score
from melody.settings import value_shown
from melody.theory.bars import bar_count, bar_of, meter_map, position_in_bar
from melody.theory.form import bar_likeness, returns

Ints = NDArray[np.int64]
MAX_SECTIONS, MAX_SECTION_BARS = 200, 999
DEFAULT_BARS = 8  # of a section, where nothing is said
MIN_RUN = 4  # bars in a row that come back from as far: a section
SECTION = re.compile(r"([A-Za-z][A-Za-z_-]{0,19})('{0,3})(?::(\d{1,6}))?")


@dataclass(frozen=True)
class Section:
    """A name, its first bar (from 0) and its bars; ``source``: first bar of the section that it brings back, -1 for none."""

    name: str
    start: int
    bars: int
    source: int = -1
    varied: bool = False  # whether it is written with a prime


def parse_form(text: str, bars: int | None = None) -> tuple[Section, ...]:
    """The sections of a form that lasts so many bars (None: as it says, 8 a section). Errors: ``CallError``.

    >>> [(s.name, s.start, s.bars, s.source) for s in parse_form("AABA", 32)]
    [('A', 0, 8, -1), ('A', 8, 8, 0), ('B', 16, 8, -1), ('A', 24, 8, 0)]
    >>> [(s.name, s.bars) for s in parse_form("intro:4 A:8 B")]
    [('intro', 4), ('A', 8), ('B', 8)]
    """
    words = text.replace(",", " ").split()
    if len(words) == 1 and ":" not in words[0] and re.fullmatch(r"(?:[A-Z]'{0,3})+", words[0]):
        words = re.findall(r"[A-Z]'{0,3}", words[0])
    if not 1 <= len(words) <= MAX_SECTIONS:
        raise CallError(f"form is {value_shown(text)}, must have 1 to {MAX_SECTIONS} sections, as in AABA or A:8 B:8", argument="form")
    found = [SECTION.fullmatch(word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None:
            raise CallError(f"form: unknown section {value_shown(word)}; write a name and its bars, as in A:8", argument="form")
        if match[3] is not None and not 1 <= int(match[3]) <= MAX_SECTION_BARS:
            raise CallError(f"form: section {value_shown(word)} must have 1 to {MAX_SECTION_BARS} bars", argument="form")
    lengths = _lengths([None if m is None or m[3] is None else int(m[3]) for m in found], bars, text)
    out: list[Section] = []
    start = 0
    first: dict[str, int] = {}
    for match, length in zip(found, lengths, strict=True):
        assert match is not None
        name = match[1].casefold()
        out.append(Section(match[1] + match[2], start, length, first.get(name, -1), bool(match[2])))
        first.setdefault(name, start)
        start += length
    return tuple(out)


def _lengths(said: Sequence[int | None], bars: int | None, text: str) -> list[int]:
    """Bars of each section, in all ``bars`` if that is said."""
    open_ = sum(length is None for length in said)
    known = sum(length or 0 for length in said)
    if bars is None:
        return [length or DEFAULT_BARS for length in said]
    if open_ == 0:
        if known != bars:
            raise CallError(f"form has {known} bars and bars is {bars}; leave one of them out", argument=("form", "bars"))
        return [length or 0 for length in said]
    each, rest = divmod(bars - known, open_)
    if each < 1 or rest:
        said_bars = (
            f"{open_} sections of form {value_shown(text)} cannot share {max(0, bars - known)} bars equally; say their bars, as in A:8"
        )
        raise CallError(said_bars, argument=("form", "bars"))
    return [each if length is None else length for length in said]


def form_text(sections: Sequence[Section]) -> str:
    """Sections as they are written.

    >>> form_text(parse_form("AAB", 12))
    'A:4 A:4 B:4'
    """
    return " ".join(f"{s.name}:{s.bars}" for s in sections)


def bars_back(sections: Sequence[Section], farthest: int) -> Ints:
    """For each bar how far back the bar lies that it brings back; 0 for a bar of a section that is new, or that came back from farther.

    >>> bars_back(parse_form("AAB", 6), 64).tolist()
    [0, 0, 2, 2, 0, 0]
    """
    out = np.zeros(sum(s.bars for s in sections), np.int64)
    length = {s.start: s.bars for s in sections}
    for s in sections:
        source, back = s.source, s.start - s.source
        if s.source >= 0 and back > farthest:  # the last time that it was there
            source = max(t.start for t in sections if t.start < s.start and (t.source == s.source or t.start == s.source))
            back = s.start - source
        if s.source >= 0 and back <= farthest:
            out[s.start : s.start + min(s.bars, length[source])] = back
    return out


def sections_of(score: Score) -> tuple[Section, ...]:
    """The sections of a piece by its notes: passages of four bars and more that come back. Empty for a piece without notes.

    >>> from melody.score import Score, Track, note_table
    >>> onsets = np.arange(32) * 480
    >>> piece = Score((Track("tune", notes=note_table(onsets, [480] * 32, np.tile(60 + np.arange(16), 2), [80] * 32)),))
    >>> form_text(sections_of(piece))
    'A:4 A:4'
    """
    bars = bar_count(score)
    tables = [t.notes for t in score.tracks if not t.is_drum and len(t.notes)] or [t.notes for t in score.tracks if len(t.notes)]
    if not bars or not tables:
        return ()
    notes = np.concatenate(tables)
    onset = notes["onset"].astype(np.int64)
    eighth = max(1, int(meter_map(score).beat[0]) // 2)
    place = (2 * position_in_bar(score, onset) + eighth) // (2 * eighth)
    bar = np.minimum(bar_of(score, onset), bars - 1)
    return sections_by(returns(bar_likeness(bar, place, notes["pitch"].astype(np.int64), bars)))


def sections_by(back: Ints) -> tuple[Section, ...]:
    """The sections of a form that says for each bar how many bars back the one lies that it brings back; 0: none.

    >>> form_text(sections_by(np.array([0] * 8 + [8] * 8 + [0] * 8 + [24] * 8)))
    'A:8 A:8 B:8 A:8'
    """
    count = len(back)
    edges = np.flatnonzero(np.diff(back, prepend=-1, append=-1))
    runs = [(a, b, int(back[a])) for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if back[a] and b - a >= MIN_RUN]
    marks = {0, count}
    for a, b, far in runs:
        marks |= {a, b, a - far, b - far}
    for _ in range(8):  # an edge inside of what comes back is one in what it brings back, and the other way round
        more = {m - far for a, b, far in runs for m in marks if a < m < b} | {
            m + far for a, b, far in runs for m in marks if a - far < m < b - far
        }
        if more <= marks or len(marks) > MAX_SECTIONS:
            break
        marks |= more
    lines = sorted(m for m in marks if 0 <= m <= count)
    lines = [m for i, m in enumerate(lines) if i in (0, len(lines) - 1) or m - lines[i - 1] >= 2]
    out: list[Section] = []
    names: dict[int, tuple[str, int]] = {}
    for a, b in pairwise(lines):
        far = next((f for low, high, f in runs if low <= a < high), 0)
        name, source = names.get(a - far, ("", -1)) if far else ("", -1)
        if not name:
            letters = len({n for n, _ in names.values()})
            name = chr(65 + letters) if letters < 26 else "Z" + chr(65 + letters % 26)
        out.append(Section(name, a, b - a, source))
        names[a] = (name, a if source < 0 else source)
    return tuple(out)
