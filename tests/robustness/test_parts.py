"""The parts of ``make hostile``: in short, that each sees what it is there to see; with -m robustness, all rows of the quick table."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import melody.cli
from melody import files, midi
from melody.cli.guard import guarded
from melody.errors import MelodyError
from tests.robustness import big_file, bundle_lies, bundles, calls, disks, fuzz, kills, random_events, random_midi, table
from tests.robustness.child import Limits
from tests.robustness.refusals import SAME
from tests.robustness.writers import Writer

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.robustness
@pytest.mark.parametrize("name", table.PARTS)
def test_every_row_is_as_wanted(name):
    rows = table.apart(name, table.PARTS[name].quick)
    assert rows and not [row for row in rows if not row.ok]


def test_a_part_that_fails_is_a_row_that_is_not_as_wanted():
    (row,) = table.apart("mutants", {"no_such_setting": 1})
    assert not row.ok and "TypeError" in row.figure


def test_the_tests_that_the_table_counts_are_there():
    for folder, kinds in table.TESTS.values():
        text = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests" / folder).glob("test_*.py"))
        names = re.findall(r"^def (test_\w+)", text, re.MULTILINE)
        assert not [kind for kind, pattern in kinds.items() if not any(re.search(pattern, name) for name in names)]


@pytest.mark.slow
def test_counts_of_tests_are_by_name(tmp_path):
    path = tmp_path / "test_x.py"
    path.write_text("def test_a_bomb(): pass\ndef test_a_lie(): pass\n")
    assert table.tested("x", path, {"bombs": "bomb"}).figure == "2 cases passed, 0 failed; bombs 1"
    assert not table.tested("x", path, {"bombs": "bomb", "links": "link"}).ok
    path.write_text("def test_a_bomb(): assert False\ndef test_a_lie(): pass\n")
    assert not table.tested("x", path, {"lies": "lie"}).ok


# Bytes and events


def readable(data):
    try:
        return midi.parse(data).note_count > 0
    except MelodyError:
        return False


def test_the_generator_makes_files_that_are_read_and_files_that_are_not():
    tame = [random_midi.Maker(random.Random(k)) for k in range(30)]
    for one in tame:
        one.wild = 0.0
    assert sum(readable(one.file()) for one in tame) > 25  # a few have no note
    found = random_midi.bases(Path("nowhere"), 0)
    mutants = [random_midi.mutant(3, k, found) for k in range(200)]
    assert mutants == [random_midi.mutant(3, k, found) for k in range(200)]
    assert 5 < sum(map(readable, mutants)) < 150


def die(data):
    os.kill(os.getpid(), signal.SIGKILL)


def wrong(data):
    raise KeyError("x")


def burn(data):
    while True:
        pass


@pytest.mark.parametrize(
    ("fault", "words"), [(wrong, "KeyError"), (die, "the process died (-9)"), pytest.param(burn, "more than 1 s", marks=pytest.mark.slow)]
)
def test_a_reader_that_fails_is_a_finding_and_a_fixture(monkeypatch, tmp_path, fault, words):
    """A child that is forked has the broken reader of this process."""
    parse = midi.parse
    monkeypatch.setattr(midi, "parse", lambda data: fault(data) if sum(data) % 40 == 0 else parse(data))
    monkeypatch.setattr(fuzz, "FOUND", tmp_path / "found")
    found = random_midi.bases(Path("nowhere"), 0)
    bad = [k for k in range(100) if sum(random_midi.mutant(7, k, found)) % 40 == 0]
    limits = Limits(cpu=1 if fault is burn else 60, memory=8000)
    tally = fuzz.fuzz(7, found, lambda tally: tally.read > bad[0], limits, "fork")
    assert len(tally.findings) == 1 and words in tally.findings[0] and f"seed7_{bad[0]}.hex" in tally.findings[0]
    lines = (tmp_path / "found" / f"seed7_{bad[0]}.hex").read_text("ascii").splitlines()
    assert lines[0].startswith("# ") and bytes.fromhex("".join(lines[1:])) == random_midi.mutant(7, bad[0], found)


def test_random_events():
    tried, notes, faults = random_events.run(20, 0)
    assert tried == 20 and notes > 100 and not faults


# Models


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bundles.made(tmp_path_factory.mktemp("bundle") / "made")


def test_a_small_bundle_is_read_as_before_and_its_lies_are_refused(made, tmp_path):
    target = tmp_path / "work" / "made"
    for engine in ("torch", "onnx"):
        bundles.damaged(lambda folder: None, made, target)
        assert bundles.attempt(engine, made, target) == SAME
        for name, lie in {"a weight that is NaN": bundle_lies.WEIGHTS, "a width of 2^40": bundle_lies.FACTS}.items():
            bundles.damaged(lie[name], made, target)
            with pytest.raises(MelodyError):
                bundles.attempt(engine, made, target)
    assert len(bundle_lies.WEIGHTS) + len(bundle_lies.FACTS) >= 80


def test_bits_and_cuts_are_what_they_say(made, tmp_path):
    whole, target = (made / "bundle.json").read_bytes(), tmp_path / "work" / "made"
    for _, damage, _ in bundles.bits(made, target, "bundle.json", 5, 0):
        damage()
        found = (target / "bundle.json").read_bytes()
        assert sum((a ^ b).bit_count() for a, b in zip(found, whole, strict=True)) == 1
    sizes = [len(whole) * i // 40 for i in range(20)] + [len(whole) - n for n in range(20, 0, -1)]
    for size, (_, damage, _) in zip([s for s in sizes for _ in range(2)], bundles.cuts(made, target, "bundle.json", 40), strict=True):
        damage()
        assert (target / "bundle.json").read_bytes() == whole[:size]


# Kills


class Script:
    """Sleeps until it was killed so often in a run, or as often as there are words, then ends with a status."""

    def __init__(self, kills, words, status=0):
        self.kills, self.words, self.status, self.starts = kills, list(words), status, 0

    def fresh(self):
        self.starts = 0

    def start(self):
        self.starts += 1
        code = "import time; time.sleep(600)" if self.sleeps() else f"raise SystemExit({self.status})"
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)

    def wait(self, process, dice):
        if not self.sleeps():
            process.wait()

    def sleeps(self):
        return self.starts <= self.kills and bool(self.words)

    def left(self):
        return self.words.pop(0)

    def same(self):
        return self.status == 0


def test_kills_are_counted_until_there_are_enough():
    found = kills.disturbed(Script(2, ["saved", "torn", "saved"]), 3, random.Random(0))
    assert (found.times, found.starts, found.runs, found.same) == (3, 5, 2, 2)  # the second run is killed once, and ends
    assert found.left == {"saved": 2, "torn": 1} and not found.wrong
    found = kills.disturbed(Script(1, ["saved"], status=3), 1, random.Random(0))
    assert found.wrong == ["status 3: "] and not found.same
    found = kills.disturbed(Script(9, [kills.WHOLE, kills.WHOLE]), 2, random.Random(0))
    assert (found.times, found.starts, found.runs) == (2, 2, 2)  # killed when all was done: the run is over


def test_a_signal_needs_its_status():
    found = kills.disturbed(Script(1, ["saved"]), 1, random.Random(0), signal.SIGTERM)
    assert found.times == 0 and found.wrong == ["status -15: "]


# Disks


def writes(half, status=1):
    def run(inputs, out):
        def work():
            if half:
                with open(out, "wb", buffering=0) as file:
                    for _ in range(8):
                        if file.write(bytes(1000)) < 1000:
                            raise MelodyError("the disk is full")
            else:
                files.write_bytes(out, bytes(8000))

        return status if guarded(work) else 0

    return run


@pytest.mark.parametrize(("half", "status", "words"), [(False, 1, ""), (True, 1, "changed ['a.mid']"), (False, 3, "status 3")])
def test_a_verb_that_leaves_half_a_file_is_seen(tmp_path, half, status, words):
    row = disks.Faults(Writer("x", "a.mid", writes(half, status)), tmp_path, tmp_path / "work").row(quick=True)
    assert row.ok == (not words) and words in row.figure


# Calls


def test_every_verb_and_flag_is_tried():
    known = calls.words()
    assert {path[0] for path in known} == set(melody.cli.VERBS) and ("data", "fetch") in known
    assert any(word.names == ("--output", "-o") and word.takes for word in known["generate",])
    lines = [calls.line(3, k, known, frozenset()) for k in range(400)]
    assert lines == [calls.line(3, k, known, frozenset()) for k in range(400)]
    assert {line[0] for line in lines if line} >= set(melody.cli.VERBS)
    used = {word.partition("=")[0] for line in lines for word in line}
    flags = {name for words in known.values() for word in words for name in word.names if name.startswith("--")}
    assert len(flags & used) > 0.9 * len(flags)


def test_a_folder_is_put_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "contents", lambda bundle: {"tune.mid": b"music"})
    folder = calls.Folder(tmp_path / "box", tmp_path)
    assert not folder.order() and not folder.order()
    (folder.here / "tune.mid").write_bytes(b"spoilt")
    (folder.place / "x.part").write_bytes(b"")
    assert folder.order() and not folder.order()
    assert (folder.here / "tune.mid").read_bytes() == b"music" and not (folder.place / "x.part").exists()


# One large file


def test_a_file_of_so_many_notes(tmp_path):
    big_file.write(tmp_path / "big.mid", 1234)
    notes = midi.read(tmp_path / "big.mid").tracks[0].notes
    assert len(notes) == 1234 and set(notes["duration"].tolist()) == {6} and notes["onset"][-1] == 1233 * 6
