"""The child process sees every way to end, keeps to its folder, and is replaced when it is lost; the rules tell good endings from bad."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import melody.cli
from melody.errors import MelodyError
from tests.robustness import child as harness
from tests.robustness import commands, refusals
from tests.robustness.child import Child, Ending, Limits

ONE_LINE = "melody: x.mid: no such file\n"
ROOM = Limits(cpu=60, memory=8000)  # for jobs that nothing is wrong with, however busy the machine is
TIGHT = Limits(cpu=0.1, memory=8000)


def good(job):
    print("a word", file=sys.stderr)
    return job


def wrong(job):
    raise KeyError("x")


def die(job):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(job):
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print("melody: interrupted", file=sys.stderr)
        return 130


def deaf(job):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)


def burn(job):
    while True:
        pass


def large(job):
    return len(bytearray(os.urandom(1 << 20)) * 200)


def big_file(job):
    Path(job).write_bytes(bytes(2000))


@pytest.mark.parametrize(
    ("work", "limits", "words"),
    [
        (good, ROOM, ""),
        (wrong, ROOM, "KeyError: 'x'"),
        (die, ROOM, "the process died (-9)"),
        (sleep, TIGHT, "more than 0.1 s, and no end"),
        (burn, TIGHT, "more than 0.1 s, and no end"),
        (large, Limits(cpu=60, memory=200), "MiB"),
        (large, Limits(cpu=60, memory=8000, space=1 << 24), "MemoryError"),
        (big_file, Limits(cpu=60, memory=8000, file=1000), "File too large"),
    ],
)
def test_endings(work, limits, words, tmp_path):
    with Child(work, limits) as child:
        ending = child.do(str(tmp_path / "x"))
        assert (words in ending.fault) if words else not ending.fault
        assert not ending.stopped
        assert work is not good or (ending.value, ending.said) == (str(tmp_path / "x"), "a word\n")
        child.work, child.limits = good, ROOM
        child.close()
        assert child.do(5).value == 5  # a new process takes the next job


@pytest.mark.parametrize(("work", "stopped", "words"), [(sleep, True, ""), (deaf, False, "did not stop within 0.5 s")])
def test_a_job_is_asked_to_stop(monkeypatch, work, stopped, words):
    monkeypatch.setattr(harness, "GRACE", 0.5 if work is deaf else 60)
    with Child(work, Limits(cpu=0.1, memory=8000, interrupt=True)) as child:
        ending = child.do(None)
        assert ending.stopped == stopped and words in ending.fault and child.process is None
        assert ending.value == (130 if stopped else None)


def with_a_child(job):
    return subprocess.Popen(["sleep", "600"]).pid


def test_what_a_job_left_running_is_ended_too():
    with Child(with_a_child, ROOM) as child:
        left = child.do(None).value
        assert state_of(left) is not None
    for _ in range(600):  # init may take a moment to take it away
        if state_of(left) is None:
            return
        time.sleep(0.1)
    raise AssertionError("it lives on")


def state_of(pid):
    """None where there is no such process, or only its status."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return None
    return None if state == "Z" else state


def outside(job):
    for attempt in (lambda: Path("outside").write_text("x"), lambda: os.rename("box/x", "x"), lambda: socket.getaddrinfo("localhost", 80)):
        try:
            attempt()
        except PermissionError:
            continue
    Path("box/inside").write_text("x")


def test_what_leads_outside_is_refused_and_told(tmp_path, monkeypatch):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "x").touch()
    monkeypatch.chdir(tmp_path)
    with Child(outside, Limits(cpu=60, memory=8000, places=(tmp_path / "box",))) as child:
        ending = child.do(None)
    assert [what.split()[0] for what in ending.refused] == ["writes", "os.rename", "socket.getaddrinfo"] and not ending.fault
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["box", "inside", "x"]


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
        (None, "", "status None"),
        (130, ONE_LINE, "status 130"),
        (1, "Traceback (most recent call last)\n" + ONE_LINE, "traceback"),
        (1, "melody: \x1b[31m\n", "control"),
    ],
)
def test_the_rules(status, said, words):
    found = commands.judged(Ending(status, said, ""), ["inspect", "x"])
    assert (words in found) if words else not found


def test_a_run_that_was_stopped_may_end_with_130_and_without_a_message():
    for said in ("step 1\n", ONE_LINE):
        ending = Ending(130, said, "", stopped=True)
        assert not commands.judged(ending, ["train"], long_is_a_fault=False)
        assert commands.judged(ending, ["train"]) == "took too long"


def test_what_was_asked_for_is_no_fault():
    seen = Ending(0, "", "", refused=("socket.getaddrinfo 'x'", "writes '/etc/x.mid.part'"))
    assert not commands.judged(seen, ["data", "fetch", "x", "--output=/etc/x.mid"])
    assert "socket" in commands.judged(seen, ["generate", "--output=/etc/x.mid"])
    assert "writes" in commands.judged(seen, ["data", "fetch", "x", "--output=x.mid"])


def test_a_command_line_runs_in_its_folder(tmp_path, monkeypatch):
    def main(arguments):
        Path(arguments[0]).write_text(os.environ["HOME"])
        return 0

    monkeypatch.setattr(melody.cli, "main", main)
    (tmp_path / "box").mkdir()
    with commands.command_line(tmp_path / "box", tmp_path / "box", ROOM, "fork") as child:
        assert not commands.judged(child.do(["x"]), ["x"])
        assert "writes '../y'" in commands.judged(child.do(["../y"]), ["../y"])
    assert (tmp_path / "box" / "x").read_text() == str(tmp_path / "box") and not (tmp_path / "y").exists()


def refuse(text="no such thing"):
    raise MelodyError(text)


@pytest.mark.slow
def test_refusals_are_not_confused_with_anything_else():
    cases = {
        "refused": refuse,
        "two lines": lambda: refuse("one\ntwo"),
        "long": lambda: refuse("x" * 1000),
        "same": lambda: "same",
        "taken": lambda: "something else",
        "bug": lambda: {}[1],
        "dies": lambda: os._exit(7),
        "burns": lambda: burn(None),
        "refused again": refuse,
    }
    tally = refusals.tried([(name, lambda: None, case) for name, case in cases.items()], Limits(cpu=1, memory=8000))
    assert (tally.cases, tally.refused, tally.same) == (9, 2, ["same"]) and not tally.ok
    wrong = dict(w.split(": ", 1) for w in tally.wrong)
    assert list(wrong) == ["two lines", "long", "taken", "bug", "dies", "burns"]
    assert "KeyError" in wrong["bug"] and "(7)" in wrong["dies"] and "no end" in wrong["burns"]
