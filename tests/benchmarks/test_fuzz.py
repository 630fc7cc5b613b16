"""The fuzzer itself: its bytes follow from the seed, and it sees what it is there to see."""

import os
import random
import time
from pathlib import Path

import pytest

from melody import midi
from melody.errors import MelodyError

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def fuzz(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    import fuzz

    monkeypatch.setattr(fuzz, "FOUND", tmp_path / "found")
    return fuzz


def test_the_generator_makes_files_that_are_read_and_files_that_are_not(fuzz):
    maker = fuzz.fuzz_midi.Maker
    tame = [maker(random.Random(k)) for k in range(30)]
    for one in tame:
        one.wild = 0.0
    read = sum(readable(one.file()) for one in tame)
    assert read > 25  # a few have no note
    found = fuzz.fuzz_midi.bases(Path("nowhere"), 0)
    bytes_of = [fuzz.fuzz_midi.mutant(3, k, found) for k in range(200)]
    assert bytes_of == [fuzz.fuzz_midi.mutant(3, k, found) for k in range(200)]
    assert 5 < sum(map(readable, bytes_of)) < 150


def readable(data):
    try:
        return midi.parse(data).note_count > 0
    except MelodyError:
        return False


def die(data):
    os.kill(os.getpid(), 9) if sum(data) % 40 == 0 else None


def wrong(data):
    if sum(data) % 40 == 0:
        raise KeyError("x")


def hang(data):
    if sum(data) % 40 == 0:
        time.sleep(60)


@pytest.mark.parametrize(("fault", "words"), [(wrong, "KeyError"), (die, "the process died (-9)"), (hang, "more than 1 s")])
def test_what_it_finds(fuzz, tmp_path, monkeypatch, fault, words):
    """A child that is forked has the broken reader of this process."""
    context = fuzz.mp.get_context("fork")
    monkeypatch.setattr(fuzz.mp, "get_context", lambda kind: context)
    monkeypatch.setattr(midi, "parse", fault)
    monkeypatch.setattr(fuzz, "SLOW", 1.0)
    tally = fuzz.fuzz(0.06 if fault is hang else 0.02, 7, 1, tmp_path)
    assert tally.findings and words in tally.findings[0]
    kept = sorted((tmp_path / "found").glob("*.hex"))
    assert len(kept) == len(tally.findings) and kept[0].read_text("ascii").startswith("# ")
    data = bytes.fromhex("".join(kept[0].read_text("ascii").splitlines()[1:]))
    assert sum(data) % 40 == 0


def test_random_events(fuzz):
    import fuzz_events

    tried, notes, faults = fuzz_events.run(20, 0)
    assert tried == 20 and notes > 100 and not faults
