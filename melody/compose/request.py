"""What a user can ask for, checked before any work is done. One dataclass a verb; the comments are the help lines."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from melody.errors import CallError
from melody.generate.sampling import Sampling
from melody.programs import parse_program
from melody.score import Score
from melody.theory import parse_key

MAX_BARS = 10_000
MAX_SECONDS = 36_000.0
MAX_CANDIDATES = 64  # of which the best is kept
SLOWEST, FASTEST = 10, 500  # quarter notes a minute

Tune = Score | str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every verb takes. What is None is for the model (or the tune) to say."""

    bars: int | None = None  # length of what is new, in bars
    seconds: float | None = None  # the same in seconds; not both
    style: str | None = None  # one of the model's styles
    key: str | None = None  # "A minor", "Bb"
    tempo: float | None = None  # quarter notes a minute
    meter: str | None = None  # "3/4"
    voices: tuple[str, ...] = ()  # General MIDI instruments by name or number, or "drums"
    seed: int = 0  # equal seeds give equal pieces
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        if self.bars is not None and self.seconds is not None:
            raise CallError("bars and seconds contradict each other; give one of them")
        if self.bars is not None and not 1 <= self.bars <= MAX_BARS:
            raise CallError(f"bars is {self.bars}, must be 1..{MAX_BARS:,}")
        if self.seconds is not None and not 0 < self.seconds <= MAX_SECONDS:
            raise CallError(f"seconds is {self.seconds:g}, must be above 0 and at most {MAX_SECONDS:,.0f}")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise CallError(f"tempo is {self.tempo:g}, must be {SLOWEST}..{FASTEST} quarter notes a minute")
        if not 0 <= self.seed < 1 << 63:
            raise CallError(f"seed is {self.seed}, must be 0 to {(1 << 63) - 1}")
        if len(self.voices) > 15:
            raise CallError(f"{len(self.voices)} voices, must be at most 15")
        self.parsed_key()
        self.parsed_meter()
        self.programs()

    def parsed_key(self) -> int | None:
        """The key as 0..23."""
        return None if self.key is None else parse_key(self.key)

    def parsed_meter(self) -> tuple[int, int] | None:
        """The meter as numerator and denominator."""
        if self.meter is None:
            return None
        parts = self.meter.split("/")
        if len(parts) != 2 or not all(p.strip().isascii() and p.strip().isdigit() and len(p.strip()) < 4 for p in parts):
            raise CallError(f"meter is {self.meter!r}, must look like 3/4")
        numerator, denominator = (int(p) for p in parts)
        if not 1 <= numerator <= 32 or denominator not in (1, 2, 4, 8, 16, 32):
            raise CallError(f"meter is {self.meter!r}; the lower number must be 1, 2, 4, 8, 16 or 32, the upper one 1..32")
        if not 0.25 <= numerator / denominator <= 4:
            raise CallError(f"meter is {self.meter!r}; a bar must last between a quarter and four whole notes")
        return numerator, denominator

    def programs(self) -> tuple[tuple[int, bool], ...]:
        """The voices as (program, is drums)."""
        return tuple(parse_program(v) for v in self.voices)


@dataclass(frozen=True, kw_only=True)
class Generate(Request):
    """A new piece."""


@dataclass(frozen=True, kw_only=True)
class Continue(Request):
    """Go on from the end of a tune; 8 bars if no length is given."""

    tune: Tune

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.voices:
            raise CallError("voices: a continuation keeps the instruments of the tune; use accompany to add some")


@dataclass(frozen=True, kw_only=True)
class Accompany(Request):
    """Keep a tune and add the rest."""

    tune: Tune
    track: str | None = None  # the track that holds the melody, by name or number (from 1); found by itself if not given

    def __post_init__(self) -> None:
        super().__post_init__()
        _fixed_length(self, "an accompaniment is as long as its tune")
        _fixed_metre(self, "an accompaniment keeps the tempo and meter of its tune")


@dataclass(frozen=True, kw_only=True)
class Infill(Request):
    """Rewrite some bars of a piece and leave everything around them as it is."""

    piece: Tune
    from_bar: int  # first bar that is rewritten, counted from 1
    to_bar: int  # last bar that is rewritten
    track: str | None = None  # rewrite this track only, by name or number (from 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        _fixed_length(self, "the hole says how long it is")
        _fixed_metre(self, "an infill keeps the tempo and meter of the piece")
        if self.voices:
            raise CallError("voices: an infill keeps the instruments of the piece")
        if self.from_bar < 1:
            raise CallError(f"from-bar is {self.from_bar}; bars are counted from 1")
        if self.to_bar < self.from_bar:
            raise CallError(f"to-bar {self.to_bar} stands before from-bar {self.from_bar}")


def _fixed_length(request: Request, why: str) -> None:
    if request.bars is not None or request.seconds is not None:
        raise CallError(f"bars, seconds: {why}")


def _fixed_metre(request: Request, why: str) -> None:
    if request.tempo is not None or request.meter is not None:
        raise CallError(f"tempo, meter: {why}")


def tune_name(tune: Tune) -> str:
    """How a tune is called in messages."""
    return "the piece" if isinstance(tune, Score) else Path(tune).name
