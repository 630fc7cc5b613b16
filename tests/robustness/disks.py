"""Disks: every verb that writes, with a disk that is full, read-only or limited (RLIMIT_FSIZE), and /dev/full.

What stood at the output before must be there byte for byte, nothing beside it, one line on standard error, status 1. A disk is a
small tmpfs, where mounting is allowed; otherwise those columns say so and the limit stands alone.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.robustness.child import Child, Limits, Row
from tests.robustness.writers import Writer, content_of, inputs_in, is_run, serving, writers

MOUNT, UNMOUNT = shutil.which("mount") or "/bin/mount", shutil.which("umount") or "/bin/umount"
SIZE = 64 << 20  # bytes of the small disk
DEVICES = (  # calls whose standard output, or output, is /dev/full; their status
    ("inspect tune.mid", 1),
    ("data list", 1),
    ("render tune.mid --svg --force", 1),
    ("render tune.mid -o /dev/full --force", 2),
    ("inspect made --json", 1),
    ("inspect corpus", 1),
    ("runs made", 1),
    ("prepare songs -o corpus --workers 1 --force --json", 1),
    ("generate --model made --bars 1 -o full.mid --force", 1),
    ("generate --model made --bars 1 -o /dev/full --force", 2),
    ("train corpus --recipe own.toml -o run --force", 1),
    ("export made", 1),
)


def rows(quick: bool = False) -> Iterator[Row]:
    """One a verb. ``quick``: fewer sizes, only over an old output."""
    with tempfile.TemporaryDirectory() as name, serving() as server:
        place = Path(name)
        inputs = inputs_in(place / "in")
        for writer in writers(server):
            yield Faults(writer, inputs, place / "work").row(quick)
        yield _devices(inputs, DEVICES[:4] if quick else DEVICES)


class Faults:
    """One verb, and the folder in which it writes: with its old output ("old"), or without ("none")."""

    def __init__(self, writer: Writer, inputs: Path, work: Path) -> None:
        self.writer, self.inputs, self.work, self.old = writer, inputs, work, work / "old"
        self.wrong, self.tried = list[str](), 0

    def row(self, quick: bool) -> Row:
        """Limits of the largest file that it writes, full disks, a read-only one."""
        skipped = ""
        size = self._written()
        kinds = ("old",) if quick else ("old", "none")
        for share in (0.0, 0.5) if quick else (0.0, 0.1, 0.5, 0.9, 0.999):
            for kind in kinds:
                self._judge(self._fresh(self.work / "quota", kind), f"limit {share:.1%} {kind}", int(share * size))
        for share in (0.0,) if quick else (0.0, 0.5):
            for kind in kinds:
                with disk(self.work / "disk") as mounted:
                    if not mounted:
                        skipped = "; no disks: mounting is not allowed here"
                        continue
                    folder = self._fresh(self.work / "disk" / "d", kind)
                    fill(self.work / "disk", int(share * size))
                    self._judge(folder, f"full {share:.0%} {kind}")
                    (self.work / "disk" / "filler").unlink()
                    if kind == "old" and share == 0:
                        folder = self._fresh(self.work / "disk" / "d", kind)
                        make_read_only(self.work / "disk")
                        self._judge(folder, "read-only")
        good = self.tried - len({w.split(":")[0] for w in self.wrong})
        figure = f"{good} of {self.tried} as wanted{skipped}"
        return Row(f"disk faults: {self.writer.name}", "; ".join([figure, *self.wrong[:3]]), not self.wrong and self.tried > 0)

    def _written(self) -> int:
        """Let the verb write without trouble; the bytes of the largest file."""
        shutil.rmtree(self.old, ignore_errors=True)
        self.old.mkdir(parents=True)
        if self.writer.name == "export":
            shutil.copytree(self.inputs / "made", self.old / "made")
        status, said = self._run(self.old / self.writer.output)
        if status:
            raise SystemExit(f"{self.writer.name}: status {status}: {said}")
        written = self.old / self.writer.output
        return max(p.stat().st_size for p in ([written] if written.is_file() else written.rglob("*")) if p.is_file())

    def _fresh(self, folder: Path, kind: str) -> Path:
        """A folder as it was before the call."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.old, folder)
        if kind == "none":
            target = folder / self.writer.output
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        return folder

    def _run(self, out: Path, limit: int = resource.RLIM_INFINITY) -> tuple[object, str]:
        """Status and standard error of the call in a forked process: what is imported already need not be again."""
        with Child(lambda out: self.writer.run(self.inputs, out), Limits(cpu=60, memory=4096, file=limit)) as child:
            ending = child.do(out)
        return (ending.fault, "") if ending.fault else (ending.value, ending.said)

    def _judge(self, folder: Path, name: str, limit: int = resource.RLIM_INFINITY) -> None:
        """Note what was not as it should be."""
        writer, before = self.writer, content_of(folder)
        status, said = self._run(folder / writer.output, limit)
        after, wrong = content_of(folder), []
        lines = [line for line in said.splitlines() if not (writer.saves and line.endswith("; the run goes on and tries again"))]
        if status != 1 or len(lines) != 1 or not lines[0].startswith("melody: ") or "Traceback" in said:
            wrong.append(f"status {status}, said {said.strip()[-120:]!r}")
        same = slice(1) if writer.each else slice(2)  # the bytes alone, or the very same file
        lost = [path for path, facts in before.items() if after.get(path, ())[same] != facts[same]]
        known = content_of(self.old) if writer.each else {}
        more = [p for p in after if p not in before and not (writer.parts and ".part" in p) and known.get(p, ())[:1] != after[p][:1]]
        if not (writer.saves and (lost or more) and is_run(folder / writer.output)):
            wrong += [f"changed {lost[:3]}"] if lost else []
            wrong += [f"left {more[:3]}"] if more else []
        self.tried += 1
        self.wrong += [f"{name}: {w}" for w in wrong]


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """A small disk in memory at ``folder``; False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [MOUNT, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run([UNMOUNT, "-l", str(folder)], check=False)


def make_read_only(folder: Path) -> None:
    """Remount a disk; what a process that was killed just now had open may keep it busy for a moment."""
    for _ in range(100):
        if subprocess.run([MOUNT, "-o", "remount,ro", str(folder)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise SystemExit(f"{folder}: stays busy and cannot be made read-only")


def fill(folder: Path, spare: int) -> None:
    """Fill a disk up to some bytes."""
    facts = os.statvfs(folder)
    size = facts.f_bavail * facts.f_frsize - spare
    with open(folder / "filler", "wb", buffering=0) as file, suppress(OSError):
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 16)))


def _devices(inputs: Path, calls: tuple[tuple[str, int], ...]) -> Row:
    """Standard output on /dev/full, and /dev/full as the file to write."""
    wrong = []
    for call, status in calls:
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-m", "melody", *call.split()]
            done = subprocess.run(command, cwd=inputs, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        last = done.stderr.strip().rsplit("\n", 1)[-1]
        if done.returncode != status or "Traceback" in done.stderr or not last.startswith("melody: "):
            wrong.append(f"{call[:60]}: status {done.returncode}, said {done.stderr.strip()[-120:]!r}")
    figure = f"{len(calls) - len(wrong)} of {len(calls)} as wanted"
    return Row("standard output, or the output, on /dev/full", "; ".join([figure, *wrong]), not wrong)
