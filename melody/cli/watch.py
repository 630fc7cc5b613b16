"""Looking on while a model trains: a bar or plain lines on standard error, and how a signal ends the run."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from melody.cli.report import clock

if TYPE_CHECKING:
    from melody.train.loop import Progress

EVERY = 10.0  # seconds between lines where there is no terminal
OFTEN = 0.1  # seconds between looks at the bar


class Watch:
    """A ``train.loop.Watcher``. While it is entered, the first Ctrl-C or SIGTERM asks the run to save and stop; the second kills it."""

    def __init__(self, silent: bool) -> None:
        self.signal: int | None = None
        self.silent = silent
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

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def stop(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def update(self, progress: Progress) -> None:
        """Show a step; all of them are cheap, only some are drawn."""
        if self.silent:
            return
        if progress.valid is not None:
            self._line(f"step {progress.step}: held-out {by_field(progress.valid)}")
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

    def _line(self, text: str) -> None:
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(text, highlight=False, markup=False)


def by_field(nats: Mapping[str, float]) -> str:
    """``{"total": 5.6, "role": 0.1, ...}`` -> "5.600 nats/note (role 0.100, ...)"."""
    fields = ", ".join(f"{name} {value:.3f}" for name, value in nats.items() if name != "total")
    return f"{nats['total']:.3f} nats/note ({fields})"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(BarColumn(24), TaskProgressColumn(), TextColumn("{task.description}"), console=Console(stderr=True))
