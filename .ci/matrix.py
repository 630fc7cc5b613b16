#!/usr/bin/env python3
"""The wheel in an empty environment of each interpreter that this machine has, without torch: every verb once (tests/smoke).

    .ci/matrix.py             a row for each interpreter, with the versions of constraints.txt
    .ci/matrix.py --bounds    two rows more: the lowest direct dependencies on the oldest interpreter (resolved by uv),
                              and the newest of everything on the newest interpreter
    .ci/matrix.py --json      the rows as JSON too

Needs the standard library and pip; uv is installed where it is needed. Exits with 1 if a row fails or no interpreter is found.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MINORS = (11, 12, 13, 14)
BOUNDED_EXTRAS = ("render",)  # tried at their bounds too; torch is not, it is too large to come and go
PYTEST = "pytest>=8"
VERSION = "import sys; print(*sys.version_info[:3], sep='.')"


def interpreters() -> dict[str, str]:
    """Version and path of a CPython for each supported minor version: on the PATH, or below ~/.pyenv."""
    found = {}
    for minor in MINORS:
        name = f"python3.{minor}"
        places = [shutil.which(name), *sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))]
        for place in filter(None, places):
            asked = subprocess.run([place, "-c", VERSION], capture_output=True, text=True, check=False)
            if asked.returncode == 0 and asked.stdout.startswith(f"3.{minor}."):  # a shim of pyenv may lead nowhere
                found[asked.stdout.strip()] = place
                break
    return found


def run(*command: object, **options: object) -> None:
    """Run a command and show what it says only if it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def python_of(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def environment(interpreter: str, folder: Path) -> Path:
    """A fresh virtual environment; its Python."""
    run(interpreter, "-m", "venv", folder)
    return python_of(folder)


def lowest(interpreter: str, scratch: Path) -> Path:
    """Requirements with the lowest version of each direct dependency that pyproject.toml allows."""
    tools = environment(sys.executable, scratch / "tools")
    run(tools, "-m", "pip", "install", "--quiet", "uv")
    out = scratch / "lowest.txt"
    extras = [word for extra in BOUNDED_EXTRAS for word in ("--extra", extra)]
    uv = [tools.with_name("uv"), "pip", "compile", "--quiet", "--no-header", "--resolution", "lowest-direct", "--only-binary", ":all:"]
    run(*uv, "--python", interpreter, *extras, "-o", out, ROOT / "pyproject.toml")
    return out


def row(what: str, interpreter: str, wheel: Path, scratch: Path, pins: list[object], extras: bool = False) -> dict[str, object]:
    """Install the wheel and run the smoke test outside the checkout: how long each took, and how large it is."""
    begin = time.perf_counter()
    folder = scratch / f"row-{what}".replace(" ", "-")
    python = environment(interpreter, folder / "venv")
    wanted = f"{wheel}[{','.join(BOUNDED_EXTRAS)}]" if extras else wheel
    run(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *pins, wanted)
    installed = time.perf_counter()
    size = sum(f.stat().st_size for f in (folder / "venv").rglob("*") if f.is_file() and not f.is_symlink())
    run(python, "-m", "pip", "install", "--quiet", PYTEST)
    torch = subprocess.run([str(python), "-c", "import torch"], capture_output=True, check=False).returncode == 0
    tests = shutil.copytree(ROOT / "tests" / "smoke", folder / "smoke")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [str(python), "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider", str(tests)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()[-200:]]
    passed = done.returncode == 0 and not torch
    if not passed:
        print(done.stdout[-6000:], "torch is installed" if torch else "", file=sys.stderr)
    return {
        "row": what,
        "passed": passed,
        "said": lines[-1].strip("= "),
        "install_s": round(installed - begin, 1),
        "smoke_s": round(time.perf_counter() - started, 1),
        "megabytes": round(size / 1e6),
    }


def main() -> int:
    """All rows, one after the other; a line for each as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bounds", action="store_true", help="the lowest and the newest dependencies too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = interpreters()
    if not found:
        sys.exit(f"no interpreter of 3.{MINORS[0]} to 3.{MINORS[-1]} is here")
    missing = [f"3.{m}" for m in MINORS if not any(v.startswith(f"3.{m}.") for v in found)]
    if missing:
        print(f"not tried, because not on this machine: {', '.join(missing)}")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", scratch, ROOT)
        (wheel,) = scratch.glob("*.whl")
        plan = [(f"Python {v}", place, ["-c", ROOT / "constraints.txt"], False) for v, place in found.items()]
        if options.bounds:
            (old, oldest), *_, (new, newest) = [*found.items()] * 2  # one interpreter may be both
            plan.append((f"lowest on {old}", oldest, ["-c", lowest(oldest, scratch)], True))
            plan.append((f"newest on {new}", newest, ["--upgrade"], True))
        for what, place, pins, extras in plan:
            rows.append(row(what, place, wheel, scratch, pins, extras))
            facts = rows[-1]
            print(
                f"{what:<18} {'ok' if facts['passed'] else 'FAILED':<7}{facts['install_s']:>6} s to install, {facts['megabytes']:>4} MB, "
                f"{facts['smoke_s']:>6} s: {facts['said']}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows))
    return 0 if all(r["passed"] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
