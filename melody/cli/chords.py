"""``melody chords``: the chords of a piece as a lead sheet, and the progressions that have a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Printing
from melody.errors import CallError
from melody.files import shown

EXAMPLES = """\
Examples:
  melody chords piece.mid
  melody chords --list\
"""

app = App(name="chords", help_epilogue=EXAMPLES)


@app.default
def chords(
    path: Path | None = None,
    /,
    *,
    listed: Annotated[bool, Parameter(name="--list", show_default=False)] = False,
    printing: Printing = Printing(),
) -> None:
    """Show the chords of a piece, four bars a line, as --chords reads them; or the progressions that have a name.

    Parameters
    ----------
    path
        A MIDI, MusicXML or ABC file. Chords that are written in it as markers are shown as they are, else those that its notes suggest.
    listed
        List the progressions that --progression knows.
    """
    if listed == (path is not None):
        raise CallError("give a file, or --list")
    if path is None:
        _list(printing)
        return
    from melody import midi, notation, theory
    from melody.theory.lead_sheet import lines_of_four

    score = notation.read(path)
    found, written = theory.chords_in(score, midi.markers(score))
    bars = theory.lead_sheet(score, found)
    key = theory.key_name(theory.key_of(score))
    facts: dict[str, Any] = {"files": [str(path)], "key": key, "written": written, "bars": bars}
    said = "as its markers say" if written else "estimated from its notes"
    report.result(printing, facts, [f"{shown(path)}: {key}, {len(bars)} bars, chords {said}", *lines_of_four(bars)])


def _list(printing: Printing) -> None:
    from melody.theory import progressions

    found = progressions()
    widest = max(map(len, found))
    lines = [f"{name:{widest}}  {'minor' if row.minor else '     '}  {row.chords}  ({row.about})" for name, row in found.items()]
    facts = {name: {"chords": row.chords, "minor": row.minor, "about": row.about} for name, row in found.items()}
    report.result(printing, {"progressions": facts}, lines)
