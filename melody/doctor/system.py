"""The machine: Python, operating system, processor, memory. Knows nothing of music; what cannot be found out is empty."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import melody
from melody.files import shown

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container
FEATURES = {  # what the numeric libraries look for: name in /proc/cpuinfo, name in numpy, name for people
    "AVX2": ("avx2", "AVX2"),
    "FMA": ("fma", "FMA3"),
    "AVX-512": ("avx512f", "AVX512F"),
    "AVX-512 VNNI": ("avx512_vnni", "AVX512VNNI"),
    "AVX-512 BF16": ("avx512_bf16", "AVX512BF16"),
    "AVX-VNNI": ("avx_vnni", "AVXVNNI"),
    "AMX": ("amx_tile", "AMXTILE"),
    "NEON": ("asimd", "ASIMD"),
    "NEON dot product": ("asimddp", "ASIMDDP"),
    "NEON I8MM": ("i8mm", "I8MM"),
    "SVE": ("sve", "SVE"),
}
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "PYTHONPATH", "PYTHONOPTIMIZE", "LANG")


@dataclass(frozen=True)
class System:
    """What melody runs on. ``cores``: that this process may use, of ``all_cores``. Memory in bytes, None where it is not known."""

    melody: str
    folder: str
    python: str
    executable: str
    platform: str
    encoding: str  # of what is printed
    processor: str
    features: tuple[str, ...]
    cores: int
    all_cores: int
    memory: int | None
    free_memory: int | None
    variables: dict[str, str]


def read_system() -> System:
    """The facts of this process and its machine."""
    name, features = processor(_text(CPUINFO))
    memory, free = _memory()
    return System(
        melody=melody.__version__,
        folder=with_tilde(Path(melody.__file__).parent),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=with_tilde(sys.executable),
        platform=platform.platform(),
        encoding=getattr(sys.stdout, "encoding", None) or "",
        processor=name or platform.processor() or platform.machine(),
        features=features or _features(_numpy_features(), 1),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        all_cores=os.cpu_count() or 1,
        memory=memory,
        free_memory=free,
        variables={name: with_tilde(os.environ[name]) for name in VARIABLES if name in os.environ},
    )


def processor(cpuinfo: str) -> tuple[str, tuple[str, ...]]:
    """Name and features by the text of /proc/cpuinfo, of an x86 or an Arm; nothing where it says nothing."""
    lines = dict(re.findall(r"^([^:\n]+?)\s*:[ \t]*(.*)$", cpuinfo, re.MULTILINE))  # every core says the same
    words = lines.get("flags") or lines.get("Features") or ""
    return " ".join(lines.get("model name", "").split()), _features(words.split(), 0)


def _features(known: Iterable[str], column: int) -> tuple[str, ...]:
    there = set(known)
    return tuple(name for name, names in FEATURES.items() if names[column] in there)


def _numpy_features() -> list[str]:
    """What numpy found, where the system has no /proc. Its own table is not public: nothing, if it is not where it was."""
    try:
        table: dict[str, bool] = getattr(import_module("numpy._core._multiarray_umath"), "__cpu_features__", {})
    except ImportError:
        return []
    return [name for name, there in table.items() if there]


def _memory() -> tuple[int | None, int | None]:
    """Bytes of memory of the machine or the container, and how many are free for the asking."""
    sizes = {name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB$", _text(MEMINFO), re.MULTILINE)}
    total, free = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if total is None and hasattr(os, "sysconf"):
        try:
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (ValueError, OSError):
            total = None
    limit = _text(GROUP_LIMIT).strip()
    if limit.isdigit() and total is not None:
        total = min(total, int(limit))
    return total, free


def with_tilde(path: str | os.PathLike[str]) -> str:
    """A path as it may be shown to others: the home folder, whose name is often a person's, as ``~``."""
    text, home = shown(path), os.path.expanduser("~")
    return re.sub(rf"(?<![\w.~/\\-]){re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
