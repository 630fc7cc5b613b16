"""The benchmarks of hostile input: they see what they are there to see."""

import importlib
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

import melody.cli
from melody import midi
from melody.score import Score, Track, note_table

ROOT = Path(__file__).resolve().parents[2]
ONE_LINE = "melody: x.mid: no such file\n"


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def pool(load, monkeypatch):
    """The worker is forked, so that it has the broken command line of this process."""
    module = load("hostile_pool")
    context = module.mp.get_context("fork")
    monkeypatch.setattr(module.mp, "get_context", lambda kind: context)
    monkeypatch.setattr(module, "GRACE", 1.0)
    monkeypatch.setattr(module, "ADDRESSES", module.resource.RLIM_INFINITY)
    return module


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (0, "", ""),
        (0, "a remark\n", ""),
        (1, ONE_LINE, ""),
        (2, "step 1\n" + ONE_LINE, ""),
        (1, "", "0 messages"),
        (1, ONE_LINE * 2, "2 messages"),
        (1, ONE_LINE + "more\n", "1 messages in 2"),
        (3, ONE_LINE, "status 3"),
        (130, ONE_LINE, "status 130"),
        (1, "Traceback (most recent call last)\n" + ONE_LINE, "traceback"),
        (1, "melody: \x1b[31m\n", "control"),
    ],
)
def test_the_rules(pool, status, said, words):
    found = pool.against_the_rules(status, said, stopped=False)
    assert (words in found) if words else not found


def test_a_run_that_was_stopped_may_end_with_130_and_without_a_message(pool):
    assert not pool.against_the_rules(130, "step 1\n", stopped=True) and not pool.against_the_rules(130, ONE_LINE, stopped=True)


def good(arguments):
    return 0


def wrong(arguments):
    raise KeyError("x")


def die(arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def long(arguments):
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("melody: interrupted", file=sys.stderr)
        return 130


def deaf(arguments):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)


def outside(arguments):
    try:
        Path("../outside").write_text("x")
    except OSError:
        return 0


def many(arguments):
    print(ONE_LINE * 2, end="", file=sys.stderr)
    return 1


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (good, ""),
        (wrong, "KeyError"),
        (die, "the process died (-9)"),
        (long, "more than 0.05 s"),
        (deaf, "did not stop"),
        (outside, "writes '../outside'"),
        (many, "2 messages"),
    ],
)
def test_what_it_finds(pool, monkeypatch, tmp_path, work, words):
    monkeypatch.setattr(melody.cli, "main", work)
    box = tmp_path / "box"
    box.mkdir()
    with pool.Caller(box, box, 0.05) as caller:
        ending = caller.call(["inspect", "x.mid"])
        assert (words in ending.fault) if words else not ending.fault
        assert ending.stopped == (work is long) and not (tmp_path / "outside").exists()
        monkeypatch.setattr(melody.cli, "main", good)
        if caller.process is None:  # a new worker takes the next call
            assert not caller.call([]).fault


def test_what_was_asked_for_is_no_fault(pool):
    assert pool.asked_for("socket.getaddrinfo 'x'", ["data", "fetch", "x"]) and not pool.asked_for("socket.connect 'x'", ["inspect", "x"])
    assert pool.asked_for("writes '/etc/x.mid.part'", ["generate", "--output=/etc/x.mid"])
    assert not pool.asked_for("writes '/etc/x.mid.part'", ["generate", "--output=x.mid"])


def test_file_by_file(load, tmp_path, monkeypatch):
    files = load("hostile_files")
    (tmp_path / "files" / "cases" / "header").mkdir(parents=True)
    tune = tmp_path / "files" / "cases" / "header" / "format_0.mid"
    midi.write(Score((Track(notes=note_table([0], [480], [60], [80])),)), tune)
    (tmp_path / "text.mid").write_text("not music")
    row, endings = files.file_by_file("inspect", [tune, tmp_path / "text.mid"], tmp_path, tmp_path / "work")
    assert (row.calls, row.done, row.findings) == (2, 1, "") and "not a MIDI file" in endings[1].said


def test_every_verb_and_flag_is_tried(load):
    calls = load("hostile_calls")
    known = calls.words()
    assert {path[0] for path in known} == set(melody.cli.VERBS) and ("data", "fetch") in known
    assert any(word.names == ("--output", "-o") and word.takes for word in known["generate",])
    lines = [calls.line(3, k, known, frozenset()) for k in range(400)]
    assert lines == [calls.line(3, k, known, frozenset()) for k in range(400)]
    assert {line[0] for line in lines if line} >= set(melody.cli.VERBS)
    used = {word.partition("=")[0] for line in lines for word in line}
    flags = {name for words in known.values() for word in words for name in word.names if name.startswith("--")}
    assert len(flags & used) > 0.9 * len(flags)


def test_a_folder_is_put_in_order(load, tmp_path, monkeypatch):
    calls = load("hostile_calls")
    monkeypatch.setattr(calls, "contents", lambda bundle: {"tune.mid": b"music"})
    folder = calls.Folder(tmp_path / "box", tmp_path)
    assert not folder.order() and not folder.order()
    (folder.here / "tune.mid").write_bytes(b"spoilt")
    (folder.place / "x.part").write_bytes(b"")
    assert folder.order() and not folder.order()
    assert (folder.here / "tune.mid").read_bytes() == b"music" and not (folder.place / "x.part").exists()


def test_the_table(load, monkeypatch, tmp_path):
    hostile = load("hostile")
    part = hostile.Part("x", "missing.py", "", "", hostile.as_they_are)
    assert [row.ok for row in hostile.measured(part, full=False)] == [False]
    part = hostile.Part("x", "fuzz.py", "", "", hostile.as_they_are, tmp_path / "nowhere")
    assert "not measured" in next(hostile.measured(part, full=False)).figure
    found = {"read": 10, "cpu": 1, "memory": 1, "findings": []}
    assert next(hostile.of_mutants(found))[2] and not next(hostile.of_mutants(found | {"findings": ["x"]}))[2]
    assert not next(hostile.of_mutants(found | {"read": 0}))[2]
    sequence = {"sequences": 5, "notes": 9, "findings": []}
    assert next(hostile.of_events(sequence))[2] and not next(hostile.of_events(sequence | {"findings": ["x"]}))[2]


def test_the_tests_that_the_table_counts_are_there(load):
    hostile = load("hostile")
    for folder, kinds in (("midi", hostile.ARCHIVES), ("data", hostile.DOWNLOADS)):
        text = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests" / folder).glob("test_*.py"))
        names = re.findall(r"^def (test_\w+)", text, re.MULTILINE)
        assert all(any(re.search(pattern, name) for name in names) for pattern in kinds.values())
    assert len(hostile.DOWNLOADS) >= 12
