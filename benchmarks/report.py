"""Makes README.md of all results: one section a benchmark, from the docstring of its script and the JSON of its runs.

    python benchmarks/report.py

A benchmark writes its result with --save NAME to results/NAME.json; runs of one benchmark stand in one section, in the order of
their names.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from bench import RESULTS, Result, markdown, read_result

HERE = Path(__file__).parent
HEAD = """\
# Benchmarks

Made by `python benchmarks/report.py` out of `results/*.json` and the docstrings of the scripts: nothing here is written by hand. One
section a benchmark: what is asked, the commands, the machine, the tables, what was to be reached, and what whoever ran it had to say.
Machines differ, and so do busy hours, so ratios within one run stand first and absolute times after them. `--save NAME` replaces a result.

Collections are expected in `../shared/data`, beside the checkout (`--data` names another place). CORPUS is made of the collections that
the shipped model was trained on, each a sub-folder of one folder: `melody prepare FOLDER -o CORPUS`; its test split is what is measured.
What the benchmarks need beyond the package: `pip install '.[train,bench]'`. Broken files, faults and kills are tests:
[tests/robustness](../tests/robustness/README.md).

| benchmark | asks | answer in short |
|---|---|---|
"""


def page() -> str:
    """The whole README."""
    groups: dict[str, list[Result]] = {}
    for path in sorted(RESULTS.glob("*.json"), key=lambda path: path.stem):
        result = read_result(path.read_text("utf-8"))
        groups.setdefault(result.benchmark, []).append(result)
    index, sections = [], []
    for name, results in groups.items():
        asks, text = described(name, results[0].text)
        index.append(f"| [{name}](#{name}) | {asks.split('?')[0]}? | {'; '.join(dict.fromkeys(r.answer for r in results))} |")
        sections.append("\n\n".join([f"## {name}", asks, *[text] * bool(text), markdown(results)]) + "\n")
    return HEAD + "\n".join(index) + "\n\n" + "\n".join(sections)


def described(name: str, text: str) -> tuple[str, str]:
    """What a benchmark asks, and the rest of its docstring but the usage, as Markdown."""
    if (HERE / f"{name}.py").is_file():
        text = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text("utf-8"))) or ""
    asks, *rest = re.sub(r"``([^`]*)``", r"`\1`", text.strip()).split("\n\n")
    return " ".join(asks.split()), "\n\n".join(part for part in rest if not part.lstrip().startswith("python benchmarks/"))


if __name__ == "__main__":
    (HERE / "README.md").write_text(page(), "utf-8")
