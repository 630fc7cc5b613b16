"""Playing: by the first way that works; none is one line."""

import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from melody.errors import MelodyError
from melody.render import player

SOUND = np.zeros((480, 2), np.float32)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, and no miniaudio."""
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, code: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="programs of a shell")
def test_the_first_program_that_works(programs: Path) -> None:
    program(programs, "paplay", "exit 1")
    program(programs, "aplay", f'echo "$@" > {programs}/said; [ "$1" = -q ] && [ -s "$2" ]')
    assert player.play(SOUND, 48_000) == "aplay"
    played = (programs / "said").read_text().split()[1]
    assert played.endswith("sound.wav") and not Path(played).exists()


def test_nothing_that_plays(programs: Path) -> None:
    with pytest.raises(MelodyError, match=r"nothing here plays sound.*pip install 'melody-lstm.play.'"):
        player.play(SOUND, 48_000)


def test_the_feed_gives_all_samples_and_then_says_so() -> None:
    ended = threading.Event()
    sound = np.linspace(-1, 1, 1000, dtype=np.float32)[:, None]
    feed = player._feed(sound, ended)
    next(feed)
    parts = []
    while not ended.is_set():
        parts.append(feed.send(300))
        assert len(parts[-1]) <= 300
    played = np.concatenate(parts)
    assert np.array_equal(played[:1000], np.rint(sound * 32767).astype("<i2")) and not played[1000:].any()
