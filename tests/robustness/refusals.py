"""Damaged inputs that have to be refused: each in one line, in time, in little memory, or read and found to mean what it meant before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from melody.errors import MelodyError
from tests.robustness.child import Child, Limits

LIMITS = Limits(cpu=5.0, memory=500.0, space=3 << 30)
MAX_LINE = 700  # characters of a line that says what is wrong
REFUSED, SAME = "refused", "same"  # what comes of a case; SAME is what its attempt returns

Case = tuple[str, Callable[[], object], Callable[[], str]]  # name, how the damage is done (in this process), the attempt (in a child)


@dataclass
class Tally:
    """What came of some cases."""

    cases: int = 0
    refused: int = 0
    same: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    memory: float = 0.0  # MiB, of the whole process

    def figure(self, same: str = "") -> str:
        """In short; ``same``: how those are called that were read."""
        read = f", {len(self.same)} {same}" if self.same and same else ""
        wrong = f"; NOT AS WANTED {len(self.wrong)}: {'; '.join(self.wrong[:3])}" if self.wrong else ""
        slowest = f"slowest {self.slowest[0]:.2f} s ({self.slowest[1]})"
        return f"{self.refused} of {self.cases} refused{read}; {slowest}, {self.memory:.0f} MiB{wrong}"

    @property
    def ok(self) -> bool:
        """All in one line, in time, in little memory."""
        return self.cases > 0 and not self.wrong


def tried(cases: Iterable[Case], limits: Limits = LIMITS) -> Tally:
    """Try cases one after the other in a forked process; one that dies or hangs is replaced."""
    tally, waiting = Tally(), list(cases)
    with Child(partial(_outcome, waiting), limits) as child:
        for number, (name, damage, _) in enumerate(waiting):
            damage()
            ending = child.do(number)
            outcome = " ".join(ending.fault.split())[-200:] or ending.value
            tally.cases += 1
            tally.slowest, tally.memory = max(tally.slowest, (ending.cpu, name)), max(tally.memory, ending.memory)
            if outcome == REFUSED:
                tally.refused += 1
            elif outcome == SAME:
                tally.same.append(name)
            else:
                tally.wrong.append(f"{name}: {outcome}")
    return tally


def _outcome(cases: Sequence[Case], number: int) -> str:
    try:
        found = cases[number][2]()
    except MelodyError as fault:
        text = str(fault)
        return REFUSED if "\n" not in text and len(text) < MAX_LINE else f"a reason of {len(text)} characters"
    return found if found == SAME else f"was taken ({found})"
