"""generate, continue, accompany, infill: the way from flags to files."""

import json
from pathlib import Path

import pytest

from melody import midi
from melody.cli import main
from melody.cli.guard import Terminated
from melody.errors import MelodyError
from melody.generate.loop import Writer

LENGTH = ("--bars", 2)
STEP = Writer._step


def notes_of(score, start=0, end=1 << 40):
    """(track, onset, duration, pitch, velocity) of the notes that start in [start, end) ticks."""
    return {(i, *map(int, n)) for i, t in enumerate(score.tracks) for n in t.notes if start <= n["onset"] < end}


def test_generate_names_its_file_by_the_seed(melody, model, here):
    said = melody("generate", "--model", model, *LENGTH, "--seed", 5, "--engine", "torch")  # by default a model without a runtime says so
    assert said.status == 0 and said.err == ""
    assert said.out.startswith("generated-5.mid: ") and "seed 5" in said.out
    score = midi.read(here / "generated-5.mid")
    assert score.end_tick <= 2 * 4 * score.ticks_per_quarter


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes(melody, model, here):
    for name, seed in (("a.mid", 5), ("b.mid", 5), ("c.mid", 6)):
        assert melody("generate", "--model", model, *LENGTH, "--seed", seed, "-o", name).status == 0
    a, b, c = ((here / f"{n}.mid").read_bytes() for n in "abc")
    assert a == b != c


def test_a_seed_is_drawn_and_told(melody, model):
    facts = [json.loads(melody("generate", "--model", model, *LENGTH, "--json").out) for _ in range(2)]
    assert facts[0]["seed"] != facts[1]["seed"]
    assert facts[0]["files"] == [f"generated-{facts[0]['seed']}.mid"]


def test_json_is_one_object_that_agrees_with_the_file(melody, model):
    said = melody("generate", "--model", model, *LENGTH, "--seed", 1, "--json", "-o", "x.mid")
    facts = json.loads(said.out)
    score = midi.read("x.mid")
    assert said.err == "" and said.out.count("\n") == 1
    assert facts["files"] == ["x.mid"] and facts["notes"] == score.note_count
    assert facts["seconds"] == pytest.approx(score.duration_seconds, abs=1e-3)


def test_quiet_prints_nothing(melody, model, here):
    assert melody("generate", "--model", model, *LENGTH, "--quiet", "-o", "x.mid") == (0, "", "")
    assert (here / "x.mid").is_file()


def test_several_pieces_fill_a_folder(melody, model, here):
    said = melody("generate", "--model", model, *LENGTH, "-n", 3, "--seed", 7, "-o", "three", "--json")
    names = ["001-seed-7.mid", "002-seed-8.mid", "003-seed-9.mid"]
    assert sorted(p.name for p in (here / "three").iterdir()) == names
    facts = json.loads(said.out)
    assert [p["seed"] for p in facts["pieces"]] == [7, 8, 9]
    assert facts["notes"] == sum(p["notes"] for p in facts["pieces"]) == sum(midi.read(f"three/{n}").note_count for n in names)


@pytest.mark.slow
def test_several_pieces_join_a_folder_that_exists(melody, model, here):
    (here / "three").mkdir()
    (here / "three" / "mine.txt").write_text("mine")
    assert melody("generate", "--model", model, *LENGTH, "-n", 2, "--seed", 7, "-o", "three").status == 0
    assert len(list((here / "three").iterdir())) == 3
    again = melody("generate", "--model", model, *LENGTH, "-n", 2, "--seed", 7, "-o", "three")
    assert again.status == 2 and "--force" in again.err
    assert melody("generate", "--model", model, *LENGTH, "-n", 2, "--seed", 7, "-o", "three", "--force").status == 0


def test_all_wishes_at_once(melody, model):
    wishes = ("--style", "waltz", "--key", "A minor", "--tempo", 96, "--meter", "3/4", "--voices", "violin,piano,drums")
    sampling = ("--temperature", 0.9, "--top-p", 0.9, "--top-k", 20, "--min-p", 0.01)
    assert melody("generate", "--model", model, *LENGTH, *wishes, *sampling, "-o", "x.mid").status == 0
    score = midi.read("x.mid")
    assert round(60e6 / int(score.tempi["mspq"][0])) == 96
    assert tuple(score.meters[0])[1:] == (3, 4)
    assert {(t.program, t.is_drum) for t in score.tracks} <= {(40, False), (0, False), (0, True)}


@pytest.mark.slow
def test_temperature_0_is_greedy(melody, model, here):
    first, second = (melody("generate", "--model", model, *LENGTH, "--temperature", 0, "--seed", 3, "-o", n) for n in ("a.mid", "b.mid"))
    assert first.status == second.status == 0
    assert (here / "a.mid").read_bytes() == (here / "b.mid").read_bytes()


def test_seconds(melody, model):
    assert melody("generate", "--model", model, "--seconds", 3, "-o", "x.mid").status == 0
    assert midi.read("x.mid").duration_seconds <= 3.1


def test_continue_keeps_the_tune(melody, model, tune: Path):
    said = melody("continue", tune, "--model", model, *LENGTH, "--seed", 1)
    assert said.status == 0 and said.out.startswith("tune-continued-1.mid")
    before, after = midi.read(tune), midi.read("tune-continued-1.mid")
    assert notes_of(after, 0, before.end_tick) == notes_of(before)
    assert after.note_count > before.note_count


@pytest.mark.slow
def test_accompany_keeps_the_tune(melody, model, tune: Path):
    said = melody("accompany", tune, "--model", model, "--track", "MELODY", "--voices", "cello", "-n", 2, "--seed", 1)
    assert said.status == 0
    before = midi.read(tune)
    for name in ("001-seed-1.mid", "002-seed-2.mid"):
        after = midi.read(Path("tune-accompanied-1") / name)
        assert notes_of(before) <= notes_of(after)
        assert {t.program for t in after.tracks[2:]} <= {42}


def test_infill_keeps_what_is_outside(melody, model, tune: Path):
    said = melody("infill", tune, "--model", model, "--from-bar", 3, "--to-bar", 4, "--seed", 1)
    assert said.status == 0 and "tune-infilled-1.mid" in said.out
    before, after = midi.read(tune), midi.read("tune-infilled-1.mid")
    bar = 4 * before.ticks_per_quarter
    for start, end in ((0, 2 * bar), (4 * bar, 1 << 40)):
        assert notes_of(before, start, end) == notes_of(after, start, end)


def test_names_that_are_no_text(melody, model, tune: Path, here):
    odd = here / "na\nïve \udcff.mid"
    tune.rename(odd)
    said = melody("continue", odd, "--model", model, *LENGTH, "--seed", 1)
    assert said.status == 0 and said.out.count("\n") == 1
    assert Path("na\nïve \udcff-continued-1.mid").is_file()


@pytest.mark.slow
def test_a_piece_can_go_to_standard_output(melody, model, here, monkeypatch):
    assert melody("generate", "--model", model, *LENGTH, "--seed", 5, "-o", "x.mid").status == 0
    monkeypatch.setattr("sys.stdout", open(here / "piped.mid", "w"))  # noqa: SIM115  # closed with the process's own
    assert main(["generate", "--model", str(model), "--bars", "2", "--seed", "5", "--stdout"]) == 0
    assert (here / "piped.mid").read_bytes() == (here / "x.mid").read_bytes()


@pytest.mark.parametrize("more", [("-n", 2), ("-o", "x.mid"), ("--json",)])
def test_standard_output_takes_one_piece_and_nothing_else(melody, model, more):
    said = melody("generate", "--model", model, *LENGTH, "--stdout", *more)
    assert said.status == 2 and said.out == "" and "contradict" in said.err and said.err.count("\n") == 1


@pytest.fixture
def ends_after_two(monkeypatch):
    """Composing ends early, by whatever is said."""
    from melody.compose import Composer

    each = Composer.each

    def broken(fault):
        def early(self, requests, processes=1, running=None):
            for count, found in enumerate(each(self, requests)):
                if count == 2:
                    raise fault
                yield found

        monkeypatch.setattr(Composer, "each", early)

    return broken


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [(KeyboardInterrupt(), 130, "interrupted; "), (MelodyError("no luck"), 1, "no luck; "), (Terminated(143), 143, "terminated; ")],
)
def test_what_is_finished_is_kept_counted_and_named(melody, model, here, ends_after_two, fault, status, words):
    ends_after_two(fault)
    said = melody("generate", "--model", model, *LENGTH, "-n", 4, "--seed", 7, "-o", "four")
    assert said.status == status
    names = sorted(p.name for p in (here / "four").iterdir())
    assert len(names) == 2 and all(midi.read(here / "four" / n).note_count for n in names)
    assert said.err.count("\n") == 1 and f"{words}2 of 4 pieces are finished and kept in four: {', '.join(names)}" in said.err


def test_one_piece_that_is_not_finished_leaves_nothing(melody, model, here, monkeypatch):
    monkeypatch.setattr("melody.compose.Composer.each", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt()))
    said = melody("generate", "--model", model, *LENGTH, "-o", "x.mid")
    assert said == (130, "", "melody: interrupted\n") and list(here.iterdir()) == []


def interrupted_after(monkeypatch, steps):
    """Ctrl-C comes after so many events."""
    count = []

    def interrupted(self):
        count.append(self)
        if len(count) > steps:
            raise KeyboardInterrupt
        return STEP(self)

    monkeypatch.setattr(Writer, "_step", interrupted)


@pytest.mark.slow
def test_a_piece_that_is_interrupted_ends_there(melody, model, tune: Path, here, monkeypatch):
    whole = melody("generate", "--model", model, "--bars", 16, "--seed", 5, "--no-passes", "-o", "whole.mid")
    interrupted_after(monkeypatch, 30)
    said = melody("generate", "--model", model, "--bars", 16, "--seed", 5, "--no-passes", "-o", "x.mid")
    assert said.status == 130 and "interrupted; x.mid holds the first 0:" in said.err and whole.status == 0
    assert 10 < midi.read("x.mid").note_count < 30 < midi.read("whole.mid").note_count
    interrupted_after(monkeypatch, 20)
    said = melody("generate", "--model", model, "--bars", 16, "--seed", 5, "--no-passes", "-o", "whole.mid", "--force")
    assert said.status == 130 and "whole.interrupted.mid holds the first" in said.err
    assert midi.read("whole.mid").note_count > 30  # the older piece stays until a whole one takes its place
    interrupted_after(monkeypatch, 20)
    said = melody("infill", tune, "--model", model, "--from-bar", 1, "--to-bar", 8, "--no-passes", "-o", "y.mid")
    assert said == (130, "", "melody: interrupted\n") and not (here / "y.mid").exists()  # half a hole would be neither the old nor the new


@pytest.mark.slow
def test_the_best_of_several_says_the_seed_that_makes_it(melody, model, here, monkeypatch):
    from melody.compose import best

    table = {"all": {"nats": (1.0, 2.0, 3.0), "density": (2.0, 4.0, 8.0)}}
    monkeypatch.setattr(best, "read_typical", lambda bundle: table)
    said = melody("generate", "--model", model, *LENGTH, "--best-of", 4, "--seed", 3, "--json", "-o", "x.mid")
    assert said.status == 0, said.err
    seed = json.loads(said.out)["pieces"][0]["seed"]
    assert melody("generate", "--model", model, *LENGTH, "--seed", seed, "-o", "y.mid").status == 0
    assert (here / "x.mid").read_bytes() == (here / "y.mid").read_bytes()


@pytest.mark.parametrize("wrong", [("--best-of", 0), ("--best-of", 65), ("--corpus", "c")])
def test_what_best_of_cannot_do(melody, model, wrong):
    said = melody("generate", "--model", model, *wrong)
    assert said.status == 2 and "best-of" in said.err and said.err.count("\n") == 1


@pytest.mark.slow
def test_music_to_adapt_to(melody, model, tune: Path, here):
    said = melody("continue", tune, "--model", model, "--bars", 1, "--adapt", tune, "--seed", 1, "-o", "x.mid")
    assert said.status == 0 and "adapted to 1 piece" in said.err and midi.read("x.mid").note_count > midi.read(tune).note_count
    said = melody("continue", tune, "--model", model, "--adapt", "nothing.mid", "-o", "y.mid")
    assert said.status == 1 and said.err == "melody: nothing.mid: no such file\n" and not (here / "y.mid").exists()


@pytest.mark.parametrize("call", [("accompany",), ("infill", "--from-bar", 1, "--to-bar", 1)])
def test_what_is_given_is_not_to_be_learned(melody, model, tune: Path, call):
    said = melody(call[0], tune, *call[1:], "--model", model, "--adapt", tune)
    assert said.status == 2 and "--adapt works with generate and continue" in said.err


def test_a_piece_that_is_piped_says_its_seed(melody, model, here, monkeypatch):
    monkeypatch.setattr("sys.stdout", open(here / "piped.mid", "w"))  # noqa: SIM115  # closed with the process's own
    said = melody("generate", "--model", model, *LENGTH, "--stdout")
    assert said.status == 0 and "seed " in said.err


def test_a_closed_standard_output(melody, model, here, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    assert main(["generate", "--model", str(model), "--bars", "2", "--stdout"]) == 2
    assert main(["generate", "--model", str(model), "--bars", "2", "--seed", "1", "-o", "x.mid"]) == 0 and (here / "x.mid").is_file()
