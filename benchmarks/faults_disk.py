"""Rows about disks: every verb that writes, with a disk that is full, read-only or limited (RLIMIT_FSIZE), and /dev/full.

What stood at the output before must be there byte for byte, nothing beside it, one line on standard error, status 1. A disk
is a small tmpfs, where mounting is allowed; otherwise those columns say so and the limit stands alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from faults_bundles import made
from faults_places import CONTENT, MOUNT, disk, fill, serving
from faults_prepare import collection
from faults_run import PATIENCE, Row

from melody import bundle, midi
from melody.cli import main
from melody.cli.guard import guarded
from melody.corpus import Corpus
from melody.data import Collection, Rules, fetch
from melody.edit import cut
from melody.errors import MelodyError

HEAVY = (
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.figure", "melody.cli.evaluate", "melody.cli.train",
    "melody.compose", "melody.evaluation.surprise", "melody.render", "melody.render.page_evaluate", "melody.render.page_surprise",
    "melody.training.loop", "pretty_midi", "rich.progress", "rich.table", "torch._dynamo",
)  # fmt: skip  # imported before the forks, once for all of them
ALL = resource.RLIM_INFINITY
RECIPE = 'base = "tiny"\n[train]\nsteps = 4\nbatch = 4\nchunk = 40\nprecision = "fp32"\nthreads = 1\nvalidate_every = 2\nsave_every = 2\n'


@dataclass(frozen=True)
class Verb:
    """A call that writes. ``run`` gets the folder with its inputs and the output, and returns the status."""

    name: str
    output: str
    run: Callable[[Path, Path], int]
    parts: bool = False  # it may leave a part that the next call goes on from
    saves: bool = False  # it goes on as long as it can, and what it could save before is whole
    each: bool = False  # what it had finished before stays; with the same seeds that is what stood there


def verb(name: str, output: str, *arguments: str, **more: bool) -> Verb:
    """A call of the command line; IN and OUT stand for the inputs and the output."""

    def run(inputs: Path, out: Path) -> int:
        return main([a.replace("IN", str(inputs)).replace("OUT", str(out)) for a in arguments])

    return Verb(name, output, run, **more)


def verbs(server: str) -> list[Verb]:
    """All of them."""
    model, write = ("--model", "IN/made", "--seed", "1"), ("-o", "OUT", "--force", "--quiet")
    facts = dict.fromkeys(("title", "what", "spdx", "share", "reason", "clock", "prepare", "credit", "licence"), "x")
    facts |= {"name": "songs", "address": "https://example.org/", "archive": "songs.zip", "url": server + "/songs.zip"}
    row = Collection(**facts, files=1, notes=1, hours=1.0, bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    rules = Rules(timeout=10, least=1000, pause=0.01, local=True)

    def fetched(inputs: Path, out: Path) -> int:
        return guarded(lambda: fetch(row, out.parent, force=True, rules=rules) and None)

    few = ("--split", "train", "--notes", "100", "--samples", "0")
    return [
        verb("generate", "a.mid", "generate", "--bars", "2", *model, *write),
        verb("generate -n 3", "pieces", "generate", "--bars", "2", "-n", "3", *model, *write, each=True),
        verb("continue", "a.mid", "continue", "IN/tune.mid", "--bars", "2", *model, *write),
        verb("accompany", "a.mid", "accompany", "IN/tune.mid", *model, *write),
        verb("infill", "a.mid", "infill", "IN/tune.mid", "--from-bar", "1", "--to-bar", "2", *model, *write),
        verb("prepare", "corpus", "prepare", "IN/songs", "--workers", "1", *write),
        verb("train", "run", "train", "IN/corpus", "--recipe", "IN/own.toml", "--sample-bars", "0", *write, saves=True),
        verb("train MIDI", "run", "train", "IN/songs", "--recipe", "IN/own.toml", "--sample-bars", "0", *write, saves=True),
        verb("evaluate", "a.html", "evaluate", "IN/made", "IN/corpus", *few, *write),
        verb("evaluate --surprise", "a.html", "evaluate", "IN/made", "--surprise", "IN/tune.mid", *write),
        verb("evaluate --surprise .svg", "a.svg", "evaluate", "IN/made", "--surprise", "IN/tune.mid", *write),
        verb("evaluate --surprise .png", "a.png", "evaluate", "IN/made", "--surprise", "IN/tune.mid", *write),
        verb("render --png", "a.png", "render", "IN/tune.mid", *write),
        verb("render --svg", "a.svg", "render", "IN/tune.mid", *write),
        verb("render --wav", "a.wav", "render", "IN/tune.mid", *write),
        verb("export", "made/runtime.safetensors", "export", "made", "--quiet"),
        Verb("data fetch", "songs.zip", fetched, parts=True),
    ]


def inputs_in(folder: Path) -> Path:
    """What the verbs read."""
    for name in HEAVY:
        import_module(name)
    folder.mkdir()
    made(folder / "made")
    songs = collection(folder / "songs", 6, 200)
    midi.write(cut(midi.read(songs / "one" / "0.mid"), 0, 8 * 480), folder / "tune.mid")
    (folder / "own.toml").write_text(RECIPE)
    if main(["prepare", str(songs), "-o", str(folder / "corpus"), "--workers", "1", "--quiet"]):
        raise SystemExit("the corpus could not be made")
    return folder


def rows(quick: bool) -> Iterator[Row]:
    """One a verb."""
    with tempfile.TemporaryDirectory() as name, serving() as server:
        place = Path(name)
        inputs = inputs_in(place / "in")
        for one in verbs(server):
            yield _row(one, inputs, place / "work", quick)
        yield _devices(inputs, quick)


def _row(one: Verb, inputs: Path, work: Path, quick: bool) -> Row:
    old, size = _old(one, inputs, work / "old")
    wrong, tried, skipped = [], 0, ""
    kinds = ("old",) if quick else ("old", "none")
    for share in (0.0, 0.5) if quick else (0.0, 0.1, 0.5, 0.9, 0.999):
        for kind in kinds:
            folder = _fresh(work / "quota", old, one, kind)
            wrong += _judged(one, inputs, old, folder, f"limit {share:.1%} {kind}", int(share * size))
            tried += 1
    for share in (0.0,) if quick else (0.0, 0.5):
        for kind in kinds:
            with disk(work / "disk") as mounted:
                if not mounted:
                    skipped = "; no disks: mounting is not allowed here"
                    continue
                folder = _fresh(work / "disk" / "d", old, one, kind)
                fill(work / "disk", int(share * size))
                wrong += _judged(one, inputs, old, folder, f"full {share:.0%} {kind}")
                (work / "disk" / "filler").unlink()
                if kind == "old" and share == 0:
                    folder = _fresh(work / "disk" / "d", old, one, kind)
                    subprocess.run([MOUNT, "-o", "remount,ro", str(work / "disk")], check=True)
                    wrong += _judged(one, inputs, old, folder, "read-only")
                    tried += 1
                tried += 1
    figure = f"{tried - len({w.split(':')[0] for w in wrong})} of {tried} as wanted{skipped}"
    return Row(f"disk faults: {one.name}", "; ".join([figure, *wrong[:3]]), not wrong)


def _old(one: Verb, inputs: Path, folder: Path) -> tuple[Path, int]:
    """A folder in which the verb wrote without trouble, and the bytes of the largest file that it wrote."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if one.name == "export":
        shutil.copytree(inputs / "made", folder / "made")
    status, said = _forked(one, inputs, folder / one.output, ALL)
    if status:
        raise SystemExit(f"{one.name}: status {status}: {said}")
    written = folder / one.output
    files = [p for p in written.rglob("*") if p.is_file()] if written.is_dir() else [written]
    return folder, max(p.stat().st_size for p in files)


def _fresh(folder: Path, old: Path, one: Verb, kind: str) -> Path:
    """A folder as it was before the call: with an old output, or without."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(old, folder)
    if kind == "none":
        target = folder / one.output
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    return folder


def _judged(one: Verb, inputs: Path, old: Path, folder: Path, name: str, limit: int = ALL) -> list[str]:
    """What was not as it should be, each with the name of the case. ``old``: where the verb wrote without trouble."""
    before = _tree(folder)
    status, said = _forked(one, inputs, folder / one.output, limit)
    after = _tree(folder)
    wrong = []
    lines = [line for line in said.splitlines() if not (one.saves and line.endswith("; the run goes on and tries again"))]
    if status != 1 or len(lines) != 1 or not lines[0].startswith("melody: ") or "Traceback" in said:
        wrong.append(f"status {status}, said {said.strip()[-120:]!r}")
    same = slice(1) if one.each else slice(2)  # the bytes alone, or the very same file
    lost = [path for path, facts in before.items() if after.get(path, ())[same] != facts[same]]
    known = _tree(old) if one.each else {}
    more = [p for p in after if p not in before and not (one.parts and ".part" in p) and known.get(p, ())[:1] != after[p][:1]]
    if not (one.saves and (lost or more) and _is_run(folder / one.output)):
        wrong += [f"changed {lost[:3]}"] if lost else []
        wrong += [f"left {more[:3]}"] if more else []
    return [f"{name}: {w}" for w in wrong]


def _is_run(folder: Path) -> bool:
    """Whether a folder holds a whole run, or the beginning of one, and nothing half-written."""
    try:
        if os.listdir(folder) == ["corpus"]:  # prepared, and nothing trained
            return Corpus(folder / "corpus").verify()
        bundle.load_model(bundle.read(folder))
        known = json.loads((folder / "resume.json").read_bytes())["sha256"] if (folder / "resume.json").exists() else ""
        states = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("resume-*.pt")}
    except (MelodyError, ValueError, KeyError):
        return False
    return not list(folder.rglob(".*")) and (not known or known in states.values())


def _forked(one: Verb, inputs: Path, out: Path, limit: int) -> tuple[int, str]:
    """Status and standard error of the call in a forked process: what is imported already need not be again."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 70
        try:
            os.dup2(writer, 2)
            sys.stdout, sys.stderr = open(os.devnull, "w"), os.fdopen(writer, "w", buffering=1)  # noqa: SIM115  # until the process ends
            os.chdir(out.parent.parent if one.name == "export" else out.parent)
            if hasattr(sys.modules["__main__"], "__file__"):
                del sys.modules["__main__"].__file__  # workers that prepare starts would import this script
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            signal.alarm(int(PATIENCE))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            status = one.run(inputs, out)
        except BaseException:  # noqa: BLE001  # whatever it is, it must not come back into the parent's code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as file:
        said = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _tree(folder: Path) -> dict[str, tuple[str, ...]]:
    """Every file below a folder: its digest, and which file it is; folders too."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.rglob("*")):
        facts, name = path.stat(), str(path.relative_to(folder))
        mark = f"{facts.st_ino} {facts.st_mtime_ns}"
        found[name] = ("folder",) if path.is_dir() else (hashlib.sha256(path.read_bytes()).hexdigest(), mark)
    return found


def _devices(inputs: Path, quick: bool) -> Row:
    """Standard output on /dev/full, and /dev/full as the file to write."""
    calls: list[tuple[Sequence[str], int]] = [
        (("inspect", "tune.mid"), 1),
        (("data", "list"), 1),
        (("render", "tune.mid", "--svg", "--force"), 1),
        (("render", "tune.mid", "-o", "/dev/full", "--force"), 2),
    ]
    if not quick:
        calls += [
            (("inspect", "made", "--json"), 1),
            (("inspect", "corpus"), 1),
            (("runs", "made"), 1),
            (("prepare", "songs", "-o", "corpus", "--workers", "1", "--force", "--json"), 1),
            (("generate", "--model", "made", "--bars", "1", "-o", "full.mid", "--force"), 1),
            (("generate", "--model", "made", "--bars", "1", "-o", "/dev/full", "--force"), 2),
            (("train", "corpus", "--recipe", "own.toml", "-o", "run", "--force"), 1),
            (("export", "made"), 1),
        ]
    wrong = []
    for call, status in calls:
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-m", "melody", *call]
            done = subprocess.run(command, cwd=inputs, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        last = done.stderr.strip().rsplit("\n", 1)[-1]
        if done.returncode != status or "Traceback" in done.stderr or not last.startswith("melody: "):
            wrong.append(f"{' '.join(call)[:60]}: status {done.returncode}, said {done.stderr.strip()[-120:]!r}")
    return Row(
        "standard output, or the output, on /dev/full",
        "; ".join([f"{len(calls) - len(wrong)} of {len(calls)} as wanted", *wrong]),
        not wrong,
    )
