"""Chord progressions: a line of chord symbols with bars, and the named ones of ``progressions.toml``.

    Am F C G              a bar each
    Am7 | F . G/B . | C   bars between lines; what stands in a bar shares it evenly, or has a beat each; a dot holds the chord before
    % and x4              a bar as the one before; all before it, since the last such, four times

A line break is a bar line. Nothing here knows a meter: places are shares of a bar until ``Progression.beats`` is asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from melody.errors import CallError, unknown
from melody.settings import value_shown
from melody.theory.chord_symbols import Symbol, parse_chord

MAX_CHORDS = 999  # that are written, repeats counted
MAX_TEXT = 20_000  # characters
TABLE = Path(__file__).with_name("progressions.toml")
TIMES = re.compile(r"[x*](\d{1,4})")
Bar = tuple[Symbol | None, ...]  # what stands in a bar; None holds what was before


@dataclass(frozen=True)
class Progression:
    """Bars of chords, one after the other. Errors of ``beats``: ``CallError``.

    >>> parse_progression("Am7 | F . G/B . | C").beats(1, 4)
    [(0, Symbol(root=5, quality='', bass=5, nearest=False)), (2, Symbol(root=7, quality='', bass=11, nearest=False))]
    """

    bars: tuple[Bar, ...]

    def beats(self, bar: int, beats: int) -> list[tuple[int, Symbol]]:
        """The chords that begin in a bar of so many beats, with their beats from 0; the bars are taken round and round."""
        places = self.bars[bar % len(self.bars)]
        count = len(places)
        if count > beats:
            raise CallError(f"chords: bar {bar % len(self.bars) + 1} has {count} places, and the meter {beats} beats", argument="chords")
        each = beats // count if beats % count == 0 else 1
        return [(place * each, symbol) for place, symbol in enumerate(places) if symbol is not None]

    @property
    def symbols(self) -> list[Symbol]:
        """All chords in order."""
        return [symbol for bar in self.bars for symbol in bar if symbol is not None]


def parse_progression(text: str, key: int | None = None, scale: tuple[int, ...] | None = None) -> Progression:
    """The bars of a text; Roman numerals are those of ``key``. Errors: ``CallError`` that names what is wrong.

    >>> [symbol.label() for symbol in parse_progression("ii7 V7 Imaj7 x2", 5).symbols]
    ['Gm7', 'C7', 'Fmaj7', 'Gm7', 'C7', 'Fmaj7']
    """
    if len(text) > MAX_TEXT:
        raise CallError(f"chords has {len(text):,} characters, must have at most {MAX_TEXT:,}", argument="chords")
    lined = "|" in text or "\n" in text.strip()
    bars: list[Bar] = []
    begun = 0
    for written in re.split(r"\|\|?|\n", text.strip().strip("|")) if lined else text.replace(",", " ").split():
        place: list[Symbol | None] = []
        words = written.replace(",", " ").split()
        if lined and not words:
            if written.strip() == "" and ("\n" in text):
                continue
            raise CallError(
                f"chords: bar {len(bars) + 1} has no chord and no beat; write N for silence, % for the bar before", argument="chords"
            )
        for word in words:
            if times := TIMES.fullmatch(word):
                if place:
                    bars.append(tuple(place))
                    place = []
                bars += _repeated(bars[begun:], int(times[1]))
                begun = len(bars)
            elif word == "%":
                if not bars:
                    raise CallError("chords: % stands for the bar before, and there is none", argument="chords")
                bars.append(bars[-1])
            else:
                place.append(None if word in (".", "/") else parse_chord(word, key, scale))
        if place:
            bars.append(tuple(place))
        _check(bars)
    if not any(symbol is not None for bar in bars for symbol in bar):
        raise CallError(f"chords is {value_shown(text)}, must have a chord, as in Am F C G", argument="chords")
    if bars[0][0] is None:
        raise CallError("chords: the first bar begins with a dot, and there is no chord to hold", argument="chords")
    return Progression(tuple(bars))


def _repeated(bars: list[Bar], times: int) -> list[Bar]:
    """What comes after some bars that are to be there so many times."""
    if times < 1 or not bars:
        raise CallError(f"chords: x{times} repeats what stands before it, at least once", argument="chords")
    if len(bars) * times > MAX_CHORDS:
        _too_many(len(bars) * times)
    return bars * (times - 1)


def _check(bars: list[Bar]) -> None:
    count = sum(len(bar) for bar in bars)
    if count > MAX_CHORDS:
        _too_many(count)


def _too_many(count: int) -> None:
    raise CallError(f"chords has {count:,} chords, must have at most {MAX_CHORDS}", argument="chords")


@dataclass(frozen=True)
class Named:
    """A named progression: Roman numerals, the mode of the key in which they stand, and what it is.

    >>> named_progression("andalusian").minor
    True
    """

    chords: str
    minor: bool
    about: str


@cache
def progressions() -> Mapping[str, Named]:
    """The named progressions.

    >>> progressions()["pop"].chords
    'I V vi IV'
    """
    rows = tomllib.loads(TABLE.read_text("utf-8"))
    return {name: Named(row["chords"], row.get("mode") == "minor", row["about"]) for name, row in rows.items()}


def named_progression(name: str) -> Named:
    """The progression of a name. Errors: ``CallError`` with the nearest name.

    >>> named_progression("andalusian").chords
    'i bVII bVI V'
    """
    if name not in progressions():
        raise unknown("progression", name, progressions())
    return progressions()[name]
