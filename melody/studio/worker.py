"""The one thread that samples: jobs come in from anywhere, their rows share one Writer, tabs take turns.

A job is what one press of a button asked for: a task a candidate. It says what happens by ``emit``, from the sampling thread:

    {"is": "begun", "candidate", "tempo", "bar"}   quarter notes a minute, and to the bar (null where the model knows no bars)
    {"is": "note", "candidate", "note"}        a note as soon as it is chosen, with its part
    {"is": "song", "candidate", "song"}        a candidate is done
    {"is": "fault", "candidate", "line"}       nothing came of it
    {"is": "end"}                              all candidates are through
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field, Role
from melody.compose.composer import Composer
from melody.compose.running import finished
from melody.compose.stream import Listener
from melody.compose.task import Task
from melody.errors import MelodyError
from melody.generate.loop import Step, Writer
from melody.generate.plan import Plan
from melody.studio import limits
from melody.studio.song import Plain, to_page

Emit = Callable[[Plain], None]


@dataclass(eq=False)
class Row:
    """A candidate that is being written."""

    job: Job
    candidate: int
    task: Task
    listener: Listener
    events: list[NDArray[np.int64]] = field(default_factory=list)


@dataclass(eq=False)
class Job:
    """What one tab waits for."""

    tab: str
    emit: Emit
    waiting: deque[tuple[int, Task]]
    deadline: float
    left: int  # candidates that are not through
    cancelled: bool = False


class Worker:
    """Owns the engine. ``submit`` and ``cancel`` may be called from any thread; everything else happens in the worker's own."""

    def __init__(self, composer: Composer, clock: Callable[[], float] = time.monotonic) -> None:
        self.composer, self.clock = composer, clock
        self.changed = threading.Condition()
        self.jobs: deque[Job] = deque()
        self.rows: dict[int, Row] = {}
        self.writer = Writer(composer.engine, capacity=limits.ROWS)
        self.closed = False
        self.thread = threading.Thread(target=self._run, name="sampling", daemon=True)
        self.thread.start()

    def submit(self, tab: str, tasks: Sequence[Task], emit: Emit) -> Job:
        """A job for a tab, instead of the one that it had. Errors: ``MelodyError`` where too many pieces wait."""
        with self.changed:
            for other in self.jobs:
                other.cancelled |= other.tab == tab
            if sum(len(j.waiting) for j in self.jobs) + len(tasks) > limits.WAITING:
                raise MelodyError("the studio is busy with other tabs; try again in a moment")
            job = Job(tab, emit, deque(enumerate(tasks)), self.clock() + limits.WRITING_SECONDS, len(tasks))
            self.jobs.append(job)
            self.changed.notify()
        return job

    def cancel(self, job: Job) -> None:
        """Nobody waits for a job any more."""
        with self.changed:
            job.cancelled = True
            self.changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self.changed:
            self.closed = True
            self.changed.notify()
        self.thread.join(5)

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self.closed and not self.jobs:
                    self.changed.wait()
                if self.closed:
                    return
            try:
                self._take_in()
                for step in self.writer:
                    self._follow(step)
                    self._take_in()
            except Exception as fault:  # noqa: BLE001  # whatever it is, the pages get a line and the next request a fresh Writer
                self._fail(fault)

    def _take_in(self) -> None:
        """Drop what is cancelled or late; rows that are free go to the tabs that have the fewest."""
        with self.changed:
            now = self.clock()
            for number, row in list(self.rows.items()):
                if self.closed or row.job.cancelled or now > row.job.deadline:
                    self.writer.drop(number)
                    del self.rows[number]
                    self._done(row)
            for job in list(self.jobs):
                if self.closed or job.cancelled or now > job.deadline:
                    job.left -= len(job.waiting)
                    job.waiting.clear()
                if job.left <= 0:
                    self.jobs.remove(job)
                    job.emit({"is": "end"})
            while len(self.rows) < limits.ROWS:
                waiting = [job for job in self.jobs if job.waiting]
                if not waiting:
                    return
                self._begin(min(waiting, key=lambda job: sum(row.job is job for row in self.rows.values())))

    def _begin(self, job: Job) -> None:
        candidate, task = job.waiting.popleft()
        number = self.writer.add(_bounded(task))
        self.rows[number] = Row(job, candidate, task, Listener(self.composer.bundle.codec, task))
        codec = self.composer.bundle.codec
        bar = int(task.plan.metre.length[0]) / codec.grid if codec.clock == "beats" else None
        job.emit({"is": "begun", "candidate": candidate, "tempo": task.tempo, "bar": bar})

    def _follow(self, step: Step) -> None:
        """What a step wrote goes to those who wait for it."""
        for number, event, at in zip(step.index.tolist(), step.rows, step.time.tolist(), strict=True):
            row = self.rows.get(number)
            if row is None:
                continue
            row.events.append(event)
            if event[Field.ROLE] != Role.END:
                note = row.listener.note(event, at)
                if note is not None:
                    row.job.emit({"is": "note", "candidate": row.candidate, "note": note.__dict__})
                continue
            following = None if row.task.then is None else row.task.then(np.array(row.events).astype(np.int16))
            if following is None:
                del self.rows[number]
                self._done(row)
            else:
                row.task, row.events = following, []
                row.listener = Listener(self.composer.bundle.codec, following)
                self.writer.add(_bounded(following), number)

    def _done(self, row: Row) -> None:
        """A candidate is through: as a song, or with the line that says why there is none."""
        row.job.left -= 1
        if row.job.cancelled:
            return
        result = finished(row.task, np.array(row.events or np.zeros((0, len(Field)), np.int64)))
        if isinstance(result, MelodyError):
            row.job.emit({"is": "fault", "candidate": row.candidate, "line": str(result)})
        else:
            row.job.emit({"is": "song", "candidate": row.candidate, "song": to_page(result)})

    def _fail(self, fault: Exception) -> None:
        line = str(fault) if isinstance(fault, MelodyError) else f"a fault in melody ({type(fault).__name__}); try again"
        with self.changed:
            for job in self.jobs:
                job.emit({"is": "fault", "candidate": 0, "line": line})
                job.emit({"is": "end"})
            self.jobs.clear()
            self.rows.clear()
            self.writer = Writer(self.composer.engine, capacity=limits.ROWS)


def _bounded(task: Task) -> Plan:
    return replace(task.plan, max_notes=min(task.plan.max_notes, limits.WRITTEN_NOTES))
