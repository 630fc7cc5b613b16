"""Looking on while a model trains: a table and a curve or plain lines on standard error, samples, and how a signal ends the run."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from melody.cli.remedies import in_flags
from melody.cli.report import clock
from melody.errors import MelodyError
from melody.extras import lacking

if TYPE_CHECKING:
    from melody.score import Score
    from melody.training.loop import Progress

EVERY = 10.0  # seconds between lines where there is no terminal
OFTEN = 0.1  # seconds between looks at the bar
POINTS = 48  # of the curve
BOARD = 10  # steps between points for TensorBoard
BLOCKS = "▁▂▃▄▅▆▇█"
MAX_SAMPLES = 12  # rolls on the page of a run: the first one, and the latest


class Watch:
    """A ``train.loop.Watcher``. While it is entered, the first Ctrl-C or SIGTERM asks the run to save and stop; the second kills it.

    At every validation the best weights in ``folder`` write ``bars`` bars, which are shown and go to the page of the run.
    """

    def __init__(self, silent: bool, folder: Path | None = None, bars: int = 0, tensorboard: bool = False) -> None:
        self._board = board(folder) if tensorboard and folder is not None else None
        self.signal: int | None = None
        self.silent, self.folder, self.bars = silent, folder, bars
        self.samples: dict[int, list[Score | bytes]] = {}
        self._curve: list[float] = []
        self._handlers: dict[int, Any] = {}
        self._bar: Any = None  # a rich.progress.Progress, imported only for a terminal
        self._looked = -EVERY

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._caught)
        if not self.silent and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._board is not None:
            self._board.close()

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def stop(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def update(self, progress: Progress) -> None:
        """Show a step; all of them are cheap, only some are drawn."""
        if progress.notice:
            print(progress.notice, file=sys.stderr, flush=True)  # also where it is quiet: something went wrong
        if progress.valid is not None and not self.stop():
            self._sample(progress.step)
            self._page()
        if self._board is not None and (progress.step % BOARD == 0 or progress.valid is not None):
            write_scalars(self._board, progress)
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
            self._bar.update(self._task, description=text, completed=progress.share)

    def _table(self, step: int, valid: Mapping[str, float]) -> None:
        """What held-out pieces cost, by field, with the way there; and the beginning of a sample."""
        from melody.cli.views import first_notes

        sample = "\n".join(first_notes(score) for score in self.samples.get(step, []) if not isinstance(score, bytes))
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

    def _sample(self, step: int) -> None:
        """What the best weights so far write. A model that cannot write yet is no fault of the run."""
        if self.folder is None or not self.bars:
            return
        import torch

        from melody.compose import load

        try:
            with torch.random.fork_rng(devices=[]):  # a run that is looked at stays the run that is not
                score = load(self.folder, threads=torch.get_num_threads(), engine="torch").generate(bars=self.bars, seed=1)
        except MelodyError as fault:
            self._line(f"no sample: {in_flags(fault)}")
            return
        self.samples[step] = [score]
        for middle in sorted(self.samples)[1 : 1 - MAX_SAMPLES]:
            del self.samples[middle]

    def _page(self) -> None:
        """RUN/report.html anew. A disk that does not take it is reported once a look, and the run goes on."""
        if self.folder is None:
            return
        from melody.evaluation.runs import write_run_page

        try:
            write_run_page(self.folder, self.samples)
        except MelodyError as fault:
            self._line(in_flags(fault))

    def _line(self, text: str) -> None:
        if self.silent:
            return
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(text, highlight=False, markup=False)


def board(folder: Path) -> Any:
    """What TensorBoard reads, in RUN/tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise lacking("tensorboard", "--tensorboard") from None
    return SummaryWriter(str(folder / "tensorboard"))


def write_scalars(writer: Any, progress: Progress) -> None:
    """The numbers of a step, under the names of ``Progress``."""
    for name in ("nats", "norm", "rate", "notes_per_second"):
        writer.add_scalar(f"train/{name}", getattr(progress, name), progress.step)
    for name, nats in (progress.valid or {}).items():
        writer.add_scalar(f"held-out/{name}", nats, progress.step)


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

    return Progress(BarColumn(24), TaskProgressColumn(), TextColumn("{task.description}"), console=Console(stderr=True))
