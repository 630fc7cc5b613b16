"""Flags that several verbs share, as dataclasses whose fields carry their help lines, and flags made from a library's settings.

The values are checked where they are used (``compose.Request``, ``Sampling``): here they are only named.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, make_dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from melody.settings import settings_of

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
    """Write the piece, as MIDI, to standard output instead of a file."""


@Parameter(name="*", group="Music")
@dataclass(frozen=True, kw_only=True)
class Performing:
    """Who writes the music, and how often."""

    request: Path | None = None
    """A file (TOML or JSON) of settings, as --json prints it; flags beside it change single ones."""
    model: str | None = None
    """Name of a shipped model, or a model's folder."""
    engine: str | None = None
    """What runs the model: onnx (fast, without torch) or torch; by default onnx if the model has a runtime file (melody export)."""
    adapt: Path | None = None
    """For generate and continue: a MIDI file, folder or archive from which the model learns for some seconds; nothing is kept."""
    best_of: int | None = None
    """Write this many candidates for each piece, 1 to 64, and keep the most typical of its style; its seed is reported."""
    corpus: Path | None = None
    """With --best-of or --rank: the corpus that the model was trained on, so that candidates which copy from it are not kept."""
    rank: Flag = False
    """With -n: list the pieces in the order of the score of --best-of, the most typical first, and say why."""


def flags_of(settings: type, group: str, draws_seed: bool = False) -> type:
    """A dataclass of flags from the settings of another one: the same names, defaults and help. The values are checked where they are used.

    A setting of several kinds is text here. ``group``: the heading in the help, but for settings that name their own.
    ``draws_seed``: ``seed`` has no default, since one is drawn, and reported.
    """
    fields: list[tuple[str, Any, Any]] = []
    for name, found in settings_of(settings).items():
        default = next(f.default for f in dataclass_fields(settings) if f.name == name)
        kind: Any = list[str] if found.many else found.kind or str
        help_text = found.help
        if name == "seed" and draws_seed:
            default, help_text = None, "The same seed gives the same music; if none is given, a random one is drawn and reported."
        facts: dict[str, Any] = {"help": help_text}
        if name.endswith("_"):  # a word that Python keeps for itself
            facts["name"] = f"--{name.strip('_')}"
        if found.group:
            facts["group"] = found.group
        if kind is bool:
            facts["show_default"] = False
            if default is True:
                facts["negative"] = f"--no-{name}"
        if default is MISSING:  # a request file may say it in place of the flag; who makes the request misses it
            default, facts["show_default"] = None, False
        if found.many or default is None or found.kind is None:
            fields.append((name, Annotated[kind | None, Parameter(**facts)], field(default=None)))
        else:
            fields.append((name, Annotated[kind, Parameter(**facts)], field(default=default)))
    made = make_dataclass(f"{settings.__name__}Flags", fields, frozen=True, kw_only=True)
    made.__doc__, made.__module__ = settings.__doc__, __name__  # else it counts as one of Python's own types
    return Parameter(name="*", group=group)(made)


def said(flags: Any) -> dict[str, Any]:
    """The flags that were given, or have a default, by name."""
    return {f.name: value for f in dataclass_fields(flags) if (value := getattr(flags, f.name)) is not None}


def changed(flags: Any, name: str) -> bool:
    """Whether a flag says something else than its default."""
    default = next((f.default for f in dataclass_fields(flags) if f.name == name), None)
    return bool(getattr(flags, name, None) != default)
