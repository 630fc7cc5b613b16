"""The command line: one thin file a verb, imported when the verb is called.

options   flags that several verbs share
pieces    what the four verbs that write music have in common
output    where files go: names, claims, all written or none
report    what is printed: results on standard output, everything else on standard error
watch     progress of a training run
remedies  what to do about an error, as flags
guard     every error as one line, and the exit status
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, Parameter

from melody import __version__
from melody.cli.guard import guarded

VERBS = {  # verb: the App of its file, and its line of help
    "generate": ("melody.cli.generate:app", "Write new pieces."),
    "continue": ("melody.cli.continue_:app", "Continue a tune from its end; the tune itself stays as it was."),
    "accompany": ("melody.cli.accompany:app", "Add an accompaniment to a tune; the tune itself stays as it was."),
    "infill": ("melody.cli.infill:app", "Rewrite some bars of a piece and keep the others."),
    "humanise": ("melody.cli.humanise:app", "Play a piece as people would: timing, dynamics, swing; or put it on a grid."),
    "originality": ("melody.cli.originality:app", "Say how much of a piece is copied from the music that a model learned."),
    "vary": ("melody.cli.vary:app", "Rewrite a share of a piece's notes, and keep the others and the roots of its chords."),
    "data": ("melody.cli.data:app", "List known collections of music, and download them."),
    "prepare": ("melody.cli.prepare:app", "Turn a collection of MIDI files into a corpus, with a report."),
    "train": ("melody.cli.train:app", "Train a model on a corpus, resume a run, fine-tune a model."),
    "evaluate": ("melody.cli.evaluate:app", "Measure how good a model is, and write a page that shows it."),
    "typical": ("melody.cli.typical:app", "Measure what is typical of a model's styles, which --best-of needs."),
    "runs": ("melody.cli.runs:app", "Compare training runs."),
    "export": ("melody.cli.export:app", "Write a model's runtime file, so that it runs without torch."),
    "inspect": ("melody.cli.inspect_:app", "Show what a MIDI file, a corpus or a model holds."),
    "chords": ("melody.cli.chords:app", "Show the chords of a piece, and the progressions that have a name."),
    "render": ("melody.cli.render:app", "Turn a piece into a picture, sound or notation."),
    "play": ("melody.cli.play:app", "Play a MIDI file through the loudspeakers."),
    "studio": ("melody.cli.studio:app", "Open a page in the browser to hear, see and change music."),
    "doctor": ("melody.cli.doctor:app", "Show what is installed and what is missing, and test the shipped model."),
}

EXAMPLES = """\
Examples:
  melody generate --bars 16
  melody continue tune.mid --bars 8
  melody accompany tune.mid --voices piano,bass
  melody generate --help\
"""


def build_app() -> App:
    """The verbs as one cyclopts App. Nothing of a verb is imported here."""
    app = App(
        name="melody",
        help="Write, continue and accompany music with a recurrent network.",
        help_epilogue=EXAMPLES,
        help_format="plaintext",
        version=__version__,
        default_parameter=Parameter(negative=""),  # a flag is there or it is not: no --no-flag
        suppress_keyboard_interrupt=False,  # guard says it in one line
        exit_on_error=False,
        print_error=False,
        help_on_error=False,
        result_action="return_value",
    )
    for order, (verb, (place, line)) in enumerate(VERBS.items()):
        app.command(place, name=verb, help=line, sort_key=order)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``melody`` with ``arguments`` (those of the process by default) and return the exit status."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(lambda: build_app()(tokens))
