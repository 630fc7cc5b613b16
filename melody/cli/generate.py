"""``melody generate``: new pieces from nothing."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Generate

EXAMPLES = """\
Examples:
  melody generate --bars 16 -o piece.mid
  melody generate -n 4 --key "A minor" --tempo 96 -o four
  melody generate --seconds 30 --voices piano,bass --temperature 0.9 --seed 7\
"""


app = writing_verb("generate", Generate, EXAMPLES, "generated")
