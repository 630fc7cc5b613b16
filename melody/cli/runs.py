"""``melody runs``: the training runs of a folder, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.files import shown

if TYPE_CHECKING:
    from melody.evaluation.runs import Run

EXAMPLES = """\
Examples:
  melody runs runs
  melody runs . --json

The run with the best validation comes first. Only the settings in which runs differ are shown.\
"""
WIDE = 100  # columns: a narrower terminal shows the sum of the fields only
MAX_SETTINGS = 12  # in the table; --json has all

app = App(name="runs", help_epilogue=EXAMPLES)


@app.default
def runs(folder: Path, /, *, printing: Printing = Printing()) -> None:
    """Compare the training runs of a folder.

    Parameters
    ----------
    folder
        A folder that holds runs of melody train, up to four levels deep.
    """
    from melody.evaluation.runs import differences, find_runs

    found = find_runs(folder)
    differ = differences(found)
    if printing.json:
        report.result(printing, {"runs": [_facts(run, differ[run.name]) for run in found]}, [])
    elif not printing.quiet:
        _print(found, differ)


def _facts(run: Run, differ: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": run.name,
        "folder": str(run.folder),
        "steps": run.step,
        "notes": run.notes,
        "minutes": round(run.minutes, 2),
        "parameters": run.parameters,
        "nats_per_note": dict(run.best) or None,
        "best_step": run.best_step,
        "skipped": run.skipped,
        "differs": differ,
        "fault": run.fault or None,
    }


def _print(found: list[Run], differ: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from melody.evaluation.runs import VALUES

    console = Console(highlight=False, markup=False, emoji=False)
    values = VALUES if console.width >= WIDE else VALUES[:1]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("run", overflow="fold")
    for name in ("steps", "notes", "minutes", "weights", *("nats" if v == "total" else v for v in values)):
        table.add_column(name, justify="right", no_wrap=True)
    for run in found:
        nats = [f"{run.best[v]:.3f}" if v in run.best else "-" for v in values]
        weights = f"{run.parameters / 1e6:.2f}M" if run.parameters is not None else "-"
        table.add_row(shown(run.name), f"{run.step:,}", f"{run.notes / 1e6:.2f}M", f"{run.minutes:.1f}", weights, *nats)
    console.print(table)
    for run in found:
        settings = [f"{name} {_short(value)}" for name, value in differ[run.name].items() if value is not None]
        more = [f"and {len(settings) - MAX_SETTINGS} more"] if len(settings) > MAX_SETTINGS else []
        skipped = [f"{run.skipped} updates skipped"] if run.skipped else []
        said = [", ".join(settings[:MAX_SETTINGS] + more), *skipped, run.fault]
        if any(said):
            console.print(Text(f"{shown(run.name)}: {shown('; '.join(t for t in said if t))}"))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
