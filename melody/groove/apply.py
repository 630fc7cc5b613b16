"""What a person asks of the groove of a piece: the settings of ``melody humanise``, checked, and carried out in their order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from melody.errors import CallError
from melody.groove.human import humanised
from melody.groove.learn import like
from melody.groove.moves import SWING, quantised, swung
from melody.groove.places import has_beat
from melody.groove.profile import shipped
from melody.score import Score
from melody.settings import check_settings, setting

MAX_SEED = (1 << 63) - 1
GRIDS = {"quarters": 1, "eighths": 2, "triplets": 3, "sixteenths": 4, "sextuplets": 6, "thirty-seconds": 8}  # steps a unit


@dataclass(frozen=True, kw_only=True)
class Humanise:
    """Timing and dynamics as people have them, a swing, another piece's groove; or the grid. Errors: ``CallError`` that names the field.

    >>> Humanise(swing=0.5).timing
    1.0
    """

    swing: float | None = setting(
        None, "How late every second eighth is: 0 straight, 1 triplets; nothing is swung by default.", kind=float, low=0, high=1
    )
    swing_on: str = setting("eighths", "What is swung: eighths or sixteenths.", kind=str, choices=tuple(SWING))
    timing: float | None = setting(
        None, "How far notes stand off the beat: 0 not at all, 1 as people play (the default).", kind=float, low=0, high=1
    )
    dynamics: float | None = setting(
        None,
        "How uneven velocities are: 0 as they are, 1 as people play (the default); what was louder stays louder.",
        kind=float,
        low=0,
        high=1,
    )
    groove: Path | None = setting(None, "A piece that has been played: its places in the bar are taken for timing and dynamics.", kind=Path)
    quantise: bool = setting(False, "The opposite: put the notes on a grid; velocities stay.", kind=bool)
    strength: float | None = setting(
        None, "With quantise: how much of the way to the grid, 0 to 1 (the default).", kind=float, low=0, high=1
    )
    grid: str | None = setting(None, "With quantise: the grid; by default what fits best.", kind=str, choices=tuple(GRIDS))
    seed: int = setting(0, "Another seed is another performance.", kind=int, low=0, high=MAX_SEED)

    def __post_init__(self) -> None:
        check_settings(self)
        played = [name for name in ("timing", "dynamics", "groove") if getattr(self, name) is not None]
        if self.quantise and played:
            raise CallError(f"quantise and {played[0]} contradict each other; give one of them", argument=("quantise", played[0]))
        for name in ("strength", "grid"):
            if getattr(self, name) is not None and not self.quantise:
                raise CallError(f"{name} is for quantise; give both", argument=name)
        if self.timing is None:
            object.__setattr__(self, "timing", 1.0)
        if self.dynamics is None:
            object.__setattr__(self, "dynamics", 1.0)

    def apply(self, score: Score) -> Score:
        """The piece with what was asked for.

        Errors: ``CallError`` for a piece without a beat, ``MelodyError`` for a groove that cannot be read.
        """
        if not score.note_count:
            return score
        _check_beat(score, "the piece")
        assert self.timing is not None and self.dynamics is not None
        if self.quantise:
            score = quantised(score, 1.0 if self.strength is None else self.strength, None if self.grid is None else GRIDS[self.grid])
        if self.swing:
            score = swung(score, self.swing, self.swing_on)
        if self.quantise or not (self.timing or self.dynamics):
            return score
        profile = shipped()
        if self.groove is not None:
            from melody.notation import read  # a second of imports, for who needs it

            example = read(self.groove)
            _check_beat(example, self.groove.name)
            profile = like(example)
        return humanised(score, profile, self.timing, self.dynamics, self.seed)


def humanise(piece: Score | str | os.PathLike[str], **settings: Any) -> Score:
    """A piece, or the piece in a file, as people would play it. Keywords: the settings of ``Humanise``.

    Errors: ``CallError`` for a wrong setting, and for a piece whose notes keep to no beat; ``MelodyError`` for a file that cannot be read.

    >>> from melody.score import Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> played = humanise(piece, timing=0.5)
    >>> played.note_count, played == piece
    (3, False)
    """
    unknown = set(settings) - set(Humanise.__dataclass_fields__)
    if unknown:
        raise TypeError(f"unexpected keyword {min(unknown)!r}; known: {', '.join(Humanise.__dataclass_fields__)}")
    asked = Humanise(**settings)
    if not isinstance(piece, Score):
        from melody.notation import read

        piece = read(piece)
    return asked.apply(piece)


def _check_beat(score: Score, name: str) -> None:
    if not has_beat(score):
        raise CallError(f"{name} keeps to no beat (a performance in seconds): there is no bar in which notes could have places")
