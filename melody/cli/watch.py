"""Looking on while a model trains: a table and a curve or plain lines on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from melody.cli.options import Printing
from melody.cli.remedies import in_flags
from melody.cli.report import clock
from melody.errors import MelodyError
from melody.files import shown
from melody.workflows.callback import TrainCallback

if TYPE_CHECKING:
    from melody.corpus.prepare import Summary
    from melody.score import Score
    from melody.training.callbacks import Progress

EVERY = 10.0  # seconds between lines where there is no terminal
OFTEN = 0.1  # seconds between looks at the bar
POINTS = 48  # of the curve
BLOCKS = "▁▂▃▄▅▆▇█"


class Watch(TrainCallback):
    """What a run shows. Entered around it, so that a bar ends with it."""

    def __init__(self, printing: Printing) -> None:
        self.silent, self.spare = printing.quiet, printing.quiet or printing.json
        self._curve: list[float] = []
        self._samples: dict[int, Score] = {}  # of the last validation
        self._bar: Any = None  # a rich.progress.Progress, imported only for a terminal
        self._looked = -EVERY

    def __enter__(self) -> Self:
        if not self.silent and sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task("", total=1.0)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def working(self, what: str, done: int, total: int) -> None:
        """On a terminal the bar shows it."""
        if self._bar is not None:
            self._bar.start()
            self._bar.update(self._task, description=what, completed=done / total if total else 0.0)

    def prepared(self, summary: Summary) -> None:
        """What was read, and what was not."""
        if not self.spare:
            held = summary.splits.get("valid", 0)
            read = f"{summary.pieces} pieces with {summary.notes:,} notes were read, {held} of them are held out"
            self._line(f"{read}; skipped {summary.skipped} files, see {shown(summary.report)}")

    def sampled(self, step: int, score: Score) -> None:
        """Shown with the step's figures."""
        self._samples = {step: score}

    def missed(self, what: str, fault: MelodyError) -> None:
        """A line."""
        self._line(f"{what}: {in_flags(fault)}")

    def update(self, progress: Progress) -> None:
        """Show a step; all of them are cheap, only some are drawn."""
        if progress.notice:
            print(progress.notice, file=sys.stderr, flush=True)  # also where it is quiet: something went wrong
        if self.silent:
            return
        if progress.valid is not None:
            self._curve.append(progress.valid["total"])
            self._table(progress.step, progress.valid)
        now = time.monotonic()
        if now - self._looked < (EVERY if self._bar is None else OFTEN) and progress.share < 1:
            return
        self._looked = now
        speed = f"{progress.notes_per_second:,.0f} notes/s  {clock(progress.seconds_left)} left"
        text = f"step {progress.step}  {progress.nats:.3f} nats/note  {speed}"
        if self._bar is None:
            self._line(text)
        else:
            self._bar.live.transient = False  # what stands before the first step goes, what stands at the last one stays
            self._bar.update(self._task, description=text, completed=progress.share)

    def _table(self, step: int, valid: Mapping[str, float]) -> None:
        """What held-out pieces cost, by field, with the way there; and the beginning of a sample."""
        from melody.cli.views import first_notes

        sample = first_notes(self._samples[step]) if step in self._samples else ""
        if self._bar is None:
            self._line(f"step {step}: held-out {by_field(valid)}" + (f"\n{sample}" if sample else ""))
            return
        from rich.table import Table

        table = Table(title=f"step {step}: nats a held-out note  {sparkline(self._curve[-POINTS:])}", title_justify="left")
        for name in valid:
            table.add_column(name, justify="right")
        table.add_row(*(f"{nats:.3f}" for nats in valid.values()))
        self._bar.console.print(table)
        if sample:
            self._bar.console.print(sample, highlight=False, markup=False)

    def _line(self, text: str) -> None:
        if self.silent:
            return
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(text, highlight=False, markup=False)


def sparkline(values: list[float]) -> str:
    """A curve as one row of blocks, the lowest value the lowest block."""
    low, high = min(values), max(values)
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * (v - low) / ((high - low) or 1.0))] for v in values)


def by_field(nats: Mapping[str, float]) -> str:
    """``{"total": 5.6, "role": 0.1, ...}`` -> "5.600 nats/note (role 0.100, ...)"."""
    fields = ", ".join(f"{name} {value:.3f}" for name, value in nats.items() if name != "total")
    return f"{nats['total']:.3f} nats/note ({fields})"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(24), TaskProgressColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True), transient=True)
