"""A run that starts anew where another one stands: the old one goes when the new one has saved something, and not before."""

import os

import pytest

from melody.training.folder import GOING, OLD, set_aside, tidy

NAMES = ("bundle.json", "model.safetensors", "resume.json", "metrics.jsonl", "last")


@pytest.fixture
def run(tmp_path):
    for name in NAMES[:-1]:
        (tmp_path / name).write_text("old")
    (tmp_path / "last" / "00000001").mkdir(parents=True)
    (tmp_path / "resume-0123.pt").write_text("old")
    (tmp_path / "mine.txt").write_text("old")
    return tmp_path


def texts(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def test_it_comes_back_where_nothing_was_saved(run):
    before = texts(run)

    def stopped():
        with set_aside(run, NAMES):
            assert texts(run) == {"mine.txt": "old"} and not (run / "last").exists()
            (run / "metrics.jsonl").write_text("new")
            (run / "model.safetensors").write_text("new")  # half a bundle: no facts vouch for it
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert texts(run) == before and sorted(os.listdir(run / "last")) == ["00000001"]
    assert not (run / OLD).exists()


@pytest.mark.parametrize("saved", ["bundle.json", "resume.json"])
def test_it_goes_where_something_was_saved(run, saved):
    with set_aside(run, NAMES):
        (run / saved).write_text("new")
    assert texts(run) == {saved: "new", "mine.txt": "old"} and not (run / OLD).exists()


@pytest.mark.parametrize("moves", range(9))
def test_a_kill_while_files_are_moved_loses_none(run, monkeypatch, moves):
    before, real, done = texts(run), os.replace, []

    def replace(source, target):
        if len(done) == moves:
            raise SystemExit  # what follows is not done, as in a kill
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(SystemExit), set_aside(run, NAMES):
        raise SystemExit
    monkeypatch.setattr(os, "replace", real)
    with pytest.raises(ValueError, match="other"), set_aside(run, NAMES):
        raise ValueError("other")
    assert texts(run) == before and (run / "last" / "00000001").is_dir()
    assert not (run / OLD).exists() and not (run / GOING).exists()


def test_a_resumed_run_does_not_keep_it(run):
    (run / OLD).mkdir()
    tidy(run, 0)
    assert not (run / OLD).exists()
