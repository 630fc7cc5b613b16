"""``melody infill``: a hole in a piece, written anew."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Infill

EXAMPLES = """\
Examples:
  melody infill piece.mid --bars 5-8
  melody infill song.mid --bars 5-8 --bars 13-14 --part Bass --seed 3 -o other.mid
  melody infill song.mid --bars 9-16:PIANO --keep rhythm\
"""


app = writing_verb("infill", Infill, EXAMPLES, "infilled")
