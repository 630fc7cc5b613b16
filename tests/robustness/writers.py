"""The verbs that write, as disks.py calls them: their inputs, what they leave when all is well, and a server for the download."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from melody import bundle, midi
from melody.cli import main
from melody.cli.guard import guarded
from melody.corpus import Corpus
from melody.data import Collection, Rules, fetch
from melody.edit import cut
from melody.errors import MelodyError
from tests.robustness.bundles import made
from tests.robustness.corpora import collection

HEAVY = (
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.figure", "melody.cli.evaluate", "melody.cli.train",
    "melody.compose", "melody.evaluation.surprise", "melody.render", "melody.render.page_evaluate", "melody.render.page_surprise",
    "melody.training.loop", "pretty_midi", "rich.progress", "rich.table", "torch._dynamo",
)  # fmt: skip  # imported before the forks, once for all of them
RECIPE = 'base = "tiny"\n[train]\nsteps = 4\nbatch = 4\nchunk = 40\nprecision = "fp32"\nthreads = 1\nvalidate_every = 2\nsave_every = 2\n'
CONTENT = hashlib.sha256(b"content").digest() * 10_000


@dataclass(frozen=True)
class Writer:
    """A call that writes. ``run`` gets the folder with its inputs and the output, and returns the status."""

    name: str
    output: str
    run: Callable[[Path, Path], int]
    parts: bool = False  # it may leave a part that the next call goes on from
    saves: bool = False  # it goes on as long as it can, and what it could save before is whole
    each: bool = False  # what it had finished before stays; with the same seeds that is what stood there


def verb(name: str, output: str, words: str, **more: bool) -> Writer:
    """A call of the command line; IN and OUT stand for the inputs and the output."""

    def run(inputs: Path, out: Path) -> int:
        os.chdir(out.parent.parent if name == "export" else out.parent)
        return main([a.replace("IN", str(inputs)).replace("OUT", str(out)) for a in words.split()])

    return Writer(name, output, run, **more)


def writers(server: str) -> list[Writer]:
    """All of them."""
    model, write = "--model IN/made --seed 1", "-o OUT --force --quiet"
    surprise, train = "evaluate IN/made --surprise IN/tune.mid", "--recipe IN/own.toml --sample-bars 0"
    facts = dict.fromkeys(("title", "what", "spdx", "share", "reason", "clock", "prepare", "credit", "licence"), "x")
    facts |= {"name": "songs", "address": "https://example.org/", "archive": "songs.zip", "url": server + "/songs.zip"}
    row = Collection(**facts, files=1, notes=1, hours=1.0, bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
    rules = Rules(timeout=10, min_bytes=1000, pause=0.01, local=True)

    def fetched(inputs: Path, out: Path) -> int:
        return guarded(lambda: fetch(row, out.parent, force=True, rules=rules) and None)

    return [
        verb("generate", "a.mid", f"generate --bars 2 {model} {write}"),
        verb("generate -n 3", "pieces", f"generate --bars 2 -n 3 {model} {write}", each=True),
        verb("continue", "a.mid", f"continue IN/tune.mid --bars 2 {model} {write}"),
        verb("accompany", "a.mid", f"accompany IN/tune.mid {model} {write}"),
        verb("infill", "a.mid", f"infill IN/tune.mid --from-bar 1 --to-bar 2 {model} {write}"),
        verb("prepare", "corpus", f"prepare IN/songs --workers 1 {write}"),
        verb("train", "run", f"train IN/corpus {train} {write}", saves=True),
        verb("train MIDI", "run", f"train IN/songs {train} {write}", saves=True),
        verb("evaluate", "a.html", f"evaluate IN/made IN/corpus --split train --notes 100 --samples 0 {write}"),
        verb("evaluate --surprise", "a.html", f"{surprise} {write}"),
        verb("evaluate --surprise .svg", "a.svg", f"{surprise} {write}"),
        verb("evaluate --surprise .png", "a.png", f"{surprise} {write}"),
        verb("render --png", "a.png", f"render IN/tune.mid {write}"),
        verb("render --svg", "a.svg", f"render IN/tune.mid {write}"),
        verb("render --wav", "a.wav", f"render IN/tune.mid {write}"),
        verb("render --opus", "a.opus", f"render IN/tune.mid {write}"),
        verb("export", "made/runtime.safetensors", "export made --quiet"),
        Writer("data fetch", "songs.zip", fetched, parts=True),
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


def content_of(folder: Path) -> dict[str, tuple[str, ...]]:
    """Every file below a folder: its digest, and which file it is; folders too."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.rglob("*")):
        facts, name = path.stat(), str(path.relative_to(folder))
        mark = f"{facts.st_ino} {facts.st_mtime_ns}"
        found[name] = ("folder",) if path.is_dir() else (hashlib.sha256(path.read_bytes()).hexdigest(), mark)
    return found


def is_run(folder: Path) -> bool:
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


@contextmanager
def serving() -> Iterator[str]:
    """A server on this machine that has one file."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(CONTENT)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
