"""Random command lines: does any of them end in more than status 0, 1 or 2 and one line?

Verbs, flags and their types are asked of the command line itself, so that a new flag is tried from its first day. A call takes some
flags of its verb, now and then one twice, one without its value or one that nobody knows, with values that are likely, wrong or
hostile: huge, not a number, empty, control characters, bytes that are not UTF-8, folders, pipes, devices, links to themselves,
damaged files, archives. It runs in a folder that is put in order before each call. A finding is what breaks the rules of
commands.py (a long call is legal, where it ends within 10 s of SIGINT), 4 GiB of memory, or a ".part" that stays behind. The same
seed and number give the same call.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robustness import random_midi
from tests.robustness.call_values import LIKELY, NUMBERS, PLACES, TEXTS
from tests.robustness.child import Limits, Row
from tests.robustness.commands import command_line, judged
from tests.robustness.midi_files import model

LIMITS = Limits(cpu=8.0, memory=4096)  # seconds from which on a call is long


@dataclass(frozen=True)
class Word:
    """A flag or an argument of a verb."""

    names: tuple[str, ...]
    takes: bool  # a value
    needed: bool


def rows(calls: int = 10_000, seed: int = 1, first: int = 0, verbs: str = "") -> Iterator[Row]:
    """Calls number ``first`` on, of all verbs or some (separated by commas)."""
    known, only = words(), frozenset(filter(None, verbs.split(",")))
    if only - {path[0] for path in known}:
        raise SystemExit(f"unknown verbs: {', '.join(only - {path[0] for path in known})}")
    statuses, stopped, memory, findings = Counter[Any](), 0, 0.0, list[str]()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Folder(Path(scratch, "work"), model(Path(scratch, "model")))
        folder.order()
        with command_line(folder.place, folder.here, LIMITS) as child:
            for index in range(first, first + calls):
                arguments = line(seed, index, known, only)
                ending = child.do(arguments)
                left = "an unfinished file stayed behind" if folder.order() else ""
                statuses[ending.value] += 1
                stopped, memory = stopped + ending.stopped, max(memory, ending.memory)
                if fault := judged(ending, arguments, long_is_a_fault=False) or left:
                    findings.append(f"{index}: {json.dumps(arguments)[:400]}: {fault}")
    said = ", ".join(f"{statuses[k]:,} with {k}" for k in (0, 1, 2))
    figure = f"{calls:,} calls: {said}; {stopped} long and stopped, {memory:.0f} MiB, {len(findings)} findings"
    yield Row("random command lines", "; ".join([figure, *findings[:5]]), not findings and calls > 0)


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
                Word(tuple(n for n in one.names if not n.startswith("--no-")) or one.names, one.token_count()[0] > 0, bool(one.required))
                for one in last.assemble_argument_collection()
                if one.names != ("*",)
            ]
    return found


def value(rng: random.Random, name: str, tame: float) -> str:
    """A value for a flag or an argument: a likely one with probability ``tame``, else likely or not."""
    if name in LIKELY and (rng.random() < tame or rng.random() < 0.5):
        return rng.choice(LIKELY[name])
    return rng.choice(rng.choice((NUMBERS, TEXTS, PLACES)))


def line(seed: int, index: int, known: dict[tuple[str, ...], list[Word]], only: frozenset[str]) -> list[str]:
    """Call number ``index`` of a seed."""
    rng = random.Random(f"{seed} {index}")
    if not only and rng.random() < 0.02:  # no verb at all
        return [rng.choice((*TEXTS, *PLACES, *NUMBERS)) for _ in range(rng.randrange(4))]
    path = rng.choice(sorted(p for p in known if not only or p[0] in only))
    positional = [w for w in known[path] if not w.names[0].startswith("-")]
    flags = [w for w in known[path] if w.names[0].startswith("-")]
    out = [
        value(rng, word.names[0], 0.1 if word.names[0] == "NAME" else 0.75)
        for word in positional
        if word.needed or rng.random() < 0.5 or rng.random() < 0.95 and word.names[0] != "CORPUS"
    ]
    chosen = [w for w in flags if w.needed and rng.random() < 0.97]
    chosen += [w for w in flags if w.names[0] in ("--model", "--from-bar", "--to-bar", "--recipe", "--steps") and rng.random() < 0.9]
    tame = len(chosen)
    chosen += rng.choices(flags, k=rng.choice((0, 1, 1, 2, 2, 3, 5)))
    for place, word in enumerate(chosen):
        name = rng.choice(word.names)
        worth = value(rng, word.names[0], 0.9 if place < tame else 0.0)
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
    from melody.corpus.prepare import PrepareConfig, prepare

    maker = random_midi.Maker(random.Random("calls"))
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
        "good.zip": random_midi.zipped(songs[1]),
        "bomb.zip": random_midi.zipped(bytes(8 << 20)),
        "recipe.toml": b"[train]\nsteps = 1\n",
        "bad.toml": b"[train]\nsteps = nan\n[[",
        "x.style": b"{}",
        os.fsdecode(b"bytes\xff.mid"): songs[2],
        "-dash.mid": songs[2],
    }
