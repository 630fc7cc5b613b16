"""``melody infill``: a hole in a piece, written anew."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Infill

EXAMPLES = """\
Examples:
  melody infill piece.mid --from-bar 5 --to-bar 8
  melody infill song.mid --from-bar 9 --to-bar 16 --track PIANO --seed 3 -o other.mid\
"""


app = writing_verb("infill", Infill, EXAMPLES, "infilled")
