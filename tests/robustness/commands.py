"""Command lines of melody in a child process, and what their endings are held to.

The rules: status 0, 1 or 2, exactly one line that says why where it is not 0, no traceback, nothing written outside of the child's
folder, no look at the network but by ``melody data``, and the child's limits of time and memory.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.robustness.child import NETWORK, Child, Ending, Limits


def command_line(folder: Path, here: Path, limits: Limits, start: str = "spawn") -> Child:
    """A child whose jobs are command lines: it works in ``here`` and writes into ``folder`` only."""
    fonts = folder.with_name("matplotlib")  # kept from call to call: to look for fonts takes seconds
    return Child(partial(_melody, here, fonts), replace(limits, places=(folder, fonts), interrupt=True), start)


def _melody(here: Path, fonts: Path, arguments: list[str]) -> int:
    os.environ |= {"HOME": str(here), "TMPDIR": str(here), "MPLCONFIGDIR": str(fonts)}
    os.environ |= {"MELODY_TRACEBACK": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    sys.dont_write_bytecode = True
    os.chdir(here)
    from melody.cli import main

    return main(arguments)


def judged(ending: Ending, arguments: list[str], long_is_a_fault: bool = True) -> str:
    """What is wrong with the ending of a command line, or ""."""
    refused = [what for what in ending.refused if not asked_for(what, arguments)]
    fault = "; ".join(refused[:3]) or ending.fault or against_the_rules(ending.value, ending.said, ending.stopped)
    if ending.stopped and long_is_a_fault:
        fault = fault or "took too long"
    return " ".join(fault.split())[-400:]


def asked_for(what: str, arguments: list[str]) -> bool:
    """Whether what was refused is what the call said: an absolute place, or a download."""
    if what.startswith(NETWORK):
        return "data" in arguments
    return any(word.rpartition("=")[2] in what for word in arguments if word.rpartition("=")[2].startswith("/"))


def against_the_rules(status: Any, said: str, stopped: bool) -> str:
    """Status 0, 1 or 2 (130 when stopped); one line where it is not 0, but for what a training run reported before; no traceback."""
    if status not in (0, 1, 2) and not (stopped and status == 130):
        return f"status {status}"
    if "Traceback (most recent call last)" in said or "a bug in melody" in said:
        return f"a traceback: {said[-300:]}"
    lines = said.splitlines()
    messages = [line for line in lines if line.startswith("melody: ")]
    if stopped and not messages:  # a run that was saved says so as its result
        return ""
    if status and (len(messages) != 1 or lines[-1] != messages[0]):
        return f"{len(messages)} messages in {len(lines)} lines: {said[-300:]!r}"
    if any(not c.isprintable() for line in lines for c in line):
        return f"control characters: {said[-300:]!r}"
    return ""
