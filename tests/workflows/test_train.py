"""melody.train: a run from Python, what a callback sees and does, how a signal ends it, and what is measured at the end."""

import inspect
import json
import os
import signal
import threading
from dataclasses import fields

import pytest

import melody
from melody import bundle
from melody.compose import Generate
from melody.corpus import Corpus
from melody.errors import CallError, MelodyError
from melody.evaluation.typical import ALL, NAME, read_typical
from melody.training.config import TrainConfig
from melody.workflows.interrupts import Interrupts
from melody.workflows.settings import TrainSettings
from melody.workflows.train import Interrupted

QUICK = {"recipe": "tiny", "threads": 1, "precision": "fp32", "batch": 2, "sample_bars": 0}


class Log(melody.TrainCallback):
    """Keeps what it sees; ``act`` is called after every step."""

    def __init__(self, act=lambda step: None):
        self.seen, self.steps, self.act, self.stopping = [], [], act, False

    def working(self, what, done, total):
        self.seen.append(what)

    def prepared(self, summary):
        self.seen.append(f"prepared {summary.pieces}")

    def sampled(self, step, score):
        self.seen.append(f"sampled {step}, {score.note_count > 0}")

    def missed(self, what, fault):
        self.seen.append(f"{what}: {fault}")

    def update(self, progress):
        self.steps.append(progress.step)
        self.act(progress.step)

    def stop(self):
        return self.stopping


def test_keywords_are_the_settings():
    parameters = inspect.signature(melody.train).parameters
    taken = {name: p.default for name, p in parameters.items() if name not in ("music", "output", "callback")}
    assert taken == {f.name: f.default for f in fields(TrainSettings)}
    assert set(TrainSettings().over()) == set() and set(TrainSettings(steps=3, seed=1).over()) == {"steps", "minutes", "seed"}
    assert {f.name for f in fields(TrainConfig)} >= set(TrainSettings(minutes=1, batch=1, save_every=2, threads=0, precision="fp32").over())


WRONG = [
    ({"steps": 0}, "steps is 0, must be 1 or more"),
    ({"steps": "3"}, "steps is '3', must be a whole number"),
    ({"minutes": 0}, "minutes is 0, must be above 0"),
    ({"minutes": float("nan")}, "minutes is nan"),
    ({"steps": 1, "minutes": 1}, "steps and minutes contradict"),
    ({"precision": "fp64"}, "precision is 'fp64', must be one of: auto, fp32, bf16"),
    ({"tune": "none", "from_": "base"}, "tune is 'none', must be one of"),
    ({"tune": "heads"}, "tune is for fine-tuning; name the model to start from with from_"),
    ({"old": "corpus"}, "old is for fine-tuning"),
    ({"resume": True, "force": True}, "resume and force contradict"),
    ({"resume": True, "from_": "base"}, "resume and from_ contradict"),
    ({"resume": 1}, "resume is 1, must be True or False"),
    ({"recipe": 3}, "recipe is 3, must be a name or a path"),
    ({"recipe": "tinny"}, "did you mean 'tiny'"),
    ({"from_": ["base"]}, "from_ is \\['base'\\]"),
    ({"old": 5, "from_": "base"}, "old is 5, must be a path"),
    ({"sample_bars": -1}, "sample_bars is -1"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_wrong_settings_are_named_before_any_work(corpus, tmp_path, settings, words):
    with pytest.raises(CallError, match=words):
        melody.train(corpus, tmp_path / "run", **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("music", "words"), [(3, "music is 3"), (b"x", "music is b'x'"), ("", "music is ''")])
def test_music_is_a_path_or_a_corpus(tmp_path, monkeypatch, music, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CallError, match=words):
        melody.train(music, "run", steps=1)
    with pytest.raises(CallError, match="output is None"):
        melody.train("songs", None, steps=1)


def test_a_folder_that_cannot_be_used(corpus, tmp_path):
    with pytest.raises(MelodyError, match="no such folder; create it first"):
        melody.train(corpus, tmp_path / "no" / "run", steps=1)
    with pytest.raises(MelodyError, match="no run to resume here; start one without resume"):
        melody.train(corpus, tmp_path / "run", resume=True)
    with pytest.raises(CallError, match="unknown model 'bass'"):
        melody.train(corpus, tmp_path / "run", from_="bass", steps=1)
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(CallError, match="already holds a run; pass resume=True to go on with it, or force=True to start anew"):
        melody.train(corpus, tmp_path, steps=1)


@pytest.mark.slow
def test_a_folder_of_midi_becomes_a_model_that_can_choose_the_best(songs, tmp_path):
    log = Log()
    run = melody.train(songs, tmp_path / "run", **QUICK | {"sample_bars": 1}, steps=3, seed=5, callback=log)
    assert (run.folder, run.ending, run.steps, run.seed) == (tmp_path / "run", "done", 3, 5)
    assert run.notes > 0 and run.seconds > 0 and run.nats_per_note > 0 and run.before is None and run.styles == ()
    assert log.steps == [1, 2, 3] and {"reading", "prepared 8", "starting", "measuring styles"} <= set(log.seen)
    assert any(line.startswith(("sampled 3", "no sample")) for line in log.seen)
    made = bundle.read(run.folder)
    assert set(read_typical(made)) == {"pop909", "waltz", ALL}
    facts = json.loads((run.folder / NAME).read_text())
    assert sum(facts["pieces"].values()) == len(Corpus(run.folder / "corpus").split("train"))
    composer = melody.load(run.folder)
    assert len(next(composer.best([Generate(bars=1, seed=1, style="waltz")], 2)).ratings) >= 1


@pytest.mark.slow
def test_a_callback_can_stop_it_and_the_run_goes_on(corpus, tmp_path):
    log = Log()
    log.act = lambda step: setattr(log, "stopping", step == 2)
    run = melody.train(Corpus(corpus), tmp_path / "run", **QUICK, steps=4, callback=log)
    assert (run.ending, run.steps) == ("stopped", 2) and not (tmp_path / "run" / NAME).exists()
    run = melody.train(corpus, tmp_path / "run", resume=True, sample_bars=0)
    assert (run.ending, run.steps) == ("done", 4) and (tmp_path / "run" / NAME).exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_is_a_keyboard_interrupt(corpus, tmp_path, number):
    before = signal.getsignal(number)
    log = Log(lambda step: signal.raise_signal(number) if step == 2 else None)
    with pytest.raises(KeyboardInterrupt, match=r"stopped and saved in .*resume=True goes on") as stopped:
        melody.train(corpus, tmp_path / "run", **QUICK, steps=50, callback=log)
    assert isinstance(stopped.value, Interrupted) and (stopped.value.run.steps, stopped.value.signal) == (2, number)
    assert (tmp_path / "run" / "resume.json").is_file() and signal.getsignal(number) is before


@pytest.mark.slow
def test_starting_anew_takes_away_what_was_measured_of_the_old_model(corpus, tmp_path):
    melody.train(corpus, tmp_path / "run", **QUICK, steps=2)
    log = Log()
    log.act = lambda step: setattr(log, "stopping", True)
    melody.train(corpus, tmp_path / "run", **QUICK, steps=5, force=True, callback=log)
    assert bundle.read(tmp_path / "run").training["step"] == 1 and not (tmp_path / "run" / NAME).exists()


@pytest.mark.slow
def test_fine_tuning_says_what_was_forgotten(corpus, songs, model, tmp_path):
    quick = QUICK | {"recipe": None, "steps": 2}
    run = melody.train(songs / "waltz", tmp_path / "run", **quick, from_=model, tune="state", old=corpus)
    assert run.before > 0 and len(run.old) == 2 and [p.suffix for p in run.styles] == [".style"]
    assert set(read_typical(bundle.read(run.folder))) == {"waltz", ALL}


@pytest.mark.slow
def test_what_cannot_be_measured_does_not_spoil_the_run(corpus, tmp_path, monkeypatch):
    from melody.workflows import finishing

    def full(*arguments):
        raise MelodyError("no space left")

    monkeypatch.setattr(finishing, "write_typical", full)
    log = Log()
    assert melody.train(corpus, tmp_path / "run", **QUICK, steps=2, callback=log).ending == "done"
    assert log.seen[-1] == "not measured what is typical: no space left"


@pytest.mark.slow
def test_ctrl_c_while_it_is_measured_says_that_the_model_is_there(corpus, tmp_path, monkeypatch):
    from melody.workflows import finishing

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(finishing, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt, match="holds the trained model"):
        melody.train(corpus, tmp_path / "run", **QUICK, steps=2)
    assert bundle.read(tmp_path / "run").training["step"] == 2


def test_of_several_processes_only_a_prepared_corpus_will_do(songs, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    with pytest.raises(CallError, match="several processes need a prepared one: melody prepare"):
        melody.train(songs, tmp_path / "run", steps=1)


def test_a_second_signal_ends_the_work_at_once():
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.caught == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_another_thread_leaves_signals_alone():
    before, during = signal.getsignal(signal.SIGINT), []

    def work():
        with Interrupts():
            during.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert during == [before]
