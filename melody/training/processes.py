"""A process a core: the first one starts the others by itself, and all train as one (training/parallel.py).

The others run ``python -m melody.training.worker``. They get the run as it is saved (training/checkpoint.py), in a folder that is theirs
alone for as long as they live, meet there, and then train rows of the same batches, one thread each. They listen to no signals: the first
one tells them to stop with the step in which it stops, and where it is gone they leave. torchrun, which does the same over several
machines and on GPUs, comes first: under it nothing is started here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from melody.corpus import Corpus
from melody.errors import MelodyError, Remedy
from melody.model import EventLSTM
from melody.training import checkpoint, parallel
from melody.training.parallel import Group
from melody.training.recipe import Recipe
from melody.training.state import RunState

MIN_ROWS = 8  # of a batch in each process: with fewer, reading the weights takes longer than computing with them
READY = "ready"  # what a worker says once it has imported all that it needs
FACTS, STORE, SAID = "facts.json", "store", "said"  # files in the folder of the workers
PATIENCE = 5.0  # seconds that workers have to leave by themselves


def usable_cores() -> int:
    """Cores that this process may use: those of its affinity, and no more than its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # "max 100000" or "150000 100000": microseconds of each period
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def processes_for(threads: int, rows: int, device: torch.device) -> int:
    """How many processes train ``rows`` rows: ``threads`` of them or, for 0, a process a core; on a GPU one.

    >>> processes_for(2, 32, torch.device("cpu")), processes_for(4, 3, torch.device("cpu")), processes_for(0, 32, torch.device("cuda"))
    (2, 3, 1)
    """
    if device.type != "cpu" or not sys.executable:
        return 1
    return max(1, min(threads, rows) if threads else min(usable_cores(), rows // MIN_ROWS))


class Workers:
    """The other processes of a run on this machine. ``folder`` is theirs while this is entered; leaving it ends them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.running: list[subprocess.Popen[str]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="melody-", ignore_cleanup_errors=True)))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        parallel.leave()
        for worker in self.running:
            if worker.stdin is not None:
                with suppress(OSError):
                    worker.stdin.close()  # the sign to leave
        for worker in self.running:
            try:
                worker.wait(PATIENCE if kind is None else 0.1)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()
        self._open.close()

    def start(self, whole: RunState, recipe: Recipe, corpus: Corpus, model: EventLSTM) -> Group:
        """Start them on a run as it stands and connect with them. Raises MelodyError where one does not come."""
        checkpoint.save(self.folder, whole, replace(recipe, model=model.config), corpus.digest)
        facts = {"corpus": str(corpus.folder.absolute()), "codec": asdict(model.codec)}
        (self.folder / FACTS).write_text(json.dumps(facts), "utf-8")
        where = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([where, *filter(None, [os.environ.get("PYTHONPATH")])])
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        for rank in range(1, 1 + self.count):
            with (self.folder / f"{SAID}-{rank}").open("wb") as said:
                self.running.append(
                    subprocess.Popen(  # noqa: S603  # this very program
                        [sys.executable, "-m", "melody.training.worker", str(self.folder), str(rank), str(1 + self.count)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=said,
                        text=True,
                        env=os.environ | one_thread | {"PYTHONPATH": path},
                    )
                )
        for worker in self.running:
            if worker.stdout is None or worker.stdout.readline().strip() != READY:
                raise MelodyError(f"a process of this run could not be started ({self.why()})")
        return parallel.connect(self.folder / STORE, 0, 1 + self.count)

    def fault(self, step: int) -> MelodyError:
        """The error of a run one of whose processes has ended, and which was saved at ``step`` (0: there was nothing to save)."""
        kept = f"the run was saved at step {step}" if step else "before the first step"
        return MelodyError(f"a process of this run has ended ({self.why()}); {kept}", Remedy.RESUME if step else None)

    def why(self) -> str:
        """Of what one of them has ended, in a few words."""
        for rank, worker in enumerate(self.running, start=1):
            try:
                status = worker.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                continue
            said = (self.folder / f"{SAID}-{rank}").read_text("utf-8", "replace").strip().splitlines()
            if status < 0:
                name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
                return f"ended by {name}" + ("; perhaps there was not enough memory" if -status == signal.SIGKILL else "")
            if status and status != parallel.LEFT:
                return (said[-1] if said else f"status {status}")[:160]
        return "no reason known"
