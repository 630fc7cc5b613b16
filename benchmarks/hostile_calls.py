"""Random command lines: does any of them end in more than status 0, 1 or 2 and one line?

    python benchmarks/hostile_calls.py [--calls 10000] [--seed 0] [--first 0] [--verbs NAME,...] [--json]

Verbs, flags and their types are asked of the command line itself, so that a new flag is tried from its first day. A call takes some flags
of its verb, now and then one twice, one without its value or one that nobody knows, with values that are likely, wrong or hostile: huge,
not a number, empty, control characters, bytes that are not UTF-8, folders, pipes, devices, links to themselves, damaged files, archives.
It runs in a worker process (hostile_pool.py) in a folder that is put in order before each call. A finding is another status (130 for a call
that was legal and long, and was interrupted), more or less than one line where the status is not 0, a traceback, a process that dies or
does not stop within 10 s of SIGINT, 4 GiB of memory, a file or folder changed elsewhere, a look at the network of another verb than
``data``, a ".part" that stays behind. The same seed and number give the same call.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import stat
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile_files import model
from hostile_pool import Caller, Ending
from hostile_values import LIKELY, NUMBERS, PLACES, TEXTS
from machine import machine

SECONDS = 8.0  # of processor time, from which on a call is long


@dataclass(frozen=True)
class Word:
    """A flag or an argument of a verb."""

    names: tuple[str, ...]
    takes: bool  # a value
    needed: bool


@dataclass
class Tally:
    """What a run found."""

    seed: int
    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    stopped: int = 0  # legal and long
    slowest_stop: float = 0.0
    memory: float = 0.0  # MiB
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


def words() -> dict[tuple[str, ...], list[Word]]:
    """Every verb, and what it takes, as the command line itself has it."""
    from melody.cli import build_app

    found = {}
    app = build_app()
    for verb in app:
        if verb.startswith("-"):
            continue
        below = [name for name in app[verb] if not name.startswith("-")]
        for path in [(verb, name) for name in below] or [(verb,)]:
            last: Any = app[path[0]] if len(path) == 1 else app[path[0]][path[1]]
            found[path] = [
                Word(tuple(n for n in one.names if not n.startswith("--no-")), one.token_count()[0] > 0, bool(one.required))
                for one in last.assemble_argument_collection()
                if one.names != ("*",)
            ]
    return found


def value(rng: random.Random, name: str) -> str:
    """A value for a flag, likely or not."""
    if name in LIKELY and rng.random() < 0.5:
        return rng.choice(LIKELY[name])
    return rng.choice(rng.choice((NUMBERS, TEXTS, PLACES)))


def line(seed: int, index: int, known: dict[tuple[str, ...], list[Word]], only: frozenset[str]) -> list[str]:
    """Call number ``index`` of a seed."""
    rng = random.Random(f"{seed} {index}")  # noqa: S311  # nothing secret
    if not only and rng.random() < 0.02:  # no verb at all
        return [rng.choice((*TEXTS, *PLACES, *NUMBERS)) for _ in range(rng.randrange(4))]
    path = rng.choice(sorted(p for p in known if not only or p[0] in only))
    positional = [w for w in known[path] if not w.names[0].startswith("-")]
    flags = [w for w in known[path] if w.names[0].startswith("-")]
    out: list[str] = []
    for word in positional:
        if word.needed or rng.random() < 0.5 or rng.random() < 0.95 and word.names[0] != "CORPUS":
            name = word.names[0]
            out.append(
                rng.choice(LIKELY[name]) if name in LIKELY and rng.random() < (0.1 if name == "NAME" else 0.75) else value(rng, name)
            )
    chosen = [w for w in flags if w.needed and rng.random() < 0.97]
    chosen += [w for w in flags if w.names[0] in ("--model", "--from-bar", "--to-bar", "--recipe", "--steps") and rng.random() < 0.9]
    tame = len(chosen)
    chosen += rng.choices(flags, k=rng.choice((0, 1, 1, 2, 2, 3, 5)))
    for place, word in enumerate(chosen):
        name = rng.choice(word.names)
        worth = (
            rng.choice(LIKELY[word.names[0]])
            if place < tame and word.names[0] in LIKELY and rng.random() < 0.9
            else value(rng, word.names[0])
        )
        if rng.random() < 0.1 and name.startswith("--"):
            out.append(f"{name}={worth}")
        else:
            out += [name, *[worth] * (word.takes and rng.random() < 0.98)]
    if rng.random() < 0.04:
        out.insert(rng.randrange(len(out) + 1), rng.choice(TEXTS))
    return [*path, *out]


class Folder:
    """What calls find where they run; put in order again after a call that changed it."""

    def __init__(self, place: Path, bundle: Path) -> None:
        self.place, self.here = place, place / "a" / "b"  # so that ".." is still inside
        self.contents = contents(bundle)
        place.mkdir(parents=True)
        self.state: dict[str, tuple[int, ...]] = {}

    def order(self) -> bool:
        """Put everything in its place; whether an unfinished file lay there."""
        now = self._look()
        left = any(name.endswith(".part") for name in now)
        if now != self.state or not now:
            for path in self.place.iterdir():
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
                    shutil.rmtree(path)
                else:
                    path.unlink()
            self._write()
            self.state = self._look()
        return left

    def _write(self) -> None:
        self.here.mkdir(parents=True)
        for name, data in self.contents.items():
            path = self.here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for name in ("folder", "folder.mid"):
            (self.here / name).mkdir()
        for name, target in (("loop.mid", "loop.mid"), ("dangling.mid", "nowhere.mid"), ("again", ".")):
            (self.here / name).symlink_to(target)
        os.mkfifo(self.here / "pipe.mid")

    def _look(self) -> dict[str, tuple[int, ...]]:
        found = {}
        for top, folders, files in os.walk(self.place):
            for name in (*folders, *files):
                facts = os.lstat(os.path.join(top, name))
                times = () if stat.S_ISDIR(facts.st_mode) else (facts.st_size, facts.st_mtime_ns)
                found[os.path.join(top, name)] = (facts.st_ino, facts.st_mode, *times)
        return found


def contents(bundle: Path) -> dict[str, bytes]:
    """Names and bytes of the files that calls find."""
    import fuzz_midi

    from melody.corpus.prepare import PrepareConfig, prepare

    maker = fuzz_midi.Maker(random.Random("calls"))  # noqa: S311  # nothing secret
    maker.wild = 0.0
    songs = [maker.file() for _ in range(6)]
    files = {f"model/{p.name}": p.read_bytes() for p in bundle.iterdir()}
    files |= {f"songs/{k % 2 and 'one' or 'two'}/{k}.mid": data for k, data in enumerate(songs)}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        prepare([Path(folder, "songs")], Path(folder, "corpus"), PrepareConfig(workers=1))
        files |= {f"corpus/{p.name}": p.read_bytes() for p in Path(folder, "corpus").iterdir()}
    weights = bytearray(files["model/model.safetensors"])
    weights[-1] ^= 1
    return files | {
        "broken/bundle.json": files["model/bundle.json"],
        "broken/model.safetensors": bytes(weights),
        "lies/bundle.json": b'{"format": 1e999, "sha256": null}',
        "tune.mid": songs[0],
        "cut.mid": songs[0][: len(songs[0]) // 2],
        "empty.mid": b"",
        "text.mid": b"not music",
        "taken.mid": b"precious",
        "good.zip": fuzz_midi.zipped(songs[1]),
        "bomb.zip": fuzz_midi.zipped(bytes(8 << 20)),
        "recipe.toml": b"[train]\nsteps = 1\n",
        "bad.toml": b"[train]\nsteps = nan\n[[",
        "x.style": b"{}",
        os.fsdecode(b"bytes\xff.mid"): songs[2],
        "-dash.mid": songs[2],
    }


def run(calls: int, seed: int, first: int, only: frozenset[str], scratch: Path) -> Tally:
    """Make so many calls."""
    known, tally = words(), Tally(seed)
    if only - {path[0] for path in known}:
        raise SystemExit(f"unknown verbs: {', '.join(only - {path[0] for path in known})}")
    folder = Folder(scratch / "work", model(scratch / "model"))
    folder.order()
    begun = time.monotonic()
    with Caller(folder.place, folder.here, SECONDS, memory=4096, long_is_a_fault=False) as caller:
        for index in range(first, first + calls):
            ending = caller.call(line(seed, index, known, only))
            left = folder.order()
            note(tally, index, ending, left)
    tally.seconds = time.monotonic() - begun
    return tally


def note(tally: Tally, index: int, ending: Ending, left: bool) -> None:
    """Count a call; ``left``: it left an unfinished file."""
    tally.calls += 1
    tally.statuses[ending.status] += 1
    tally.stopped += ending.stopped
    tally.memory = max(tally.memory, ending.memory)
    if ending.fault or left:
        fault = " ".join((ending.fault or "an unfinished file stayed behind").split())[-500:]
        tally.findings.append(f"{index}: {json.dumps(ending.arguments)[:400]}: {fault}")
        print(tally.findings[-1], file=sys.stderr, flush=True)


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbs", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tally = run(options.calls, options.seed, options.first, frozenset(filter(None, options.verbs.split(","))), Path(scratch))
    if options.json:
        print(json.dumps(vars(tally)))
    else:
        print(machine("cyclopts", "torch"))
        print("| calls | a second | status 0 | 1 | 2 | long, stopped | memory, MiB | findings |\n|---|---|---|---|---|---|---|---|")
        said = [f"{tally.statuses[k]:,}" for k in (0, 1, 2)]
        rate = f"{tally.calls / tally.seconds:.1f}"
        print(f"| {tally.calls:,} | {rate} | {' | '.join(said)} | {tally.stopped} | {tally.memory:.0f} | {len(tally.findings)} |")
    sys.exit(bool(tally.findings))


if __name__ == "__main__":
    main()
