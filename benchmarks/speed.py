"""How fast is a note? One process for each figure, one thread.

    python benchmarks/speed.py [--model base] [--notes 1000 10000 100000] [--primes 100 1000 2000 10000] [--steps 400] [--rounds 3]

Figures are processor time, so that other work on the machine disturbs them less; what is compared is measured in turns, `--rounds`
times, and medians are compared. Cold starts are whole commands. The model must have a runtime file (`melody export`).

    naive      what one would write first: nn.LSTM called step by step with the same weights; all else as in the torch engine
    torch      the torch engine: a loop over cell functions instead of nn.LSTM
    onnx       the runtime file
    body       the same three without heads, masks, recall and sampling: the body alone, one step after the other
    notes/s    notes a second, masks, metre, recall and sampling included
    after      one stream after so many notes, in turns with others after 1,000, so that the machine is the same for both
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench import Table, Target, finish, parsed

from melody.codec.table import Field, Role
from melody.compose import Generate, load
from melody.generate.loop import Writer

WARM = 30  # steps before a measurement
ENGINES = ("naive", "torch", "onnx")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    lists = {"notes": [1000, 10_000, 100_000], "primes": [100, 1000, 2000, 10_000], "batches": [1, 8, 64]}
    quick = {"notes": [40], "primes": [100], "batches": [1, 2], "steps": 4, "rounds": 1, "first": 20, "turns": 10}
    options = parsed(__file__, __doc__, arguments, (), quick, model=None, **lists, steps=400, rounds=3, first=1000, turns=160, one=None)
    if options.one:  # one figure, asked for by this script itself
        name, *rest = options.one.split(":")
        print(json.dumps(ONE[name](options, *rest)))
        return
    bodies, few, many = body_table(options), options.batches[0], options.batches[-1]
    rates, found = rate_table(options)
    flat = {goal: asked(options, f"flat:onnx:{goal}") for goal in options.notes}
    columns = {"after notes": ",", f"of the rate after {options.first:,}": ".3f", "notes/s": ",.0f", "MB grown since": ".1f"}
    length = Table(columns, [[goal, r["of_first"], r["notes_per_s"], r["grown_mb"]] for goal, r in flat.items()])
    primes = [(n, *(asked(options, f"prime:{e}:{n}") for e in ("torch", "onnx"))) for n in options.primes]
    columns = {"prime of notes": ",", "torch / onnx": ".1f", "torch s": ".3f", "onnx s": ".3f"}
    primed = Table(columns, [[n, slow / quick, slow, quick] for n, slow, quick in primes])
    loads = {e: asked(options, f"loaded:{e}") for e in ("torch", "onnx")}
    columns = {"engine": "", "ms to load it": ".0f", "MB with imports": ".0f"}
    loaded = Table(columns, [[e, r["ms"], r["mb"]] for e, r in loads.items()], "The engine from the bundle's files, once all is imported")
    commands = cold(options)
    share = commands["generate, onnx"]["cpu"] / commands["import torch"]["cpu"]
    columns = {"command": "", "of import torch": ".2f", "wall s": ".2f", "cpu s": ".2f", "MB": ".0f"}
    rows = [[name, r["cpu"] / commands["import torch"]["cpu"], r["wall"], r["cpu"], r["mb"]] for name, r in commands.items()]
    single = found["onnx", few]
    targets = [
        Target("times the naive loop, one row", single["of_naive"], 12),
        Target("times a loop over cells (torch), one row", found["torch", few]["per_note"] / single["per_note"], 2.5),
        Target("notes a second, one row", single["notes_per_s"], 1000, ",.0f"),
        Target(f"times one row, {many} rows", found["onnx", many]["of_one"], 8),
        *(Target(f"of the rate after 1,000 notes, after {n:,}", r["of_first"], 0.95, ".3f") for n, r in flat.items()),
        *(Target("seconds until a prime of 2,000 notes is read", s, 0.3, ".3f", most=True) for n, _, s in primes if n == 2000),
        Target("seconds from the shell to a file", commands["generate, onnx"]["wall"], 2, ".2f", most=True),
        Target("of the time of import torch, from the shell to a file", share, 0.8, ".2f", most=True),
    ]
    answer = (
        f"{single['notes_per_s']:,.0f} notes a second, {single['of_naive']:.1f} times a naive loop; {found['onnx', many]['of_one']:.1f} "
    )
    answer += f"times that with {many} rows; {commands['generate, onnx']['wall']:.2f} s from the shell to a file"
    finish(options, answer, [bodies, rates, length, primed, loaded, Table(columns, rows)], targets, ["torch", "onnxruntime"])


def body_table(options: Namespace) -> Table:
    """The body alone, beside ``nn.LSTM`` called step by step."""
    found = in_turns(options, {e: f"bare:{e}:1" for e in ENGINES} | {"onnx, 64 rows": "bare:onnx:64"})
    columns = {"body alone": "", "times nn.LSTM": ".1f", "ms a step": ".2f", "quickest 5 %": ".2f"}
    first = found["naive"]["ms"]
    return Table(columns, [[name, first / r["ms"] * (64 if "64" in name else 1), r["ms"], r["quick_ms"]] for name, r in found.items()])


def rate_table(options: Namespace) -> tuple[Table, dict[tuple[str, int], dict[str, float]]]:
    """Whole notes by engine and rows; the figures, with their ratios, beside the table."""
    found = in_turns(options, {(e, b): f"rate:{e}:{b}" for e in ENGINES for b in options.batches})
    for (engine, batch), r in found.items():
        r["of_naive"] = found["naive", batch]["per_note"] / r["per_note"]
        r["of_one"] = found[engine, options.batches[0]]["per_note"] / r["per_note"]
    columns = {"engine": "", "rows": "", "times the naive loop": ".1f", "times one row": ".1f", "notes/s": ",.0f", "ms a step": ".2f"}
    columns |= {"quickest 5 %": ".2f"}
    names = ("of_naive", "of_one", "notes_per_s", "ms", "quick_ms")
    return Table(columns, [[e, b, *(r[n] for n in names)] for (e, b), r in found.items()]), found


def in_turns(options: Namespace, figures: dict[Any, str]) -> dict[Any, dict[str, float]]:
    """Figures from processes of their own, all of them once a round: the median round of each."""
    found: dict[Any, list[dict[str, float]]] = {name: [] for name in figures}
    for _ in range(options.rounds):
        for name, figure in figures.items():
            found[name].append(asked(options, figure))
    return {name: sorted(rounds, key=lambda r: r["ms"])[len(rounds) // 2] for name, rounds in found.items()}


def asked(options: Namespace, figure: str) -> Any:
    """One figure from a process of its own."""
    command = [sys.executable, __file__, "--one", figure, "--steps", str(options.steps)]
    command += ["--model", options.model] if options.model else []
    command += ["--quick"] if options.quick else []
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def writer(options: Namespace, engine: str, batch: int) -> Writer:
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


def rate(options: Namespace, engine: str, batch: str) -> dict[str, float]:
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


def bare(options: Namespace, engine: str, batch: str) -> dict[str, float]:
    """The body alone, a step at a time."""
    rows = int(batch)
    composer = load(options.model, engine="onnx" if engine == "onnx" else "torch")
    body: Any = composer.engine
    if engine == "onnx":
        layout, state = body.layout, body.initial_state(np.zeros((rows, 5), np.int64))
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
        x, hidden = torch.zeros(1, rows, body.model.config.width), body.initial_state(np.zeros((rows, 5), np.int64))

        def step() -> None:
            with torch.inference_mode():
                body.model.advance(x, hidden)

    times = []
    for _ in range(options.steps):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    return {"ms": 1e3 * float(np.median(times)), "quick_ms": 1e3 * float(np.quantile(times, 0.05))}


def flat(options: Namespace, engine: str, goal: str) -> dict[str, float]:
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

    old = stream(1, options.first)
    before = memory()
    forward(old, int(goal) - options.first)
    grown = memory() - before
    young = [stream(2 + i, options.first) for i in range(options.turns // 10)]
    times = np.array([(forward(old, 25), forward(young[i % len(young)], 25)) for i in range(options.turns)])
    old_time, young_time = np.median(times, 0)
    return {"of_first": float(young_time / old_time), "notes_per_s": 25 / float(old_time), "grown_mb": grown}


def memory() -> float:
    """Resident megabytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def prime(options: Namespace, engine: str, notes: str) -> float:
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


def cold(options: Namespace) -> dict[str, dict[str, float]]:
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


def loaded(options: Namespace, engine: str) -> dict[str, float]:
    """Milliseconds until a Composer is there, the median of three, once all is imported, and the megabytes of it all."""
    before, times = memory(), []
    for _ in range(4):
        begin = time.process_time()
        composer = load(options.model, engine=engine)
        times.append(time.process_time() - begin)
    assert composer.bundle
    return {"ms": 1e3 * float(np.median(times[1:])), "mb": memory() - before}


ONE = {"rate": rate, "bare": bare, "flat": flat, "prime": prime, "loaded": loaded}

if __name__ == "__main__":
    main()
