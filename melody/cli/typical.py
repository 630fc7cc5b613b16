"""``melody typical``: what is typical of a model's styles, for ``--best-of``."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.files import shown

EXAMPLES = """\
Examples:
  melody typical run corpus
  melody typical run run/corpus --json

melody train does this at its end. A run that was stopped, and a model of an earlier version, need it before --best-of works.\
"""

app = App(name="typical", help_epilogue=EXAMPLES)


@app.default
def typical(model: str, corpus: Path, /, *, printing: Printing = Printing()) -> None:
    """Measure what is typical of a model's styles, which --best-of needs.

    Up to 100 training pieces of each style are measured, and how much of the held-out ones occurs in training too. The quartiles of
    each measure go to typical.json in the model's folder.

    Parameters
    ----------
    model
        Name of a shipped model, or a model's folder; the file is written into that folder.
    corpus
        Folder made by melody prepare: the music that the model learned from.
    """
    with report.bar(printing, "measuring") as progress:
        from melody.evaluation.typical import MEASURES
        from melody.workflows.typical import measure_typical

        path, table, pieces = measure_typical(model, corpus, progress)
    facts = {"files": [str(path)], "pieces": dict(pieces), "styles": table}
    known = [name for name in MEASURES if any(name in row for row in table.values())]
    width = max(len(shown(style)) for style in table)
    lines = ["medians by style:", f"  {'':<{width}}" + "".join(f"{name:>11}" for name in known)]
    for style, row in table.items():
        lines.append(f"  {shown(style):<{width}}" + "".join(f"{row[n][1]:>11.2f}" if n in row else f"{'':>11}" for n in known))
    report.result(printing, facts, [*lines, f"{shown(path)}: {sum(pieces.values())} pieces measured"])
