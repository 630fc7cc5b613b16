"""train: runs, resuming, fine-tuning, and how signals end a run."""

import json
import os
import signal
import subprocess
import sys

import pytest

from melody import bundle
from melody.cli.watch import Watch

pytestmark = pytest.mark.slow

QUICK = ("--recipe", "tiny", "--threads", 1, "--precision", "fp32", "--batch", 2)


def test_a_run_is_a_model(melody, corpus, here):
    said = melody("train", corpus, "-o", "run", *QUICK, "--steps", 4, "--seed", 3, "--json")
    facts = json.loads(said.out)
    assert said.status == 0
    assert (facts["files"], facts["seed"], facts["steps"], facts["ending"]) == (["run"], 3, 4, "done")
    assert facts["notes"] > 0 and facts["seconds"] > 0 and facts["nats_per_note"] > 0
    assert bundle.read(here / "run").training["step"] == 4
    assert "step 4" in said.err


def test_quiet(melody, corpus):
    assert melody("train", corpus, "-o", "run", *QUICK, "--steps", 2, "--quiet") == (0, "", "")


def test_resume_goes_on(melody, corpus):
    assert melody("train", corpus, "-o", "run", *QUICK, "--steps", 3, "--quiet").status == 0
    again = melody("train", corpus, "-o", "run", *QUICK, "--steps", 3)
    assert again.status == 2 and "--resume" in again.err and "--force" in again.err
    said = melody("train", corpus, "-o", "run", "--resume", "--steps", 5, "--json", "--quiet")
    assert said.status == 0 and json.loads(said.out)["steps"] == 5
    assert melody("train", corpus, "-o", "run", *QUICK, "--steps", 2, "--force", "--quiet").status == 0
    assert bundle.read("run").training["step"] == 2


def test_fine_tuning_takes_the_shape_of_the_model(melody, corpus, model):
    said = melody("train", corpus, "-o", "mine", "--from", model, "--steps", 2, "--threads", 1, "--batch", 2, "--quiet")
    assert said == (0, "", "")
    assert dict(bundle.read("mine").model) == dict(bundle.read(model).model)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_resume(melody, corpus, monkeypatch, number, status):
    update = Watch.update

    def third_step(self, progress):
        update(self, progress)
        if progress.step == 3:
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "update", third_step)
        said = melody("train", corpus, "-o", "run", *QUICK, "--steps", 50)
    assert said.status == status
    assert f"melody train {corpus} -o run --resume" in said.out
    said = melody("train", corpus, "-o", "run", "--resume", "--steps", 5, "--json", "--quiet")
    assert said.status == 0 and json.loads(said.out)["steps"] == 5


def test_ctrl_c_from_outside(corpus, here):
    command = [sys.executable, "-m", "melody", "train", corpus, "-o", "run", *map(str, QUICK), "--steps", "100000"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here, env=os.environ)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("step 1 ")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 130
    assert "Traceback" not in err and "--resume" in out
    assert (here / "run" / "resume.json").is_file() and (here / "run" / "bundle.json").is_file()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--steps", 5, "--minutes", 1), "--steps and --minutes"),
        (("--steps", -5), "--steps is -5"),
        (("--minutes", "nan"), "--minutes is nan"),
        (("--batch", 0), "--batch is 0"),
        (("--seed", -1), "--seed is -1"),
        (("--resume", "--force"), "--resume and --force"),
        (("--resume", "--recipe", "tiny"), "--resume and --recipe"),
        (("--recipe", "tinny"), "did you mean 'tiny'?"),
        (("--recipe", "tiny", "--precision", "fp64"), "precision is"),
    ],
)
def test_calls_that_are_wrong(melody, corpus, here, flags, words):
    said = melody("train", corpus, "-o", "run", *flags)
    assert said.status == 2 and words in said.err and said.err.count("\n") == 1
    assert not (here / "run").exists()


def test_work_that_cannot_be_done(melody, corpus, here):
    said = melody("train", "nothing", "-o", "run")
    assert said.status == 1 and "melody prepare" in said.err
    said = melody("train", corpus, "-o", "run", "--resume")
    assert said.status == 1 and "no run to resume" in said.err
    said = melody("train", corpus, "-o", "no/run")
    assert said.status == 1 and "no such folder" in said.err
    (here / "own.toml").write_text("[train]\nsteps = 'many'\n")
    said = melody("train", corpus, "-o", "run", "--recipe", "own.toml")
    assert said.status == 2 and "steps is 'many', must be a whole number" in said.err
    (here / "run").write_text("a file")
    assert melody("train", corpus, "-o", "run").status == 2
    assert (here / "run").read_text() == "a file"


def test_midi_is_prepared_first(melody, songs, here):
    said = melody("train", songs, "-o", "run", *QUICK, "--steps", 2, "--sample-bars", 0)
    assert said.status == 0 and "8 pieces" in said.err
    assert (here / "run" / "corpus" / "index.json").is_file() and bundle.read("run").training["step"] == 2
    (here / "run" / "corpus" / "report.csv").unlink()
    assert melody("train", songs, "-o", "run", "--resume", "--steps", 3, "--quiet").status == 0
    assert not (here / "run" / "corpus" / "report.csv").exists()  # a resumed run keeps its corpus


def test_a_folder_without_midi_is_one_line(melody, here):
    (here / "empty").mkdir()
    said = melody("train", "empty", "-o", "run", *QUICK, "--steps", 2)
    assert said.status == 1 and "no MIDI files" in said.err and not (here / "run").exists()


def test_a_style_of_some_kilobytes(melody, songs, here, model):
    (here / "mine" / "tango").mkdir(parents=True)
    for seed in range(3):
        (here / "mine" / "tango" / f"{seed}.mid").write_bytes((songs / "waltz" / f"{seed}.mid").read_bytes())
    options = ("--threads", 1, "--precision", "fp32", "--batch", 2, "--sample-bars", 0)
    said = melody("train", "mine", "-o", "run", "--from", model, "--tune", "state", "--steps", 3, *options)
    assert said.status == 0 and "before" in said.out and "tango.style" in said.out
    assert (here / "run" / "tango.style").stat().st_size < 10_000
    played = melody("generate", "--model", model, "--style", "run/tango.style", "--bars", 1, "--seed", 1, "-o", "x.mid", "--quiet")
    assert played == (0, "", "") and (here / "x.mid").stat().st_size > 0
    other = melody("generate", "--model", "run", "--style", "run/tango.style", "--bars", 1, "-o", "y.mid")
    assert other.status == 1 and "another model" in other.err


def test_what_was_forgotten_is_told(melody, corpus, songs, model):
    options = ("--threads", 1, "--precision", "fp32", "--batch", 2, "--sample-bars", 0, "--steps", 2)
    said = melody("train", songs, "-o", "run", "--from", model, "--old", corpus, *options)
    assert said.status == 0 and "old pieces: " in said.out and "held-out pieces: " in said.out
    assert melody("train", songs, "-o", "other", "--from", model, "--old", "nope", *options).status == 1
    assert melody("train", songs, "-o", "third", "--old", corpus, *options).status == 2


def test_tune_wants_a_model(melody, corpus):
    said = melody("train", corpus, "-o", "run", "--tune", "heads")
    assert said.status == 2 and "--from" in said.err


def test_samples_and_a_page(melody, corpus, here):
    said = melody("train", corpus, "-o", "run", *QUICK, "--steps", 20, "--sample-bars", 2)
    assert said.status == 0 and "held-out" in said.err
    assert (here / "run" / "report.html").stat().st_size > 1000


def test_a_second_run_in_the_folder_is_refused(melody, corpus, here):
    from melody.training import folder

    (here / "run").mkdir()
    held = f"f.hold(Path({str(here / 'run')!r}))"
    code = f"import sys, melody.training.folder as f\nfrom pathlib import Path\nwith {held}: print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        said = melody("train", corpus, "-o", "run", *QUICK, "--steps", 2, "--force")
        assert said.status == 1 and "another run writes here" in said.err and str(other.pid) in said.err
        other.stdin.close()
    assert folder.LOCK == ".lock" and not (here / "run" / "bundle.json").exists()


def test_tensorboard_is_an_extra(melody, corpus, monkeypatch, here):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = melody("train", corpus, "-o", "run", *QUICK, "--steps", 2, "--tensorboard")
    assert said.status == 1 and "pip install 'melody-lstm[tensorboard]'" in said.err and not (here / "run" / "bundle.json").exists()


def test_tensorboard_gets_the_numbers(melody, corpus, monkeypatch, here):
    import types

    points = {}

    class Writer:
        def __init__(self, folder):
            points["folder"] = folder

        def add_scalar(self, name, value, step):
            points[name, step] = value

        def close(self):
            points["closed"] = True

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    assert melody("train", corpus, "-o", "run", *QUICK, "--steps", 20, "--tensorboard", "--sample-bars", 0, "--quiet").status == 0
    assert points["folder"].endswith("tensorboard") and points["closed"] and points["train/nats", 10] > 0
    assert points["held-out/total", 20] > 0
