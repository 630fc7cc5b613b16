"""``melody accompany``: a melody, and everything else."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli.options import AccompaniedMusic, Count, Drawing, Writing
from melody.cli.pieces import readable, write_pieces

EXAMPLES = """\
Examples:
  melody accompany tune.mid
  melody accompany song.mid --track MELODY --voices piano,bass -n 3 -o three\
"""

app = App(name="accompany", help_epilogue=EXAMPLES)


@app.default
def accompany(
    tune: Path,
    /,
    *,
    track: str | None = None,
    n: Count = 1,
    music: AccompaniedMusic = AccompaniedMusic(),
    drawing: Drawing = Drawing(),
    writing: Writing = Writing(),
) -> None:
    """Keep a tune and add the rest.

    Parameters
    ----------
    tune
        MIDI file with the tune.
    track
        Name, or number from 1, of the track that is the tune, if there are others; by default it is found.
    """
    from melody.compose import Accompany

    write_pieces(Accompany, f"{tune.stem}-accompanied", n, music, drawing, writing, lambda: {"tune": readable(tune), "track": track})
