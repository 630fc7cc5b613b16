"""``melody infill``: a hole in a piece, written anew."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli.options import Count, Drawing, Music, Writing
from melody.cli.pieces import readable, write_pieces

EXAMPLES = """\
Examples:
  melody infill piece.mid --from-bar 5 --to-bar 8
  melody infill song.mid --from-bar 9 --to-bar 16 --track PIANO --seed 3 -o other.mid\
"""

app = App(name="infill", help_epilogue=EXAMPLES)


@app.default
def infill(
    piece: Path,
    /,
    *,
    from_bar: int,
    to_bar: int,
    track: str | None = None,
    n: Count = 1,
    music: Music = Music(),
    drawing: Drawing = Drawing(),
    writing: Writing = Writing(),
) -> None:
    """Rewrite some bars of a piece and keep the others.

    Parameters
    ----------
    piece
        MIDI file with the piece.
    from_bar
        First bar to rewrite; the first of the piece is 1.
    to_bar
        Last bar to rewrite.
    track
        Name, or number from 1, of the one track to rewrite; by default all.
    """
    from melody.compose import Infill

    def more() -> dict[str, object]:
        return {"piece": readable(piece), "from_bar": from_bar, "to_bar": to_bar, "track": track}

    write_pieces(Infill, f"{piece.stem}-infilled", n, music, drawing, writing, more)
