"""What is installed: versions of what melody needs, the extras, and whether each module can be loaded.

Modules are loaded in a process of their own: one that ends with its process (a library for another processor) is found out too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from melody.extras import CORE, EXTRAS, Extra
from melody.files import reason

PATIENCE = 120  # seconds for all modules; torch from a cold disk takes some
LOADING = """
import importlib, json, os, sys
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as runtime/engine.py
for module in sys.argv[1:]:
    fault = ""
    try:
        importlib.import_module(module)
    except BaseException as error:
        fault = f"{type(error).__name__}: {error}"
    print(json.dumps([module, fault]), flush=True)
"""


@dataclass(frozen=True)
class Package:
    """An installed package. ``version`` is None where it is missing; ``fault``: why it cannot be loaded."""

    name: str
    module: str
    version: str | None
    fault: str = ""


def list_packages() -> tuple[Package, ...]:
    """What melody always needs."""
    return _found(CORE, CORE)


def list_extras() -> tuple[tuple[Extra, tuple[Package, ...]], ...]:
    """Every extra and its packages."""
    return tuple((extra, _found(extra.packages, extra.modules)) for extra in EXTRAS.values())


def _found(packages: Sequence[str], modules: Sequence[str]) -> tuple[Package, ...]:
    there = [module for module in modules if find_spec(module) is not None]
    faults = loading_faults(there)
    return tuple(Package(p, m, _version(p) if m in there else None, faults.get(m, "")) for p, m in zip(packages, modules, strict=True))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a module that no installation brought
        return "?"


def loading_faults(modules: Sequence[str]) -> dict[str, str]:
    """Why modules cannot be loaded, by name; nothing for those that can. Each is tried, even if one before it ends its process."""
    faults: dict[str, str] = {}
    left = list(modules)
    while left and sys.executable:
        command = [sys.executable, "-c", LOADING, *left]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603  # its own code, names from the tables
            said, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired:
            said, status = "", None
        except OSError as fault:  # no more processes
            return faults | dict.fromkeys(left, f"not tried ({reason(fault)})")
        tried = dict(json.loads(line) for line in said.splitlines() if line.startswith('["'))
        faults |= {module: " ".join(fault.split())[:200] for module, fault in tried.items() if fault}
        left = [module for module in left if module not in tried]
        if left:
            ended = "takes too long" if status is None else f"ended its process with status {status}"
            faults[left.pop(0)] = f"loading it {ended}"
    return faults
