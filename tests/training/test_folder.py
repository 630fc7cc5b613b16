"""The folder of a run: one writer, nothing ever half there, and what a kill leaves is put right."""

import json
import subprocess
import sys

import pytest

from melody import bundle
from melody.errors import MelodyError
from melody.files import write_bytes
from melody.training import checkpoint, folder
from melody.training.folder import Metrics, hold, renew_bundle, tidy

from .conftest import Log, tiny

HOLDER = """
import sys, pathlib
from melody.training.folder import hold
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_a_second_run_is_refused_and_a_killed_one_holds_nothing(holder, tmp_path, start):
    with pytest.raises(MelodyError, match=rf"another run writes here \(process {holder.pid} on .+\)") as fault, hold(tmp_path / "run"):
        pass
    assert "\n" not in str(fault.value)
    with pytest.raises(MelodyError, match="another run"):
        start().run(Log(last=1))
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()
    assert start().run(Log(last=1)).step == 1
    assert not (tmp_path / "run" / ".lock").exists()


def test_holding_twice_in_one_process(tmp_path):
    with hold(tmp_path / "run"):
        with hold(tmp_path / "run"):
            pass
        assert (tmp_path / "run" / ".lock").exists()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "no" / "run", tmp_path / "a\0b"):
        with pytest.raises(MelodyError, match="cannot be written"), hold(place):
            pass


def two(kept):
    """A writer of a bundle of two small files."""

    def write(place):
        for name in (bundle.WEIGHTS, bundle.FACTS, "README.md"):
            write_bytes(place / name, kept + name.encode())

    return write


@pytest.mark.parametrize("moment", range(5))
def test_a_kill_at_any_moment_leaves_one_whole_bundle(tmp_path, monkeypatch, moment):
    """Every rename may be the last thing that happens; after ``tidy`` the two files are of one time."""
    renew_bundle(tmp_path, two(b"old "))
    replace, calls = folder.os.replace, []

    def until(source, target):
        calls.append(target)
        if len(calls) > moment:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", until)
        with pytest.raises(KeyboardInterrupt):
            renew_bundle(tmp_path, two(b"new "))
    tidy(tmp_path, 0)
    kinds = {(tmp_path / name).read_bytes()[:3] for name in (bundle.WEIGHTS, bundle.FACTS)}
    assert kinds == ({b"new"} if moment > 3 else {b"old"})
    assert not (tmp_path / ".next").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_the_last_checkpoints_stay(start):
    trainer = start(recipe=tiny(steps=7, save_every=2, keep=2))
    trainer.run(Log())
    last = trainer.writer.path / "last"
    assert sorted(p.name for p in last.iterdir()) == ["00000006", "00000007"]
    assert bundle.load_model(bundle.read(last / "00000006")) and bundle.read(last / "00000006").training["step"] == 6
    none = start("none", tiny(steps=2, keep=0))
    none.run(Log())
    assert not (none.writer.path / "last").exists()


@pytest.mark.slow
def test_what_a_killed_run_wrote_after_its_last_save_is_cut_back(start):
    trainer = start(recipe=tiny(steps=40, save_every=10))
    trainer.run(Log(last=20))
    metrics = trainer.writer.path / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"step": 30}\n{"step": 40, "na')
    (trainer.writer.path / "last" / "00000030").mkdir()
    (trainer.writer.path / ".model.safetensors.abc.part").write_bytes(b"half")
    again = start(recipe=tiny(steps=40, save_every=10))
    again.resume()
    again.run(Log())
    assert [json.loads(line)["step"] for line in metrics.read_text().splitlines()] == [10, 20, 30, 40]
    assert sorted(p.name for p in (trainer.writer.path / "last").iterdir()) == ["00000020", "00000030", "00000040"]
    assert bundle.read(trainer.writer.path / "last" / "00000030").training["step"] == 30
    assert not list(trainer.writer.path.glob("*.part"))


@pytest.mark.parametrize("text", ["", "{", "[]\n", '{"step": "x"}\n', "\0\n", "9" * 100_000])
def test_metrics_that_are_damaged_are_cut_where_the_damage_begins(tmp_path, text):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n' + text)
    Metrics(tmp_path, 5).add({"step": 6})
    assert path.read_text() == '{"step": 1}\n{"step": 6}\n'


LIMITED = """
import resource, signal, sys, pathlib
from melody.training.folder import Metrics, keep_last, renew_bundle, write_whole
from melody.errors import MelodyError
place = pathlib.Path(sys.argv[1])
metrics = Metrics(place, 0)
metrics.add({"step": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
for work in (
    lambda: write_whole(place / "state", b"x" * 100),
    lambda: renew_bundle(place, lambda f: (f / "model.safetensors").write_bytes(b"x" * 100)),
    lambda: keep_last(place, 3, 2, lambda f: (f / "model.safetensors").write_bytes(b"x" * 100)),
    lambda: metrics.add({"step": 2}),
):
    try:
        work()
    except MelodyError as fault:
        print(str(fault).count("\\n"), "cannot be written (" in str(fault))
"""


@pytest.mark.slow
def test_a_disk_without_room_leaves_what_was_there(tmp_path):
    (tmp_path / "state").write_bytes(b"old")
    (tmp_path / "model.safetensors").write_bytes(b"old")
    said = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=False)
    assert said.stdout.splitlines() == ["0 True"] * 4, said
    assert (tmp_path / "state").read_bytes() == (tmp_path / "model.safetensors").read_bytes() == b"old"
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1}\n'
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last", "metrics.jsonl", "model.safetensors", "state"]
    assert not list((tmp_path / "last").iterdir())


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while(start, monkeypatch):
    """The run goes on, says so, and saves again once there is room."""
    trainer = start(recipe=tiny(steps=8, save_every=2))
    write, log = folder.write_whole, Log()

    def full(path, data):
        if 3 <= trainer.counters.step <= 5:
            raise MelodyError(f"{path.name}: cannot be written (No space left on device)")
        write(path, data)

    monkeypatch.setattr(checkpoint, "write_whole", full)
    assert trainer.run(log).ending == "done"
    assert [bool(p.notice) for p in log.seen] == [False] * 4 + [True] + [False] * 3
    assert "No space left" in log.seen[4].notice
    assert json.loads((trainer.writer.path / "resume.json").read_text())["counters"]["step"] == "8.0"
