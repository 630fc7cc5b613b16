"""``melody generate``: new pieces from nothing."""

from __future__ import annotations

from cyclopts import App

from melody.cli.options import Count, Drawing, GeneratedMusic, Writing
from melody.cli.pieces import write_pieces

EXAMPLES = """\
Examples:
  melody generate --bars 16 -o piece.mid
  melody generate -n 4 --key "A minor" --tempo 96 -o four
  melody generate --seconds 30 --voices piano,bass --temperature 0.9 --seed 7\
"""

app = App(name="generate", help_epilogue=EXAMPLES)


@app.default
def generate(*, n: Count = 1, music: GeneratedMusic = GeneratedMusic(), drawing: Drawing = Drawing(), writing: Writing = Writing()) -> None:
    """Write new pieces."""
    from melody.compose import Generate

    write_pieces(Generate, "generated", n, music, drawing, writing)
