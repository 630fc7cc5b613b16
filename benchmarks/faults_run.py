"""Cases that may end in any way: tried in processes of their own, with time, memory and what was said.

Time is that of the processor, so that a busy machine does not make a case look slow; what hangs is found by the clock.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from melody.errors import MelodyError

SLOW, LARGE = 5.0, 500  # seconds and MiB that a case may take
PATIENCE = 60.0  # seconds until a case counts as one that hangs
SPACE = 3 << 30  # bytes of address space that a process may take beyond what it has: a lie must not take the machine along
LONGEST = 700  # characters of a line that tells what is wrong
SAME = "same"  # what a case returns that was read, and means what it meant before

Case = tuple[str, Callable[[], Any], Callable[[], Any]]  # its name, how it is made, what is tried: raises MelodyError or returns SAME


@dataclass
class Row:
    """A line of the table."""

    row: str
    figure: str
    ok: bool
    command: str = "python benchmarks/faults.py"


@dataclass
class Tally:
    """What came of some cases."""

    cases: int = 0
    refused: int = 0
    same: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    memory: tuple[int, str] = (0, "")  # MiB, of the process that tried it

    def figure(self, same: str = "") -> str:
        """In short; ``same``: how those are called that were read."""
        read = f", {len(self.same)} {same}" if self.same and same else ""
        wrong = f"; NOT AS WANTED {len(self.wrong)}: {'; '.join(self.wrong[:3])}" if self.wrong else ""
        seconds, memory = self.slowest, self.memory
        return f"{self.refused} of {self.cases} refused{read}; slowest {seconds[0]:.2f} s ({seconds[1]}), {memory[0]} MiB{wrong}"

    @property
    def ok(self) -> bool:
        """All in one line, in time, in little memory."""
        return self.cases > 0 and not self.wrong


def tried(cases: Iterable[Case], apart: bool = False) -> Tally:
    """Try cases in forked processes: one after the other in one, or (``apart``) each in one of its own, whose memory is then its own."""
    tally, waiting = Tally(), list(cases)
    while waiting:
        some = waiting[:1] if apart else waiting
        done = _in_a_process(some, tally)
        waiting = waiting[max(1, done) :] if done == len(some) else waiting[done + 1 :]
    return tally


def _in_a_process(cases: Sequence[Case], tally: Tally) -> int:
    """How many of the cases were done; the process may have died or hung at the next one, which is then counted."""
    mine, its = mp.Pipe(duplex=False)
    process = mp.get_context("fork").Process(target=_work, args=(cases, its))
    process.start()
    its.close()
    done = 0
    try:
        while done < len(cases):
            if not mine.poll(PATIENCE):
                _count(tally, cases[done][0], f"hangs: no answer within {PATIENCE:.0f} s", PATIENCE, 0)
                return done
            _count(tally, cases[done][0], *mine.recv())
            done += 1
    except EOFError:
        process.join()
        _count(tally, cases[done][0], f"ended the process with status {process.exitcode}", 0.0, 0)
    finally:
        process.kill()
        process.join()
        mine.close()
    return done


def _count(tally: Tally, name: str, outcome: str, seconds: float, memory: int) -> None:
    tally.cases += 1
    tally.slowest = max(tally.slowest, (seconds, name))
    tally.memory = max(tally.memory, (memory, name))
    if outcome == "refused":
        tally.refused += 1
    elif outcome == SAME:
        tally.same.append(name)
    else:
        tally.wrong.append(f"{name}: {outcome}")
    if seconds > SLOW or memory > LARGE:
        tally.wrong.append(f"{name}: {seconds:.1f} s, {memory} MiB")


def _work(cases: Sequence[Case], results: Connection) -> None:
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + SPACE, resource.RLIM_INFINITY))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # what compiled modules print is neither here nor there
    for _, make, case in cases:
        make()
        outcome, seconds = _outcome(case)
        results.send((outcome, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))


def _outcome(case: Callable[[], Any]) -> tuple[str, float]:
    begin = time.process_time()
    try:
        found = case()
        said = found if found == SAME else f"was taken ({found})"
    except MelodyError as fault:
        text = str(fault)
        said = "refused" if "\n" not in text and len(text) < LONGEST else f"a reason of {len(text)} characters"
    except BaseException as fault:  # noqa: BLE001  # whatever else comes is what is looked for
        said = f"{type(fault).__name__}: {str(fault)[:100]}"
    return said, time.process_time() - begin
