import sys
import textwrap

import pytest

from melody.doctor import packages
from melody.doctor.packages import list_extras, list_packages, loading_faults


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Modules that child processes find: some that load, some that raise, some that take the process along, one that hangs."""
    for name, code in {
        "loads": "",
        "raises": "raise OSError('no\\nlibrary')",
        "prints": "print('a line of its own')",
        "dies": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "leaves": "import os; os._exit(3)",
        "exits": "raise SystemExit(0)",
        "hangs": "import time; time.sleep(60)",
    }.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_each_module_is_tried_whatever_the_others_do(broken):
    faults = loading_faults(["loads", "raises", "dies", "prints", "leaves", "exits", "nowhere"])
    assert set(faults) == {"raises", "dies", "leaves", "exits", "nowhere"}
    assert faults["raises"] == "OSError: no library"
    assert faults["dies"] == "loading it ended its process with status -9"
    assert faults["leaves"] == "loading it ended its process with status 3"
    assert faults["nowhere"] == "ModuleNotFoundError: No module named 'nowhere'"


@pytest.mark.slow
def test_a_module_that_hangs_is_left(broken, monkeypatch):
    monkeypatch.setattr(packages, "PATIENCE", 1)
    assert loading_faults(["hangs"]) == {"hangs": "loading it takes too long"}


def test_no_modules_need_no_process(monkeypatch):
    monkeypatch.setattr(packages.subprocess, "run", None)
    assert loading_faults([]) == {}


@pytest.mark.slow
def test_what_melody_needs_is_here():
    found = list_packages()
    assert [p.module for p in found][:2] == ["numpy", "mido"]
    assert all(p.version and not p.fault for p in found)


def test_a_missing_extra_has_no_version_and_no_fault(monkeypatch):
    for module in ("torch", "matplotlib", "fluidsynth", "miniaudio", "verovio", "tensorboard", "sklearn", "starlette", "uvicorn"):
        monkeypatch.setitem(sys.modules, module, None)
    assert all(p.version is None and not p.fault for _, found in list_extras() for p in found)
