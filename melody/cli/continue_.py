"""``melody continue``: a tune, and how it goes on."""

from __future__ import annotations

from melody.cli.verbs import writing_verb
from melody.compose.verbs import Continue

EXAMPLES = """\
Examples:
  melody continue tune.mid --bars 8
  melody continue tune.mid -n 5 --temperature 1.1 -o five\
"""


app = writing_verb("continue", Continue, EXAMPLES, "continued")
