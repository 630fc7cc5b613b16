"""Flags that several verbs share, as dataclasses whose fields carry their help lines.

The values are checked where they are used (``compose.Request``, ``Sampling``): here they are only named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from melody.generate.sampling import Sampling

Flag = Annotated[bool, Parameter(show_default=False)]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]
Count = Annotated[int, Parameter(name="-n", help="How many pieces, 1 to 1000; for more than one, --output is a folder.")]


@Parameter(name="*", group="Output")
@dataclass(frozen=True, kw_only=True)
class Printing:
    """What is printed."""

    json: Flag = False
    """One JSON object on standard output."""
    quiet: Flag = False
    """Print nothing but errors (and the JSON object, if asked for)."""


@Parameter(name="*", group="Output")
@dataclass(frozen=True, kw_only=True)
class Writing(Printing):
    """Where the pieces go."""

    output: Output = None
    """File to write (.mid), or a folder for several; by default a name with the seed in the current folder."""
    force: Flag = False
    """Replace files that exist."""
    stdout: Flag = False
    """Send the piece, as MIDI, to standard output and not to a file."""


@Parameter(name="*", group="Music")
@dataclass(frozen=True, kw_only=True)
class Music:
    """What every verb that writes music can be asked for."""

    style: str | None = None
    """A style that the model has learned (melody inspect MODEL lists them), or a style file that melody train --tune state made."""
    key: str | None = None
    """Key, for example "A minor" or Bb."""
    seed: int | None = None
    """The same seed gives the same music; a random one is drawn, and told, if none is given."""
    model: str | None = None
    """Name of a shipped model, or a model's folder."""
    engine: str | None = None
    """What carries the model: onnx, quick and without torch, or torch; by default onnx if the model has a runtime file (melody export)."""
    adapt: Path | None = None
    """For generate and continue: a MIDI file, folder or archive that the model learns for some seconds first; nothing of it is kept."""
    best_of: int | None = None
    """Write so many of each piece, 1 to 64, and keep the one nearest to what is usual in its style; its seed is told."""
    corpus: Path | None = None
    """With --best-of: the corpus that the model learned from, so that a piece which copies it is not kept."""


@Parameter(name="*", group="Music")
@dataclass(frozen=True, kw_only=True)
class ContinuedMusic(Music):
    """What a continuation can be asked for."""

    bars: int | None = None
    """Length of what is new, in bars."""
    seconds: float | None = None
    """Length of what is new, in seconds, instead of --bars."""
    tempo: float | None = None
    """Quarter notes a minute."""
    meter: str | None = None
    """Meter, for example 3/4."""


@Parameter(name="*", group="Music")
@dataclass(frozen=True, kw_only=True)
class AccompaniedMusic(Music):
    """What an accompaniment can be asked for."""

    voices: str | None = None
    """Instruments, for example piano,bass,drums: General MIDI names or programs (0-127), with commas between."""


@Parameter(name="*", group="Music")
@dataclass(frozen=True, kw_only=True)
class GeneratedMusic(AccompaniedMusic, ContinuedMusic):
    """What a new piece can be asked for."""


@Parameter(name="*", group="Sampling")
@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How the model's next events are drawn."""

    temperature: float = Sampling.temperature
    """Below 1 is safer, above 1 is wilder; 0 always takes the most likely event."""
    top_p: float = Sampling.top_p
    """Only the likeliest values that together hold this much probability, above 0 to 1."""
    top_k: int = Sampling.top_k
    """Only the K likeliest values; 0: all."""
    min_p: float = Sampling.min_p
    """Only values at least this likely, as a share of the likeliest one, 0 to 1."""
    guidance: float = Sampling.guidance
    """How closely accompany and infill follow what is given; 1 as the model learned it, 0 to 10."""
