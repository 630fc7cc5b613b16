"""Beside a run: what its best weights write at each validation, RUN/report.html, RUN/tensorboard. Whatever fails costs that alone.

A run that is looked at stays the run that is not: samples leave the random numbers of the training untouched.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from melody.errors import MelodyError
from melody.extras import lacking
from melody.workflows.interrupts import Interrupts

if TYPE_CHECKING:
    from melody.score import Score
    from melody.training.callbacks import Progress
    from melody.workflows.callback import TrainCallback

BOARD = 10  # steps between points for TensorBoard
MAX_SAMPLES = 12  # rolls on the page of a run: the first one, and the latest


class Beside:
    """A ``training.callbacks.TrainingCallback`` that samples and writes, and tells another callback."""

    def __init__(
        self, callback: TrainCallback, interrupts: Interrupts, folder: Path | None, bars: int = 0, tensorboard: bool = False
    ) -> None:
        """``folder``: that of the run; None for a process that writes nothing."""
        self._callback, self._interrupts, self._folder, self._bars = callback, interrupts, folder, bars
        self._board = board(folder) if tensorboard and folder is not None else None
        self._samples: dict[int, list[Score | bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._board is not None:
            self._board.close()

    def stop(self) -> bool:
        """Whether a signal came, or the callback says so."""
        return self._interrupts.caught is not None or self._callback.stop()

    def update(self, progress: Progress) -> None:
        """At a validation write a sample and the page; then let the callback see the step."""
        if progress.valid is not None and self._folder is not None and self._interrupts.caught is None:
            self._sample(progress.step, self._folder)
            self._page(self._folder)
        if self._board is not None and (progress.step % BOARD == 0 or progress.valid is not None):
            write_scalars(self._board, progress)
        self._callback.update(progress)

    def _sample(self, step: int, folder: Path) -> None:
        """A model that cannot write yet is no fault of the run."""
        if not self._bars:
            return
        import torch

        from melody.compose import load

        try:
            with torch.random.fork_rng(devices=[]):
                score = load(folder, threads=torch.get_num_threads(), engine="torch").generate(bars=self._bars, seed=1)
        except MelodyError as fault:
            self._callback.missed("no sample", fault)
            return
        self._samples[step] = [score]
        for middle in sorted(self._samples)[1 : 1 - MAX_SAMPLES]:
            del self._samples[middle]
        self._callback.sampled(step, score)

    def _page(self, folder: Path) -> None:
        """RUN/report.html anew."""
        from melody.evaluation.runs import write_run_page

        try:
            write_run_page(folder, self._samples)
        except MelodyError as fault:
            self._callback.missed("no page", fault)


def board(folder: Path) -> Any:
    """What TensorBoard reads, in RUN/tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise lacking("tensorboard", "writing curves for TensorBoard") from None
    return SummaryWriter(str(folder / "tensorboard"))


def write_scalars(writer: Any, progress: Progress) -> None:
    """The numbers of a step, under the names of ``Progress``."""
    for name in ("nats", "norm", "rate", "notes_per_second"):
        writer.add_scalar(f"train/{name}", getattr(progress, name), progress.step)
    for name, nats in (progress.valid or {}).items():
        writer.add_scalar(f"held-out/{name}", nats, progress.step)
