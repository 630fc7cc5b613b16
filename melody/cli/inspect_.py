"""``melody inspect``: what a MIDI file, an archive, a corpus or a model holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.errors import MelodyError
from melody.files import shown

EXAMPLES = """\
Examples:
  melody inspect piece.mid
  melody inspect corpus
  melody inspect base --json\
"""

app = App(name="inspect", help_epilogue=EXAMPLES)


@app.default
def inspect(path: str, /, *, drums: str | None = None, sequence: int | None = None, printing: Printing = Printing()) -> None:
    """Show what a MIDI file, a corpus or a model holds.

    Parameters
    ----------
    path
        A MIDI file or an archive of some (.zip, .tar.gz, ...), a corpus, a model's folder, or the name of a shipped model.
    drums
        Name, or number from 1, of a track that is a drum kit though it is not on the channel for drums; several are separated by commas.
    sequence
        Which sequence of a MIDI file of format 2, from 1.
    """
    from melody import bundle, sources
    from melody.cli import views

    place = Path(path)
    if (place / "index.json").is_file():
        facts, shows = views.corpus(place)
    elif path in bundle.shipped() or (place / bundle.FACTS).is_file():
        facts, shows = views.model(path)
    elif place.is_dir():
        raise MelodyError(
            f"{shown(place)}: neither a corpus (no index.json) nor a model (no {bundle.FACTS}); give a MIDI file, a corpus or a model"
        )
    elif sources.is_archive(path) and place.exists():
        facts, shows = views.archive(place)
    else:
        facts, shows = views.midi_file(place, drums, sequence)
    if printing.json:
        report.result(printing, facts, [])
    elif not printing.quiet:
        _print(shows)
        report.doubts(printing, facts.get("doubts", []))


def _print(shows: list[Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    for show in shows:
        console.print(show)
