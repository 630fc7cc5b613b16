"""``melody accompany``: a melody, and everything else."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Accompany

EXAMPLES = """\
Examples:
  melody accompany tune.mid
  melody accompany song.mid --track MELODY --voices piano,bass -n 3 -o three\
"""


app = writing_verb("accompany", Accompany, EXAMPLES, "accompanied")
