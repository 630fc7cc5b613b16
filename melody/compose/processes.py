"""Large work shared by several processes of this machine: each loads the model and takes every n-th request."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Protocol

from melody.compose.request import Request
from melody.errors import MelodyError
from melody.score import Score

PATIENCE = 5.0  # seconds that a process has to leave once nobody listens to it


class Composes(Protocol):
    """What another process makes and uses: a Composer."""

    def each(self, requests: Sequence[Request]) -> Iterator[tuple[int, Score | MelodyError]]:
        """See ``Composer.each``."""


def shared(factory: Callable[[], Composes], requests: Sequence[Request], processes: int) -> Iterator[tuple[int, Score | MelodyError]]:
    """``Composer.each`` by several processes, each with the Composer that ``factory`` makes.

    Raises MelodyError as that does, and where a process died (killed, out of memory); what was yielded before stays good.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy threads that hold locks
    lines: dict[Connection, int] = {}
    workers = []
    try:
        for first in range(min(processes, len(requests))):
            mine, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(theirs, factory, requests[first::processes]), daemon=True)
            worker.start()
            workers.append(worker)
            theirs.close()
            lines[mine] = first
        while lines:
            for line in wait(list(lines)):
                assert isinstance(line, Connection)
                try:
                    said = line.recv()
                except EOFError:
                    why = "killed, out of memory, or started from a script without `if __name__ == '__main__'`"
                    raise MelodyError(f"a worker process has ended ({why})") from None
                if said is None:
                    del lines[line]
                elif isinstance(said, MelodyError):
                    raise said
                else:
                    index, score = said
                    yield lines[line] + index * processes, score
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(PATIENCE)


def _work(line: Connection, factory: Callable[[], Composes], requests: Sequence[Request]) -> None:
    """In another process: compose and send; Ctrl-C is for the process that asked."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for found in factory().each(requests):
            line.send(found)
        line.send(None)
    except MelodyError as fault:
        line.send(fault)
    except BrokenPipeError:  # nobody listens any more
        return
