"""How fast is a note? One table, one process for each figure, one thread.

    python benchmarks/speed.py [--model base] [--notes 1000 10000 100000] [--primes 100 1000 2000 10000] [--steps 400] [--rounds 3] [--json]

Figures are processor time (`time.process_time`), so that other work on the machine disturbs them less; what is compared is measured
in turns, `--rounds` times, and medians are compared. Cold starts are wall time and processor time of whole commands.
The model must have a runtime file (`melody export`).

    naive      what one would write first: `nn.LSTM` called step by step with the same weights; all else as in the torch engine
    torch      the torch engine: a loop over cell functions instead of `nn.LSTM`
    onnx       the runtime file
    bare       the same three without heads, masks, recall and sampling: the body alone, one step after the other
    notes/s    notes a second, masks, metre, recall and sampling included
    flat       one stream after so many notes, in turns with others after 1,000, so that the machine is the same for both
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from melody import bundle as bundles
from melody.codec.table import Field, Role
from melody.compose import Generate, load
from melody.generate.loop import Writer

WARM = 30  # steps before a measurement
FIRST, TURNS = 1000, 160


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--notes", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--primes", type=int, nargs="*", default=[100, 1000, 2000, 10_000])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8, 64])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one figure, asked for by this script itself
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(ONE[options.one.split(":")[0]](options, *options.one.split(":")[1:])))
        return
    facts: dict[str, Any] = {"machine": machine("torch", "onnxruntime")}
    engines = ("naive", "torch", "onnx")
    facts["bare"] = in_turns(options, {e: f"bare:{e}:1" for e in engines} | {"onnx, 64 rows": "bare:onnx:64"})
    wanted = {(e, b): f"rate:{e}:{b}" for e in engines for b in options.batches}
    facts["rates"] = {f"{e}:{b}": r for (e, b), r in in_turns(options, wanted).items()}
    facts["flat"] = {str(goal): asked(options, f"flat:onnx:{goal}") for goal in options.notes}
    facts["primes"] = {e: {n: asked(options, f"prime:{e}:{n}") for n in options.primes} for e in ("torch", "onnx")}
    facts["cold"] = cold(options)
    if options.json:
        print(json.dumps(facts))
        return
    table(facts, options)


def in_turns(options: argparse.Namespace, figures: dict[Any, str]) -> dict[Any, dict[str, float]]:
    """Figures from processes of their own, all of them once a round: the median round of each."""
    found: dict[Any, list[dict[str, float]]] = {name: [] for name in figures}
    for _ in range(options.rounds):
        for name, figure in figures.items():
            found[name].append(asked(options, figure))
    return {name: sorted(rounds, key=lambda r: r["ms"])[len(rounds) // 2] for name, rounds in found.items()}


def asked(options: argparse.Namespace, figure: str) -> Any:
    """One figure from a process of its own."""
    command = [sys.executable, __file__, "--one", figure, "--steps", str(options.steps)]
    command += ["--model", options.model] if options.model else []
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def writer(options: argparse.Namespace, engine: str, batch: int) -> Writer:
    """Streams without end."""
    composer = load(options.model, engine="torch" if engine == "naive" else engine)
    if engine == "naive":
        make_naive(composer.engine)
    return Writer(composer.engine, [Generate(seed=i, bars=16).task(composer.bundle).endless() for i in range(batch)])


def make_naive(engine: Any) -> None:
    """Let a torch engine's model call ``nn.LSTM`` a step at a time."""
    import torch

    def advance(x: Any, state: Any) -> Any:
        hidden, cell = [], []
        for i, (norm, layer) in enumerate(zip(engine.model.norms, engine.model.cells, strict=False)):
            out, (h, c) = layer(norm(x), (state.hidden[i : i + 1], state.cell[i : i + 1]))
            x = x + out
            hidden.append(h)
            cell.append(c)
        return engine.model.norms[-1](x), type(state)(torch.cat(hidden), torch.cat(cell))

    engine.model.advance = advance


def notes_of(steps: Any, count: int) -> int:
    """Notes of the next steps."""
    return sum(int((next(steps).rows[:, Field.ROLE] == Role.NOTE).sum()) for _ in range(count))


def rate(options: argparse.Namespace, engine: str, batch: str) -> dict[str, float]:
    """Notes a second, and the milliseconds of a step: the mean, and of the quickest twentieth."""
    rows = int(batch)
    steps = iter(writer(options, engine, rows))
    count = max(40, options.steps // max(1, rows // 4)) // (4 if engine != "onnx" else 1)
    notes_of(steps, WARM)
    times, notes = [], 0
    for _ in range(count):
        begin = time.process_time()
        notes += notes_of(steps, 1)
        times.append(time.process_time() - begin)
    return {
        "notes_per_s": notes / sum(times),
        "per_note": 1e3 * float(np.median(times)) * count / notes,
        "ms": 1e3 * float(np.median(times)),
        "quick_ms": 1e3 * float(np.quantile(times, 0.05)),
    }


def bare(options: argparse.Namespace, engine: str, batch: str) -> dict[str, float]:
    """The body alone, a step at a time."""
    rows = int(batch)
    composer = load(options.model, engine="onnx" if engine == "onnx" else "torch")
    body: Any = composer.engine
    if engine == "onnx":
        layout, state = body.layout, body.start(np.zeros((rows, 5), np.int64))
        feeds = {
            "events": np.zeros((1, rows, len(layout.events)), np.int64) + body.event_offsets,
            "base": np.zeros((1, rows, layout.width), np.float32),
            "anchors": np.tile(np.float32([1, -1]), (1, rows, 1)),
            "recalled": np.zeros((1, rows, 5, 6), np.int64) + body.recall_offsets,
        }

        def step() -> None:
            body.session.run(body.outputs, feeds | dict(zip(body.states, state, strict=True)))
    else:
        import torch

        if engine == "naive":
            make_naive(body)
        x, hidden = torch.zeros(1, rows, body.model.config.width), body.start(np.zeros((rows, 5), np.int64))

        def step() -> None:
            with torch.inference_mode():
                body.model.advance(x, hidden)

    times = []
    for _ in range(options.steps):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    return {"ms": 1e3 * float(np.median(times)), "quick_ms": 1e3 * float(np.quantile(times, 0.05))}


def flat(options: argparse.Namespace, engine: str, goal: str) -> dict[str, float]:
    """One stream after ``goal`` notes beside others after 1,000: how its rate compares, and the memory that it took."""
    composer = load(options.model, engine=engine)

    def stream(seed: int, notes: int) -> Any:
        steps = iter(Writer(composer.engine, [Generate(seed=seed, bars=16).task(composer.bundle).endless()]))
        forward(steps, notes)
        return steps

    def forward(steps: Any, notes: int) -> float:
        begin = time.process_time()
        while notes > 0:
            notes -= notes_of(steps, 1)
        return time.process_time() - begin

    old = stream(1, FIRST)
    before = memory()
    forward(old, int(goal) - FIRST)
    grown = memory() - before
    young = [stream(2 + i, FIRST) for i in range(TURNS // 10)]
    times = np.array([(forward(old, 25), forward(young[i % len(young)], 25)) for i in range(TURNS)])
    old_time, young_time = np.median(times, 0)
    return {"of_first": float(young_time / old_time), "notes_per_s": 25 / float(old_time), "grown_mb": grown}


def memory() -> float:
    """Resident megabytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def prime(options: argparse.Namespace, engine: str, notes: str) -> float:
    """Seconds until a tune of so many notes is read and the first new event chosen (the model is there)."""
    from melody.compose import Continue
    from melody.score import Score, Track, note_table

    count = int(notes)
    rng = np.random.default_rng(1)
    onsets = np.arange(count) * 240
    tune = Score((Track("tune", 0, False, note_table(onsets, np.full(count, 230), rng.integers(55, 80, count), np.full(count, 80))),), 480)
    composer = load(options.model, engine=engine)
    begin = time.process_time()
    next(iter(Writer(composer.engine, [Continue(tune=tune, bars=4, seed=1).task(composer.bundle).plan])))
    return time.process_time() - begin


def cold(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Whole commands: wall and processor seconds, peak megabytes; the quicker of two runs."""
    with tempfile.TemporaryDirectory() as folder:
        model = ["--model", options.model] if options.model else []
        generate = ["-m", "melody", "generate", "--bars", "16", "--seed", "1", *model, "--force", "--output", f"{folder}/x.mid"]
        commands = {"import torch": ["-c", "import torch"], "generate, onnx": generate, "generate, torch": [*generate, "--engine", "torch"]}
        return {name: min((spent(command) for _ in range(2)), key=lambda s: s["cpu"]) for name, command in commands.items()}


def spent(command: list[str]) -> dict[str, float]:
    """What one process costs; measured by a small one in between, because a parent sees only the largest of its children."""
    code = (
        "import json, resource, subprocess, sys, time; t = time.perf_counter(); "
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL); "
        "r = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(json.dumps({'wall': time.perf_counter() - t, 'cpu': r.ru_utime + r.ru_stime, 'mb': r.ru_maxrss / 1e3}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def table(facts: dict[str, Any], options: argparse.Namespace) -> None:
    """Print it all as Markdown, ratios first."""
    print(facts["machine"], "\n")
    first = facts["bare"]["naive"]["ms"]
    print("| body alone | times nn.LSTM | ms a step | quickest 5 % |\n|---|---|---|---|")
    for name, r in facts["bare"].items():
        print(f"| {name} | {first / r['ms'] * (64 if '64' in name else 1):.1f} | {r['ms']:.2f} | {r['quick_ms']:.2f} |")
    print("\n| engine | rows | times the naive loop | times one row | notes/s | ms a step | quickest 5 % |\n|---|---|---|---|---|---|---|")
    for name, r in facts["rates"].items():
        engine, batch = name.split(":")
        single = facts["rates"][f"{engine}:{options.batches[0]}"]["per_note"] / r["per_note"]
        ratio = facts["rates"][f"naive:{batch}"]["per_note"] / r["per_note"]
        print(f"| {engine} | {batch} | {ratio:.1f} | {single:.1f} | {r['notes_per_s']:,.0f} | {r['ms']:.2f} | {r['quick_ms']:.2f} |")
    print("\n| after notes | of the rate after 1,000 | notes/s | MB grown since |\n|---|---|---|---|")
    for goal, r in facts["flat"].items():
        print(f"| {int(goal):,} | {r['of_first']:.3f} | {r['notes_per_s']:,.0f} | {r['grown_mb']:.1f} |")
    print("\n| prime of notes | torch / onnx | torch s | onnx s |\n|---|---|---|---|")
    for n in options.primes:
        a, b = facts["primes"]["torch"][n], facts["primes"]["onnx"][n]
        print(f"| {n:,} | {a / b:.1f} | {a:.3f} | {b:.3f} |")
    print("\n| command | of import torch | wall s | cpu s | MB |\n|---|---|---|---|---|")
    for name, r in facts["cold"].items():
        ratio = r["cpu"] / facts["cold"]["import torch"]["cpu"]
        print(f"| {name} | {ratio:.2f} | {r['wall']:.2f} | {r['cpu']:.2f} | {r['mb']:.0f} |")
    print(f"\nint8 against fp32: melody export {bundles.find(options.model).name} --corpus CORPUS")


ONE = {"rate": rate, "bare": bare, "flat": flat, "prime": prime}

if __name__ == "__main__":
    main()
