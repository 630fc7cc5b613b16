"""What every request has in common: its settings, checked before any work is done, and how it becomes a plan.

One file a verb in ``compose/verbs/``; ``REQUESTS`` there is the table of all. The fields of a request are its keywords in Python,
its flags on the command line and its help: ``melody.settings``.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from melody.bundle import Bundle
from melody.codec.table import DRUMS
from melody.compose.fitting import ALL, Fitting
from melody.compose.known import remark_on
from melody.compose.original import without_copies
from melody.compose.steering import CONTROLS, AmountSettings, ChordSettings, FormSettings, PartSettings
from melody.compose.steering.chords import remarks as remarks_on_chords
from melody.compose.task import Task
from melody.compose.tune import BEATS, MAX_NOTES, MAX_NOTES_ASKED, Tune, TuneLike
from melody.errors import CallError
from melody.generate.sampling import Sampling
from melody.programs import parse_program
from melody.settings import check_settings, setting, value_shown
from melody.theory.modes import Scale, parse_scale

MAX_BARS = 10_000
MAX_SECONDS = 36_000.0
MAX_CANDIDATES = 64  # of which the best is kept
MAX_VOICES = 15
MAX_SEED = (1 << 63) - 1
MIN_TEMPO, MAX_TEMPO = 10, 500  # quarter notes a minute


@dataclass(frozen=True, kw_only=True)
class Request(ChordSettings, AmountSettings, PartSettings, ABC):
    """What every verb takes. What is None is for the model (or the tune) to say. Errors: ``CallError`` that names the field.

    >>> from melody.compose import Generate
    >>> isinstance(Generate(bars=8, key="A minor"), Request)
    True
    """

    style: str | None = setting(
        None, "A style that the model has learned (melody inspect MODEL lists them), or a style file that melody train made.", kind=str
    )
    key: str | None = setting(None, 'Key, for example "A minor", Bb or "D dorian".', kind=str)
    seed: int = setting(0, "The same seed gives the same music.", kind=int, low=0, high=MAX_SEED)
    sampling: Sampling = field(default_factory=Sampling)
    passes: bool = setting(
        True, "Write form and chords first and then the notes, if the model has learned to; otherwise all at once.", kind=bool
    )
    original: int | None = setting(
        None,
        "Never more than so many notes in a row of any piece that the model learned from (melody originality).",
        kind=int,
        low=12,
        high=1000,
    )
    fitting: Fitting = ALL  # for measurements

    def __post_init__(self) -> None:
        check_settings(self)
        if not isinstance(self.sampling, Sampling):
            raise CallError(f"sampling is {value_shown(self.sampling)}, must be a melody.Sampling", argument="sampling")
        self.parsed_scale()
        for control in CONTROLS:
            control.check(self)

    def parsed_key(self) -> int | None:
        """The key as 0..23; that of a mode is the major or minor one on its tonic."""
        scale = self.parsed_scale()
        return None if scale is None else scale.key

    def parsed_scale(self) -> Scale | None:
        """The key with its scale."""
        return None if self.key is None else parse_scale(self.key)

    def task(self, bundle: Bundle) -> Task:
        """The plan for a model, and the way back to a Score. Errors: ``MelodyError``, ``CallError``."""
        style = bundle.style_named(self.style)
        task = (self if style == self.style else replace(self, style=style))._task(bundle)
        return task if self.original is None else without_copies(task, bundle, self.original)

    def remarks(self, bundle: Bundle) -> tuple[str, ...]:
        """What people should know before they trust what comes of this, a line each."""
        line = remark_on(self.written_programs(), bundle)
        return (*((line,) if line else ()), *remarks_on_chords(self))

    def written_programs(self) -> Sequence[int]:
        """The instruments (128: drums) that were asked for, or that go on."""
        return ()

    @abstractmethod
    def _task(self, bundle: Bundle) -> Task:
        """The task, the style being known to the model."""


@dataclass(frozen=True, kw_only=True)
class WithLength(FormSettings, Request):
    """A request whose new music can be as long as one likes."""

    bars: int | None = setting(None, "Length of what is new, in bars.", kind=int, low=1, high=MAX_BARS)
    seconds: float | None = setting(
        None, "Length of what is new, in seconds, instead of bars.", kind=float, low=0, high=MAX_SECONDS, above=True
    )
    tempo: float | None = setting(None, "Quarter notes a minute.", kind=float, low=MIN_TEMPO, high=MAX_TEMPO)
    meter: str | tuple[int, int] | None = setting(None, "Meter, for example 3/4.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bars is not None and self.seconds is not None:
            raise CallError("bars and seconds contradict each other; give one of them", argument=("bars", "seconds"))
        self.parsed_meter()

    def parsed_meter(self) -> tuple[int, int] | None:
        """The meter as numerator and denominator."""
        return None if self.meter is None else parse_meter(self.meter)


@dataclass(frozen=True, kw_only=True)
class WithVoices(Request):
    """A request that can bring instruments."""

    voices: str | Sequence[str | int] = setting(
        (), "Instruments, for example piano,bass,drums: General MIDI names or programs (0 to 127), separated by commas."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        voices: Any = self.voices.split(",") if isinstance(self.voices, str) else self.voices
        if not isinstance(voices, list | tuple) or not all(type(v) in (str, int) for v in voices):
            raise CallError(f'voices is {value_shown(voices)}, must be text like "piano,bass" or a list of names', argument="voices")
        if len(voices) > MAX_VOICES:
            raise CallError(f"voices has {len(voices)} entries, must have at most {MAX_VOICES}", argument="voices")
        object.__setattr__(self, "voices", tuple(str(v).strip() for v in voices))
        self.programs()

    def programs(self) -> tuple[tuple[int, bool], ...]:
        """The voices as (program, is drums)."""
        return tuple(parse_program(str(v)) for v in self.voices)

    def written_programs(self) -> Sequence[int]:
        """See Request."""
        return [DRUMS if drums else program for program, drums in self.programs()]


@dataclass(frozen=True, kw_only=True)
class WithTune(Request):
    """A request about a tune, which is read when the request is made."""

    tune: TuneLike
    drums: str | None = setting(
        None,
        "Name, or number from 1, of a track that is a drum kit though it is not on the channel for drums; several are separated by commas.",
        kind=str,
    )
    sequence: int | None = setting(None, "Which sequence of a file of format 2, from 1.", kind=int, low=1, high=65_535)
    max_notes: int = setting(
        MAX_NOTES, "Longest tune that is read, in notes; each takes 45 kB and 0.1 ms.", kind=int, low=1, high=MAX_NOTES_ASKED
    )
    beats: str = setting(
        "file",
        "What the tune's beats are counted by: its file; estimate, the player's own, where free playing does not follow the file; seconds.",
        kind=str,
        choices=BEATS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given = isinstance(self.tune, Tune)
        tune = Tune.of(self.tune, "tune", self.drums, self.sequence, self.max_notes, self.beats)
        object.__setattr__(self, "tune", tune)
        if not given:
            for doubt in tune.doubts():
                warnings.warn(f"{doubt.line}; {doubt.setting}={doubt.value!r} {doubt.effect}", stacklevel=4)

    def task(self, bundle: Bundle) -> Task:
        """See Request. What is made by the player's beats comes back in the ticks of the file."""
        return super().task(bundle).finished_by(self.source.in_file)

    @property
    def source(self) -> Tune:
        """The tune as it was read."""
        assert isinstance(self.tune, Tune)
        return self.tune


@dataclass(frozen=True, kw_only=True)
class WithTrack(WithTune):
    """A request about one track of a tune."""

    track: str | int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.track, str | int | None) or isinstance(self.track, bool):
            raise CallError(f"track is {value_shown(self.track)}, must be a name or a number from 1", argument="track")

    @property
    def track_name(self) -> str | None:
        """The track as ``find_track`` looks for it."""
        return None if self.track is None else str(self.track)


def parse_meter(meter: Any) -> tuple[int, int]:
    """Numerator and denominator of "3/4" or (3, 4). Errors: ``CallError``.

    >>> parse_meter("6/8"), parse_meter((3, 4))
    ((6, 8), (3, 4))
    """
    if isinstance(meter, str):
        parts: Any = [p.strip() for p in meter.split("/")]
        parts = [int(p) for p in parts if p.isascii() and p.isdigit() and len(p) < 4] if len(parts) == 2 else []
    else:
        parts = list(meter) if isinstance(meter, list | tuple) and all(type(n) is int for n in meter) else []
    if len(parts) != 2:
        raise CallError(f"meter is {value_shown(meter)}, must look like 3/4", argument="meter")
    numerator, denominator = parts
    if not 1 <= numerator <= 32 or denominator not in (1, 2, 4, 8, 16, 32):
        raise CallError(
            f"meter is {value_shown(meter)}; the lower number must be 1, 2, 4, 8, 16 or 32, the upper one 1 to 32", argument="meter"
        )
    if not 0.25 <= numerator / denominator <= 4:
        raise CallError(f"meter is {value_shown(meter)}; a bar must last between a quarter and four whole notes", argument="meter")
    return numerator, denominator
