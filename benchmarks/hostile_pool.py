"""The command line called in a process that may be lost: limits of processor time and memory, and one folder to write to.

``Caller.call(arguments)`` runs ``melody.cli.main(arguments)`` in a worker and says how that ended. The worker lives on, since a start
takes a second; one that dies, or does not stop when it is asked to, is replaced. An audit hook of the worker sees every file that is
opened to write, made, renamed or removed outside of its folder, and every look at the network; both are refused, and told as a fault.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing as mp
import os
import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

MIB = 1 << 20
GRACE = 10.0  # seconds from a SIGINT to the end
ADDRESSES = 16 << 30  # bytes of address space: torch and ONNX Runtime reserve some of it and use little
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
class Ending:
    """How a call ended. ``fault``: what the rules forbid, or ""."""

    arguments: tuple[str, ...]
    status: int
    said: str  # standard error
    fault: str
    cpu: float  # seconds of processor time, children included
    memory: float  # MiB of resident set, at the most
    stopped: bool = False  # it was legal and long, and ended when it was interrupted


def against_the_rules(status: int, said: str, stopped: bool) -> str:
    """Status 0, 1 or 2 (130 when stopped); one line where it is not 0, but for what a training run told before; no traceback."""
    if status not in (0, 1, 2) and not (stopped and status == 130):
        return f"status {status}"
    if "Traceback (most recent call last)" in said or "a fault of melody itself" in said:
        return "a traceback: " + " ".join(said.split())[-300:]
    lines = said.splitlines()
    messages = [line for line in lines if line.startswith("melody: ")]
    if stopped and not messages:  # a run that was saved says so as its result
        return ""
    if status and (len(messages) != 1 or lines[-1] != messages[0]):
        return f"{len(messages)} messages in {len(lines)} lines: {said[-300:]!r}"
    if any(not c.isprintable() for line in lines for c in line):
        return f"control characters: {said[-300:]!r}"
    return ""


class Caller:
    """A worker, and the one that waits for it.

    ``folder``: all that may be written to; ``here``, in it: where calls run. ``cpu``: seconds of processor time that a call may take
    before it is interrupted.
    """

    def __init__(self, folder: Path, here: Path, cpu: float, memory: float = 1536, long_is_a_fault: bool = True) -> None:
        self.folder, self.here, self.cpu, self.memory, self.long_is_a_fault = folder, here, cpu, memory, long_is_a_fault
        self.process: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, arguments: list[str]) -> Ending:
        """Run one command line to its end, however that comes."""
        if self.process is None or not self.process.is_alive():
            self._start()
        self.pipe.send(arguments)
        begun, asked, before = time.monotonic(), 0.0, cpu_of(self.process.pid)
        while not self.pipe.poll(0.1):
            now = time.monotonic()
            used = cpu_of(self.process.pid) - before
            if not self.process.is_alive():
                return self._lost(arguments, f"the process died ({self.process.exitcode})", used)
            if not asked and (used > self.cpu or now - begun > 10 * self.cpu):
                asked = now
                os.kill(self.process.pid, signal.SIGINT)
            elif asked and now - asked > GRACE:
                return self._lost(arguments, f"did not stop within {GRACE:g} s of SIGINT", used)
        try:
            found = self.pipe.recv()
        except EOFError:
            self.process.join(GRACE)
            return self._lost(arguments, f"the process died ({self.process.exitcode})", 0.0)
        status, said, fault, cpu, memory = found
        fault = fault or against_the_rules(status, said, bool(asked))
        if asked and self.long_is_a_fault:
            fault = fault or f"more than {self.cpu:g} s"
        if memory > self.memory:
            fault = fault or f"{memory:.0f} MiB"
        if memory > self.memory or asked:
            self.close()
        return Ending(tuple(arguments), status, said, fault, cpu, memory, bool(asked))

    def close(self) -> None:
        """End the worker."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process = None

    def _lost(self, arguments: list[str], fault: str, cpu: float) -> Ending:
        self.close()
        return Ending(tuple(arguments), -1, "", fault, cpu, 0.0)

    def _start(self) -> None:
        context = mp.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.folder, self.here))  # not a daemon: prepare starts processes
        self.process.start()
        theirs.close()


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process and its children that have ended; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def serve(pipe: Any, folder: Path, here: Path) -> None:
    """Take command lines from ``pipe`` until it closes."""
    fonts = folder.with_name("matplotlib")  # kept from call to call: to look for fonts takes seconds
    os.environ |= {"HOME": str(here), "TMPDIR": str(here), "MPLCONFIGDIR": str(fonts)}
    os.environ |= {"MELODY_TRACEBACK": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts in the background ignores it otherwise
    out, err = os.memfd_create("out"), os.memfd_create("err")
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    peak = Peak()
    seen: list[str] = []
    sys.addaudithook(watcher((folder.resolve(), fonts.resolve()), seen))
    from melody.cli import main

    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        except KeyboardInterrupt:  # meant for a call that has just ended
            continue
        os.chdir(here)
        for stream in (out, err):
            os.ftruncate(stream, 0)
            os.lseek(stream, 0, os.SEEK_SET)
        seen.clear()
        peak.reset()
        begun, fault, status = spent(), "", -1
        try:
            status = main(arguments)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else -1
        except BaseException:  # noqa: BLE001  # what gets through is the finding
            fault = traceback.format_exc()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        said = os.pread(err, MIB, 0).decode("utf-8", "backslashreplace")
        seen[:] = [what for what in seen if not asked_for(what, arguments)]
        pipe.send((status, said, fault or "; ".join(seen[:3]), spent() - begun, peak.read()))


def asked_for(what: str, arguments: list[str]) -> bool:
    """Whether what the hook saw is what the call said: an absolute place, or a download. It was refused all the same."""
    if what.startswith(NETWORK):
        return "data" in arguments
    return any(word.rpartition("=")[2] in what for word in arguments if word.rpartition("=")[2].startswith("/"))


def watcher(allowed: tuple[Path, ...], seen: list[str]) -> Any:
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
            seen.append(what)
            raise PermissionError(1, "not in this test", str(arguments[0]))

    return hook


def spent() -> float:
    """Seconds of processor time of this process and its children."""
    mine, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


class Peak:
    """The largest resident set of this process since ``reset``, MiB; where the system cannot forget one, since its start."""

    def __init__(self) -> None:
        try:
            self.forget = os.open("/proc/self/clear_refs", os.O_WRONLY)
            self.status = os.open("/proc/self/status", os.O_RDONLY)
        except OSError:
            self.forget = -1

    def reset(self) -> None:
        """Begin anew."""
        if self.forget >= 0:
            os.pwrite(self.forget, b"5", 0)

    def read(self) -> float:
        """The peak, MiB."""
        if self.forget < 0:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        text = os.pread(self.status, 8192, 0).decode("ascii", "replace")
        return int(text.split("VmHWM:")[1].split()[0]) / 1024


def printed(endings: list[Ending]) -> str:
    """What went wrong, a line each."""
    return "\n".join(f"{json.dumps(' '.join(e.arguments))[:200]}: {' '.join(e.fault.split())[-400:]}" for e in endings if e.fault)
