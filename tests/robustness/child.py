"""A child process that may be lost: it does one job after another within limits, is watched, and says how each job ended.

``Child(work, limits).do(job)`` runs ``work(job)`` and returns an ``Ending``. The process lives on, since a start takes time; one that dies,
does not stop or breaks a limit is replaced before the next job. Knows nothing of what the jobs are about. Linux only.

Time is that of the processor, so that a busy machine makes no job look slow; a job that waits for ever is found by the clock.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from typing import Any, Self

MIB = 1 << 20
GRACE = 10.0  # seconds from a SIGINT to the end
PATIENCE = 10  # times the processor seconds of a job that may pass on the clock
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {  # audit event: which of its arguments are paths, and which the folder that each is relative to
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.chmod": ((0, 2),),
    "os.truncate": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
}
NETWORK = ("socket.getaddrinfo", "socket.connect", "socket.bind")


@dataclass(frozen=True)
class Row:
    """A line of the table that ``python -m tests.robustness`` prints."""

    row: str
    figure: str
    ok: bool


@dataclass(frozen=True)
class Limits:
    """What a job may take. ``cpu``: processor seconds; ``memory``: MiB resident at the most; both of its own children too."""

    cpu: float = 5.0
    memory: float = 500.0
    space: int = 16 << 30  # bytes of address space beyond what the process begins with: a lie must not take the machine along
    file: int = resource.RLIM_INFINITY  # bytes of any file that is written
    places: tuple[Path, ...] = ()  # folders to write to; none: anywhere, and the network is free
    interrupt: bool = False  # a job that takes too long is asked to stop by SIGINT before it is killed


@dataclass(frozen=True)
class Ending:
    """How a job ended."""

    value: Any  # what it returned
    said: str  # standard error
    fault: str  # an exception, a limit that was broken, the end of the process; or ""
    cpu: float = 0.0  # seconds, children included
    memory: float = 0.0  # MiB
    stopped: bool = False  # it took long, and ended when it was interrupted
    refused: tuple[str, ...] = ()  # writes outside of the limits' places, and looks at the network: none of them was let through


class Child:
    """A process for jobs, and the one that waits for it. ``start``: "fork" (has all that is imported and patched here) or "spawn"."""

    def __init__(self, work: Callable[[Any], Any], limits: Limits, start: str = "fork") -> None:
        self.work, self.limits, self.context = work, limits, mp.get_context(start)
        self.process: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def do(self, job: Any) -> Ending:
        """One job, to its end, however that comes."""
        if self.process is None or not self.process.is_alive():
            self._start()
        used = 0.0
        try:
            self.pipe.send(job)
            begun, asked, before = time.monotonic(), 0.0, cpu_of(self.process.pid)
            while not self.pipe.poll(0.1):
                now, used = time.monotonic(), cpu_of(self.process.pid) - before
                if not self.process.is_alive():
                    raise EOFError
                late = used > self.limits.cpu or now - begun > PATIENCE * self.limits.cpu
                if late and not self.limits.interrupt:
                    return self._lost(f"more than {self.limits.cpu:g} s, and no end", used)
                if late and not asked:
                    asked = now
                    os.kill(self.process.pid, signal.SIGINT)
                elif asked and now - asked > GRACE:
                    return self._lost(f"did not stop within {GRACE:g} s of SIGINT", used)
            value, said, fault, refused, cpu, memory = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join(GRACE)
            return self._lost(f"the process died ({self.process.exitcode})", used)
        if memory > self.limits.memory:
            fault = fault or f"{memory:.0f} MiB"
        if cpu > self.limits.cpu and not self.limits.interrupt:
            fault = fault or f"more than {self.limits.cpu:g} s"
        if memory > self.limits.memory or asked:
            self.close()
        return Ending(value, said, fault, cpu, memory, bool(asked), refused)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
        self.process = None

    def _lost(self, fault: str, cpu: float) -> Ending:
        self.close()
        return Ending(None, "", fault, cpu)

    def _start(self) -> None:
        self.pipe, theirs = self.context.Pipe()
        self.process = self.context.Process(target=_serve, args=(theirs, self.work, self.limits))  # no daemon: jobs may start processes
        self.process.start()
        theirs.close()


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process and its children that have ended; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _serve(pipe: Any, work: Callable[[Any], Any], limits: Limits) -> None:
    """The child: take jobs from ``pipe`` until the parent is gone."""
    parent, errors, refused, peak = os.getppid(), _redirected(), [], _Peak()
    size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + limits.space, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file, resource.RLIM_INFINITY))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts in the background ignores it otherwise
    if limits.places:
        sys.addaudithook(_watcher(tuple(place.resolve() for place in limits.places), refused))
    while True:
        try:
            while not pipe.poll(1):
                if os.getppid() != parent:
                    return
            job = pipe.recv()
        except EOFError:
            return
        except KeyboardInterrupt:  # meant for a job that has just ended
            continue
        refused.clear()
        peak.reset()
        begun, value, fault = _spent(), None, ""
        try:
            value = work(job)
        except SystemExit as left:
            value = left.code
        except BaseException:  # noqa: BLE001  # what gets through is the finding
            fault = traceback.format_exc()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        said = b""
        with suppress(BlockingIOError):
            said = os.read(errors, MIB)
        pipe.send((value, said.decode("utf-8", "backslashreplace"), fault, tuple(refused), _spent() - begun, peak.read()))


def _redirected() -> int:
    """Standard output leads nowhere, standard error into a pipe that the process itself reads after each job: no file, so no limit of
    files.
    """
    reader, writer = os.pipe()
    with suppress(OSError):
        fcntl(writer, F_SETPIPE_SZ, MIB)
    os.set_blocking(reader, False)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(writer, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, encoding="utf-8", closefd=False) for number in (1, 2))
    return reader


def _watcher(allowed: tuple[Path, ...], refused: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that refuses and notes what leads outside of the folders ``allowed``."""

    def outside(path: Any, folder: Any) -> bool:
        if isinstance(path, int):  # an open file
            return False
        name = os.fsdecode(path)
        if isinstance(folder, int) and folder >= 0:
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
        place = Path(os.path.realpath(name))
        return place != Path(os.devnull) and not any(place.is_relative_to(one) for one in allowed)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        what = ""
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES and outside(arguments[0], None):
            what = f"writes {arguments[0]!r}"
        elif event in CHANGES:
            for path, folder in CHANGES[event]:
                if outside(arguments[path], None if folder is None else arguments[folder]):
                    what = f"{event} {arguments[path]!r}"
        elif event in NETWORK:
            what = f"{event} {arguments[-1]!r}"
        if what:
            refused.append(what)
            raise PermissionError(1, "not in this test", str(arguments[0]))

    return hook


def _spent() -> float:
    """Seconds of processor time of this process and its children."""
    mine, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


class _Peak:
    """The largest resident set, MiB: of this process since ``reset``, or of any child that has ended."""

    def __init__(self) -> None:
        self.forget = os.open("/proc/self/clear_refs", os.O_WRONLY)
        self.status = os.open("/proc/self/status", os.O_RDONLY)

    def reset(self) -> None:
        os.pwrite(self.forget, b"5", 0)

    def read(self) -> float:
        own = os.pread(self.status, 8192, 0).decode("ascii", "replace").split("VmHWM:")[1].split()[0]
        return max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
