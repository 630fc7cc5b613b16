"""Holes of a piece: which bars of which parts are written anew, from what people write ("5-8", "13-14:Bass"), checked before any work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from melody import theory
from melody.compose.tune import Tune, find_track
from melody.errors import CallError
from melody.settings import value_shown

MAX_HOLES = 100
BARS_HELP = "5-8,13-14"


@dataclass(frozen=True)
class Hole:
    """Ticks from ``low`` up to ``high``, of some tracks of a Score by index (None: of all)."""

    low: int
    high: int
    tracks: frozenset[int] | None = None

    def has(self, track: int) -> bool:
        """Whether a track is rewritten."""
        return self.tracks is None or track in self.tracks

    def overlaps(self, other: Hole) -> bool:
        """Whether two holes have a place in common."""
        parts = self.tracks is None or other.tracks is None or bool(self.tracks & other.tracks)
        return parts and self.low < other.high and other.low < self.high


def named_tracks(value: Any) -> tuple[str, ...]:
    """The tracks that ``part`` names, without what it says of the settings of others (``steering/parts.py``: with a colon).

    >>> named_tracks(["Bass", "Piano: range=C3-C5"])
    ('Bass',)
    """
    return tuple(text for text in as_texts(value, "part") if ":" not in text)


def as_texts(value: Any, name: str) -> tuple[str, ...]:
    """A setting that may be said several times: a text, a number, or a list of them. Errors: ``CallError`` that names it.

    >>> as_texts(["Bass", 2], "part")
    ('Bass', '2')
    """
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not all(isinstance(v, str | int) and not isinstance(v, bool) for v in values):
        raise CallError(f"{name} is {value_shown(value)}, must be text, or a list of texts", argument=name)
    if len(values) > MAX_HOLES:
        raise CallError(f"{name} has {len(values)} entries, must have at most {MAX_HOLES}", argument=name)
    return tuple(str(v).strip() for v in values)


def parse_bars(texts: Sequence[str]) -> list[tuple[int, int, str | None]]:
    """First bar, last bar (from 1) and the part, if one is named, of every hole. Errors: ``CallError``.

    >>> parse_bars(["5-8,13", "20-21:Bass"])
    [(5, 8, None), (13, 13, None), (20, 21, 'Bass')]
    """
    out: list[tuple[int, int, str | None]] = []
    for text in texts:
        spans, colon, part = text.partition(":")
        for span in spans.split(","):
            ends = [end.strip() for end in span.split("-")]
            if not 1 <= len(ends) <= 2 or not all(e.isascii() and e.isdigit() and len(e) < 7 for e in ends) or (colon and not part.strip()):
                raise CallError(f"bars is {value_shown(text)}, must look like 5-8 or 5-8,13-14 or 5-8:Bass", argument="bars")
            first, last = int(ends[0]), int(ends[-1])
            if first < 1 or last < first:
                raise CallError(f"bars is {value_shown(text)}; bars count from 1, and the first comes before the last", argument="bars")
            out.append((first, last, part.strip() or None))
    return out


def holes_of(tune: Tune, spans: Sequence[tuple[int, int, str | None]], parts: Sequence[str], argument: str = "bars") -> tuple[Hole, ...]:
    """The holes in order of time; ``parts`` are those of every span that names none (all, where there are none).

    Errors: ``CallError`` where a span lies outside of the piece, two overlap, or a part is not there.
    """
    score = tune.score
    bars = max(1, theory.bar_count(score))
    found: list[tuple[Hole, str]] = []
    for first, last, part in spans:
        said = f"{first}-{last}" + (f":{part}" if part else "")
        if last > bars:
            raise CallError(f"{argument} is {last if argument != 'bars' else said}; {tune.name} has {bars:,} bars", argument=argument)
        names = [part] if part else parts
        tracks = frozenset(find_track(score, name, tune.name) for name in names) if names else None
        low, high = (int(t) for t in theory.bar_start(score, [first - 1, last]))
        hole = Hole(low, high, tracks)
        for other, text in found:
            if hole.overlaps(other):
                raise CallError(f"{argument}: {text} and {said} overlap; join them into one", argument=argument)
        found.append((hole, said))
    return tuple(sorted((h for h, _ in found), key=lambda h: (h.low, h.high)))


def rewritten_tracks(tune: Tune, holes: Collection[Hole]) -> list[int]:
    """The tracks that have notes and a hole."""
    return [i for i, t in enumerate(tune.score.tracks) if len(t.notes) and any(h.has(i) for h in holes)]
