"""``melody("generate", "--bars", 2)``: the command line in this process, in an empty folder, with what it printed."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from melody.cli import main


class Said(NamedTuple):
    """How a call ended."""

    status: int
    out: str
    err: str


Melody = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def melody(here: Path, capsys: pytest.CaptureFixture[str]) -> Melody:
    """Call a verb; arguments are turned into text."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        status = main([str(a) for a in arguments])
        return Said(status, *capsys.readouterr())

    return call


@pytest.fixture
def tune(songs: Path, here: Path) -> Path:
    """A song in the current folder."""
    path = here / "tune.mid"
    path.write_bytes((songs / "pop909" / "0.mid").read_bytes())
    return path
