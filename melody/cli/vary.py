"""``melody vary``: a piece with a share of its notes written anew."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Vary

EXAMPLES = """\
Examples:
  melody vary song.mid
  melody vary song.mid --strength 0.5 --bars 9-16 -n 8 --rank
  melody vary song.mid --strength 1 --part PIANO --keep rhythm\
"""


app = writing_verb("vary", Vary, EXAMPLES, "varied")
