"""``melody export``: a model's runtime file."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.extras import require

EXAMPLES = """\
Examples:
  melody export base
  melody export runs/mine --corpus corpus\
"""

app = App(name="export", help_epilogue=EXAMPLES)


@app.default
def export(model: str, /, *, corpus: Path | None = None, printing: Printing = Printing()) -> None:
    """Write a model's runtime file, so that it runs without torch, several times faster.

    The file is tried on music first, and written only if it predicts that as well as the model does: at most 0.5 % apart in nats
    per note.

    Parameters
    ----------
    model
        Name of a shipped model, or a model's folder; the file is written into that folder.
    corpus
        A prepared corpus, on whose held-out pieces the two are compared; by default on pieces that the model writes.
    """
    require("train", "melody export")
    from melody import bundle
    from melody.export import export as write_runtime
    from melody.files import shown

    with report.waiting(printing, "exporting"):
        found, path = write_runtime(bundle.read(model), corpus)
    rows = found.rows()
    facts = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "notes": found.notes,
        "difference": found.difference,
        "nats_per_note": {name: {"torch": a, "onnx": b} for name, a, b in rows},
    }
    lines = [f"{'nats per note':<14}{'torch':>9}{'onnx':>9}{'':>10}"]
    lines += [f"{name:<14}{a:>9.4f}{b:>9.4f}{(b / a - 1 if a else 0):>+10.2%}" for name, a, b in rows]
    lines.append(f"{shown(path)}: {path.stat().st_size / 1e6:.1f} MB, compared over {found.notes} notes")
    report.result(printing, facts, lines)
