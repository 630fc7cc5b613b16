"""Kills and signals at random moments: the loop that disturbs a program again and again, and counts what each time left behind."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from tests.robustness.child import cpu_of

STATUS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
WHOLE = "whole"  # what is left by a program that was killed when all was done: it need not begin again


class Victim(Protocol):
    """A program that can be killed and begun again."""

    def fresh(self) -> None:
        """Make room for a new run."""

    def start(self) -> subprocess.Popen[str]:
        """Begin a run, or go on with the one that was disturbed; standard error is a pipe."""

    def wait(self, process: subprocess.Popen[str], dice: random.Random) -> None:
        """Until a moment of chance."""

    def left(self) -> str:
        """What lies there after a kill, in a word."""

    def same(self) -> bool:
        """Whether a run that ended left what an undisturbed one does."""


@dataclass
class Disturbed:
    """What came of some runs. ``left``: how often each word of ``Victim.left`` was the answer."""

    times: int = 0
    starts: int = 0
    runs: int = 0
    same: int = 0
    slowest: float = 0.0  # processor seconds from the signal to the end
    left: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # endings with another status


def disturbed(victim: Victim, times: int, dice: random.Random, number: signal.Signals = signal.SIGKILL) -> Disturbed:
    """Disturb runs until there were ``times`` kills, and let the last one end. A run that ends well by itself is followed by another."""
    found = Disturbed()
    while (found.times < times or not found.runs) and not found.wrong:
        victim.fresh()
        while not _ended(victim, found, times, dice, number):
            pass
        found.runs += 1
        found.same += victim.same()
    return found


def _ended(victim: Victim, found: Disturbed, times: int, dice: random.Random, number: signal.Signals) -> bool:
    """Start it once; whether it came to its end."""
    process = victim.start()
    found.starts += 1
    before = ended_children()
    if found.times < times:
        victim.wait(process, dice)
        before += cpu_of(process.pid)
        process.send_signal(number)  # nothing happens where it has ended by now
    said = process.communicate()[1]
    if process.returncode == STATUS[number]:
        found.times += 1
        found.slowest = max(found.slowest, ended_children() - before)
        word = victim.left()
        found.left[word] += 1
        return word == WHOLE
    if process.returncode:
        found.wrong.append(f"status {process.returncode}: {said.strip()[-200:]}")
    return True


def ended_children() -> float:
    """Processor seconds of all children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def undisturbed(victim: Victim) -> float:
    """Run it once from beginning to end; the seconds that it took."""
    victim.fresh()
    begin, process = time.monotonic(), victim.start()
    said = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"left alone, it ended with status {process.returncode}: {said.strip()[-400:]}")
    return time.monotonic() - begin
