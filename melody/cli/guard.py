"""Every way in which a verb can end, as an exit status and at most one line on standard error.

    0    done                      130  interrupted (Ctrl-C)
    1    the work failed           143  terminated (SIGTERM)
    2    the call was wrong

A fault of the program itself is a line too (status 1); with MELODY_TRACEBACK=1 it keeps its traceback, for a bug report.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType
from typing import Any, TextIO

from cyclopts import CycloptsError

from melody.cli.remedies import in_flags
from melody.errors import CallError, MelodyError
from melody.extras import lacking
from melody.files import reason, shown

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
TRACEBACK = "MELODY_TRACEBACK"  # set: who runs this wants to see where it went wrong


class Terminated(SystemExit):
    """The work is to end by a signal; with a word on what was kept, if there is one."""

    def __init__(self, status: int, message: str = "terminated") -> None:
        super().__init__(status)
        self.status, self.message = status, message


def guarded(work: Callable[[], Any]) -> int:
    """Run ``work`` and return the exit status: what it returns if that is a number, otherwise 0, or by the error it raises."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without "é" shows an escape; it never ends the work
    try:
        with terminable():
            result = work()
            if sys.stdout is not None:  # closed by who started this
                sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except CycloptsError as fault:
        say(f"{one_line(fault).removesuffix('.')}; see: melody{_verb(fault)} --help")
        return CallError.status
    except MelodyError as fault:
        say(one_line(in_flags(fault)))
        return fault.status
    except Terminated as fault:
        say(fault.message)
        return fault.status
    except KeyboardInterrupt as fault:
        say(one_line(fault) if fault.args else "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, for example ``head``, has seen enough: not worth a word
        silence(sys.stdout)
        return MelodyError.status
    except MemoryError:
        say("out of memory; ask for less at once (-n, --bars, --batch)")
        return MelodyError.status
    except OSError as fault:
        where = f"{shown(fault.filename)}: " if fault.filename else ""
        advice = "; make room and run it again" if fault.errno == errno.ENOSPC else ""
        say(f"{where}{reason(fault)}{advice}")
        return MelodyError.status
    except Exception as fault:  # the last resort: whatever it is, a user gets one line
        if isinstance(fault, RuntimeError) and _out_of_memory(fault):
            say("out of memory; ask for less at once (-n, --bars, --batch)")
            return MelodyError.status
        if isinstance(fault, ImportError) and (unusable := _unusable(fault)):
            say(one_line(in_flags(unusable)))
            return MelodyError.status
        if os.environ.get(TRACEBACK):
            raise
        what = f"{type(fault).__name__}: {one_line(fault)[:200]}"
        say(f"a bug in melody ({what}); please report it, with the output of melody doctor and of this command with {TRACEBACK}=1")
        return MelodyError.status


@contextmanager
def terminable() -> Iterator[None]:
    """While inside, SIGTERM (and SIGHUP: the terminal is closed) end the work through the usual cleaning up: no half-written file stays."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise Terminated(128 + number)

    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if number == signal.SIGTERM or handler is signal.SIG_DFL:  # who was set to ignore a closed terminal goes on
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by something that is not Python
                signal.signal(number, handler)


def say(message: str) -> None:
    """One line on standard error."""
    if sys.stderr is not None:  # else print would take standard output
        print(f"melody: {message}", file=sys.stderr, flush=True)


def one_line(fault: BaseException | str) -> str:
    """The message of an error without newlines and control characters, whatever names it quotes."""
    text = " ".join(str(fault).split()) or type(fault).__name__
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def silence(stream: TextIO) -> None:
    """Send what is still buffered nowhere, so that Python's own flush at exit does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # not a real file, as in tests
        return


def _unusable(fault: ImportError) -> MelodyError | None:
    """The error for a package that a verb wanted and did not get: not installed, or broken. None for a module of melody's own."""
    package = (fault.name or "").split(".")[0]
    if package in ("", "melody"):
        return None
    if isinstance(fault, ModuleNotFoundError) and find_spec(package) is None:
        return lacking(package, "this")
    return MelodyError(f"{package} cannot be loaded ({one_line(fault)[:200]}); melody doctor shows what is installed")


def _verb(fault: CycloptsError) -> str:
    chain = fault.command_chain or ()
    return "".join(f" {name}" for name in chain)


def _out_of_memory(fault: RuntimeError) -> bool:
    """torch's own two ways to say so; by name and text, because torch may never have been imported."""
    return type(fault).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(fault)
