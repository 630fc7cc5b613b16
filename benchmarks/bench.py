"""What all benchmarks share: arguments, a choice of pieces, facts about the machine, results as JSON, tables as Markdown.

A benchmark is a script. Its docstring says what it asks and what its columns mean; it begins with ``parsed`` and ends with
``finish``, which prints the result as Markdown (--json: as JSON), and with --save writes it to benchmarks/results/NAME.json, from
which report.py makes README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from melody.corpus import Corpus

RESULTS = Path(__file__).parent / "results"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"  # collections, beside the checkout
Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """``columns``: their names and the format of their numbers (".1%", ",", ...); None in a row is an empty cell."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    def markdown(self) -> str:
        """The table, under its title."""
        lines = [f"{self.title}:\n"] * bool(self.title) + [f"| {' | '.join(self.columns)} |", "|---" * len(self.columns) + "|"]
        for row in self.rows:
            lines.append(f"| {' | '.join(shown(v, spec) for v, spec in zip(row, self.columns.values(), strict=True))} |")
        return "\n".join(lines)


def shown(value: Cell, spec: str) -> str:
    """A cell as people read it; what could not be measured is empty."""
    return "" if value is None else value if isinstance(value, str) else format(value, spec)


@dataclass(frozen=True)
class Target:
    """What is to be reached, and what was: ``value`` of ``what``, at least ``goal`` (at most, where ``most`` is set)."""

    what: str
    value: float
    goal: float
    spec: str = ".1f"
    most: bool = False

    def markdown(self) -> str:
        """A list item that says whether it was reached."""
        met = self.value <= self.goal if self.most else self.value >= self.goal
        limit = f"at {'most' if self.most else 'least'} {self.goal:{self.spec}}"
        return f"- {'reached' if met else 'NOT REACHED'}: {self.what} {self.value:{self.spec}} (to reach: {limit})"


@dataclass(frozen=True)
class Result:
    """What one run of a benchmark found. ``answer``: in short, with no number that is not in the tables or targets."""

    benchmark: str
    answer: str
    command: str
    machine: str
    tables: Sequence[Table]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()  # of who looked at these very figures: another run does not keep them
    text: str = ""  # in place of a docstring, where no script made it

    def json(self) -> str:
        """A row a line."""
        facts = {name: value for name, value in asdict(self).items() if value and name != "tables"}
        tables = []
        for table in self.tables:
            rows = ",\n    ".join(json.dumps([_plain(v) for v in row], ensure_ascii=False) for row in table.rows)
            head = json.dumps({"title": table.title, "columns": dict(table.columns)}, ensure_ascii=False)
            tables.append(f'  {head[:-1]},\n   "rows": [\n    {rows}]}}')
        return json.dumps(facts, indent=1, ensure_ascii=False)[:-2] + ',\n "tables": [\n' + ",\n".join(tables) + "]\n}\n"


def read_result(text: str) -> Result:
    """A result from its JSON."""
    facts = json.loads(text)
    facts["tables"] = [Table(**table) for table in facts["tables"]]
    facts["targets"] = [Target(**target) for target in facts.get("targets", [])]
    return Result(**facts)


def _plain(value: Any) -> Cell:
    """As JSON has it: six digits are more than any figure here is worth."""
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def parsed(
    script: str,
    doc: str | None,
    arguments: Sequence[str] | None,
    positional: Sequence[str] = (),
    quick: Mapping[str, Any] | None = None,
    **options: Any,
) -> argparse.Namespace:
    """The arguments of a benchmark.

    positional   names; one with a * takes any number of words
    options      flags with their defaults: False is a switch, a list takes several of its kind, None a word
    quick        what --quick sets instead: sizes that only show that the script runs
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in positional:
        parser.add_argument(name.rstrip("*"), nargs="*" if name.endswith("*") else None)
    for name, default in options.items():
        flag = "--" + name.replace("_", "-")
        if default is False:
            parser.add_argument(flag, action="store_true")
        elif isinstance(default, list):
            parser.add_argument(flag, nargs="*", type=type(default[0]), default=default)
        else:
            parser.add_argument(flag, type=str if default is None else type(default), default=default)
    if quick is not None:
        parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--save", metavar="NAME", help="write the result to results/NAME.json")
    found = parser.parse_args(arguments)
    found.script, found.words = Path(script).stem, list(sys.argv[1:] if arguments is None else arguments)
    if quick is not None and found.quick:
        vars(found).update(quick)
    return found


def finish(
    options: argparse.Namespace, answer: str, tables: Sequence[Table], targets: Sequence[Target] = (), packages: Sequence[str] = ()
) -> None:
    """Print the result, and save it where that was asked for. ``packages``: whose versions matter."""
    result = Result(options.script, answer, command(options), machine(*packages), tables, targets)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{options.save}.json").write_text(result.json(), "utf-8")
    print(result.json() if options.json else markdown([result]))


def markdown(results: Sequence[Result]) -> str:
    """Runs of one benchmark: how each was made, then the tables, those of one kind together, targets and notes."""
    commands = [f"    {r.command}" for r in results]
    machines = list(dict.fromkeys(r.machine for r in results))
    joined: dict[tuple[str, ...], list[Sequence[Cell]]] = {}
    for table in (t for r in results for t in r.tables):
        joined.setdefault((table.title, *table.columns.items()), []).extend(table.rows)  # type: ignore[arg-type]  # pairs of words
    tables = [Table(dict(columns), rows, title).markdown() for (title, *columns), rows in joined.items()]  # type: ignore[arg-type]
    items = [t.markdown() for r in results for t in r.targets] + [f"- {note}" for r in results for note in r.notes]
    return "\n\n".join(["\n".join(commands), "\n\n".join(machines), *tables, *["\n".join(items)] * bool(items)])


def command(options: argparse.Namespace) -> str:
    """How it was called; places on this machine are left out."""
    words, names = [], {value: name.upper() for name, value in vars(options).items() if name == "corpus"}
    skipped = [options.save, "--save"] if options.save else []
    for word in options.words:
        if word not in skipped and word != "--json":
            before, equals, _ = word.partition("=")
            words.append(names.get(word) or (before + equals + "..." if equals else Path(word).name))
    return " ".join(["python", f"benchmarks/{options.script}.py", *words])


def machine(*packages: str) -> str:
    """One line: date, processor, cores, load, Python and the versions of some packages. Figures are ratios first, since machines differ."""
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()[:2]) if hasattr(os, "getloadavg") else "unknown"
    versions = ", ".join(f"{p} {version(p)}" for p in ("numpy", *packages))
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return f"{today}, {processor()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}, {versions}"


def processor() -> str:
    """The processor's name, and which of the wide instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, value in (line.split(":", 1) for line in reversed(lines) if ":" in line)}
    flags = facts.get("flags", "").split()
    wide = [name for name, flag in (("AMX", "amx_tile"), ("AVX-512", "avx512f"), ("AVX2", "avx2")) if flag in flags]
    return f"{facts.get('model name', platform.machine())} ({wide[0] if wide else 'no AVX2'})"


def pieces(corpus: Corpus, split: str, style: str | None = None, count: int | None = None, seed: int | None = None) -> list[int]:
    """Indices of the first ``count`` pieces of a split, of a style or of all, in order or (``seed``) in an order of chance."""
    mine = [i for i in corpus.split(split) if style is None or corpus.pieces[i].style == style]
    return (mine if seed is None else np.random.default_rng(seed).permutation(mine).tolist())[:count]
