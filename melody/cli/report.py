"""What is printed: results on standard output, everything else on standard error, nothing that was not asked for."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from melody.cli.options import Printing

if TYPE_CHECKING:
    from melody.compose.tune import Doubt

PATIENCE = 1.0  # seconds before a bar appears

Progress = Callable[[int, int], None]  # done, total
Stages = Callable[[str, int, int], None]  # what, done, total (0: not known)


def result(printing: Printing, facts: Mapping[str, Any], lines: list[str]) -> None:
    """What came out: ``facts`` as one JSON object, or ``lines`` to read, or nothing (--quiet)."""
    if printing.json:
        print(json.dumps(facts))
    elif not printing.quiet:
        print("\n".join(lines))


def remark(printing: Printing, text: str) -> None:
    """A line beside the result, for people."""
    if not printing.quiet and not printing.json:
        print(text, file=sys.stderr, flush=True)


def doubts(printing: Printing, found: Sequence[Doubt]) -> None:
    """What was read in one way and may be meant in another: a line each, with the flag that says so."""
    for doubt in found:
        remark(printing, f"{doubt.line}; --{doubt.setting} {shlex.quote(doubt.value)} {doubt.effect}")


def clock(seconds: float) -> str:
    """75.2 -> "1:15", 4000 -> "1:06:40"."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@contextmanager
def stages(printing: Printing) -> Iterator[Stages]:
    """Bars on standard error, one after the other, if that is a terminal and the work takes longer than a moment."""
    if printing.quiet or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("", total=None)
    shown, begin = "", time.monotonic()

    def update(what: str, done: int, total: int) -> None:
        nonlocal shown
        if what != shown:
            progress.reset(task, description=what)
            shown = what
        progress.update(task, completed=done, total=total or None)
        if time.monotonic() - begin > PATIENCE:
            progress.start()

    try:
        yield update
    finally:
        if progress.live.is_started:
            progress.stop()


@contextmanager
def bar(printing: Printing, what: str) -> Iterator[Progress]:
    """A single bar of that kind."""
    with stages(printing) as update:
        yield partial(update, what)


@contextmanager
def waiting(printing: Printing, what: str) -> Iterator[None]:
    """A spinner on standard error, if that is a terminal."""
    if printing.quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
