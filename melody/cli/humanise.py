"""``melody humanise``: timing and dynamics as people have them, swing, another piece's groove, or the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Output, Printing, flags_of, said
from melody.errors import CallError
from melody.files import claim, shown
from melody.groove import Humanise

EXAMPLES = """\
Examples:
  melody humanise piece.mid
  melody humanise piece.mid --swing 0.6 --timing 0.5 --dynamics 0
  melody humanise piece.mid --groove drummer.mid -o played.mid
  melody humanise played.mid --quantise --grid sixteenths --strength 0.8

What is learned of people's playing comes from Groove MIDI (CC BY 4.0) and POP909 (MIT).\
"""

SUFFIXES = (".mid", ".midi")

app = App(name="humanise", help_epilogue=EXAMPLES)
GROOVE: Any = flags_of(Humanise, "Groove")


def humanise(
    file: Path,
    /,
    *,
    groove: Any = GROOVE(),
    output: Annotated[Output, Parameter(group="Output")] = None,
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Play a piece as people would: timing, dynamics, swing; or put it on a grid. Who was louder stays louder, what came first comes first.

    Parameters
    ----------
    file
        MIDI, MusicXML or ABC file.
    output
        File to write (.mid); by default a name beside the piece.
    force
        Replace a file that exists.
    """
    asked = Humanise(**said(groove))
    target = output or file.with_name(f"{file.stem}-{'quantised' if asked.quantise else 'humanised'}.mid")
    if target.suffix.lower() not in SUFFIXES:
        raise CallError(f"--output {shown(target)} does not end in .mid; a piece is written as MIDI")
    claim(target, force)

    from melody import notation

    before = notation.read(file)
    after = asked.apply(before)
    after.save(target)
    facts = {"files": [str(target)], "notes": after.note_count, "seconds": round(after.duration_seconds, 3)}
    report.result(printing, facts, [f"{shown(target)}: {after.note_count} notes"])


humanise.__annotations__["groove"] = GROOVE
app.default(humanise)
