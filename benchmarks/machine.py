"""Facts about the machine that stand beside every table: figures are ratios, since machines differ."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """One line: date, processor, cores, load, Python and the versions of some packages."""
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()[:2]) if hasattr(os, "getloadavg") else "unknown"
    versions = ", ".join(f"{p} {version(p)}" for p in ("numpy", *packages))
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, load {load}, "
        f"Python {platform.python_version()}, {versions}"
    )


def processor() -> str:
    """The processor's name, and which of the wide instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    wide = [name for name, flag in (("AMX", "amx_tile"), ("AVX-512", "avx512f"), ("AVX2", "avx2")) if flag in flags]
    return f"{facts.get('model name', platform.machine())} ({wide[0] if wide else 'no AVX2'})"
