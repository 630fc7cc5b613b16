"""``melody continue``: a tune, and how it goes on."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli.options import ContinuedMusic, Count, Drawing, Writing
from melody.cli.pieces import readable, write_pieces

EXAMPLES = """\
Examples:
  melody continue tune.mid --bars 8
  melody continue tune.mid -n 5 --temperature 1.1 -o five\
"""

app = App(name="continue", help_epilogue=EXAMPLES)


@app.default
def continue_(
    tune: Path, /, *, n: Count = 1, music: ContinuedMusic = ContinuedMusic(), drawing: Drawing = Drawing(), writing: Writing = Writing()
) -> None:
    """Go on from the end of a tune; the tune stays as it was.

    Parameters
    ----------
    tune
        MIDI file to go on from.
    """
    from melody.compose import Continue

    write_pieces(Continue, f"{tune.stem}-continued", n, music, drawing, writing, lambda: {"tune": readable(tune)})
