"""How fast is a note? One table, one process for each figure, one thread.

    python benchmarks/speed.py [--model base] [--notes 1000 10000 100000] [--primes 100 1000 10000] [--steps 400] [--json]

Figures are processor time (`time.process_time`), so that other work on the machine disturbs them less; cold starts are wall time
and processor time of whole commands. The model must have a runtime file (`melody export`).

    naive      what one would write first: `nn.LSTM` called step by step with the same weights; all else as in the torch engine
    torch      the torch engine: cell functions instead of `nn.LSTM`
    onnx       the runtime file
    notes/s    notes a second, masks, metre, recall and sampling included, in the steps after so many notes
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
from melody.compose.planning import endless, plan
from melody.generate.loop import Writer

WARM = 30  # steps before a measurement


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--notes", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--primes", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8, 64])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one figure, asked for by this script itself
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(ONE[options.one.split(":")[0]](options, *options.one.split(":")[1:])))
        return
    facts: dict[str, Any] = {"machine": machine("torch", "onnxruntime"), "rates": {}, "flat": {}, "primes": {}}
    for engine in ("naive", "torch", "onnx"):
        facts["rates"][engine] = {b: asked(options, f"rate:{engine}:{b}") for b in options.batches}
    if options.notes:
        facts["flat"] = asked(options, "flat:onnx")
    for engine in ("torch", "onnx"):
        facts["primes"][engine] = {n: asked(options, f"prime:{engine}:{n}") for n in options.primes}
    facts["cold"] = cold(options)
    if options.json:
        print(json.dumps(facts))
        return
    table(facts, options)


def asked(options: argparse.Namespace, figure: str) -> Any:
    """One figure from a process of its own."""
    command = [sys.executable, __file__, "--one", figure, "--steps", str(options.steps)]
    command += ["--model", options.model] if options.model else []
    command += ["--notes", *map(str, options.notes)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def writer(options: argparse.Namespace, engine: str, batch: int) -> Writer:
    """Streams without end."""
    composer = load(options.model, engine="torch" if engine == "naive" else engine)
    if engine == "naive":
        make_naive(composer.engine)
    return Writer(composer.engine, [endless(plan(Generate(seed=i, bars=16), composer.bundle)) for i in range(batch)])


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
    return {"notes_per_s": notes / sum(times), "ms": 1e3 * float(np.mean(times)), "quick_ms": 1e3 * float(np.quantile(times, 0.05))}


def flat(options: argparse.Namespace, engine: str) -> dict[str, dict[str, float]]:
    """Rates and memory of one stream after so many notes (over the next 1,000)."""
    steps, done, out = iter(writer(options, engine, 1)), 0, {}
    for goal in sorted(options.notes):
        while done < goal:
            done += notes_of(steps, 1)
        begin, before = time.process_time(), done
        while done < before + 1000:
            done += notes_of(steps, 1)
        out[str(goal)] = {"notes_per_s": (done - before) / (time.process_time() - begin), "mb": memory()}
    return out


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
    next(iter(Writer(composer.engine, [plan(Continue(tune=tune, bars=4, seed=1), composer.bundle).plan])))
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
    base = facts["rates"]["naive"]
    print("| engine | rows | times the naive loop | times one row | notes/s | ms a step | quickest 5 % |\n|---|---|---|---|---|---|---|")
    for engine, rates in facts["rates"].items():
        for batch, r in rates.items():
            single = r["notes_per_s"] / rates[options.batches[0]]["notes_per_s"]
            ratio = r["notes_per_s"] / base[batch]["notes_per_s"]
            print(f"| {engine} | {batch} | {ratio:.1f} | {single:.1f} | {r['notes_per_s']:,.0f} | {r['ms']:.2f} | {r['quick_ms']:.2f} |")
    print("\n| after notes | of the first rate | notes/s | MB |\n|---|---|---|---|")
    first = next(iter(facts["flat"].values()), None)
    for goal, r in facts["flat"].items():
        print(f"| {int(goal):,} | {r['notes_per_s'] / first['notes_per_s']:.3f} | {r['notes_per_s']:,.0f} | {r['mb']:.1f} |")
    print("\n| prime of notes | torch / onnx | torch s | onnx s |\n|---|---|---|---|")
    for n in options.primes:
        a, b = facts["primes"]["torch"][n], facts["primes"]["onnx"][n]
        print(f"| {n:,} | {a / b:.1f} | {a:.3f} | {b:.3f} |")
    print("\n| command | of import torch | wall s | cpu s | MB |\n|---|---|---|---|---|")
    for name, r in facts["cold"].items():
        ratio = r["cpu"] / facts["cold"]["import torch"]["cpu"]
        print(f"| {name} | {ratio:.2f} | {r['wall']:.2f} | {r['cpu']:.2f} | {r['mb']:.0f} |")
    print(f"\nint8 against fp32: melody export {bundles.find(options.model).name} --corpus CORPUS")


ONE = {"rate": rate, "flat": flat, "prime": prime}

if __name__ == "__main__":
    main()
