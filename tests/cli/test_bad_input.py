"""Whatever is wrong with a call or a file: one line that says what, the right status, no traceback, nothing written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from melody import midi, notation
from melody.score import Score, Track, note_table, tempo_table

HOURS = 3600 * 2  # quarters, at 120 a minute


def beats(tick, pitch=60, **track):
    return Score((Track(notes=note_table(tick, [240] * len(tick), [pitch] * len(tick), [80] * len(tick)), **track),))


@pytest.fixture
def odd(here: Path, songs: Path) -> Path:
    """A folder of files that are wrong in one way each, and the current folder."""
    good = (songs / "pop909" / "0.mid").read_bytes()
    (here / "good.mid").write_bytes(good)
    (here / "taken.mid").write_bytes(b"precious")
    (here / "empty.mid").write_bytes(b"")
    (here / "text.mid").write_text("not music")
    (here / "header.mid").write_bytes(good[:9])
    (here / "cut.mid").write_bytes(good[: len(good) // 3])
    midi.write(Score(tempi=tempo_table([0], [400_000])), here / "silent.mid")
    midi.write(beats([0, 480, 960], 38, is_drum=True), here / "drums.mid")
    midi.write(beats([0, 20 * HOURS * 480]), here / "endless.mid")
    (here / "folder").mkdir()
    (here / "bad").mkdir()
    (here / "bad" / "text.mid").write_text("not music")
    return here


def state(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(said, status: int, *words: str) -> None:
    """One line on standard error, nothing on standard output."""
    assert said.status == status, said
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.startswith("melody: ") and "Traceback" not in said.err
    for word in words:
        assert word in said.err


FILES = [
    ("nope.mid", "nope.mid: no such file"),
    ("folder", "folder: is a folder"),
    ("empty.mid", "empty.mid: the file is empty"),
    ("text.mid", "text.mid: not a MIDI file"),
    ("header.mid", "header.mid: cut short"),
    ("cut.mid", "cut.mid: "),
    ("silent.mid", "silent.mid: no notes"),
    ("endless.mid", "endless.mid: "),
]


@pytest.mark.parametrize(("name", "words"), FILES)
@pytest.mark.parametrize("verb", ["continue", "accompany", "infill", "render", "inspect"])
def test_files_that_are_no_tune(melody, model, odd, verb, name, words):
    if verb == "inspect" and name == "folder":
        words = "folder: neither"
    before = state(odd)
    extra = {"infill": ("--from-bar", 1, "--to-bar", 2), "render": (), "inspect": ()}.get(verb, ())
    extra = (*extra, "--model", model) if verb not in ("render", "inspect") else extra
    refused(melody(verb, name, *extra), 1, words)
    assert state(odd) == before


def test_only_drums(melody, model, odd):
    before = state(odd)
    refused(melody("accompany", "drums.mid", "--model", model), 1, "drums.mid", "drums")
    assert state(odd) == before


CALLS = [
    (("generate", "--bars", 8, "--seconds", 30), "--bars and --seconds"),
    (("generate", "--bars", -3), "bars is -3"),
    (("generate", "--bars", 0), "bars is 0"),
    (("generate", "--bars", "many"), "--bars"),
    (("generate", "--seconds", "nan"), "seconds is nan"),
    (("generate", "--top-p", 0), "top-p is 0"),
    (("generate", "--top-p", 1.5), "top-p is 1.5"),
    (("generate", "--temperature", -1), "temperature is -1"),
    (("generate", "--temperature", "nan"), "temperature is nan"),
    (("generate", "--top-k", -1), "top-k is -1"),
    (("generate", "--min-p", 2), "min-p is 2"),
    (("generate", "--seed", -1), "seed is -1"),
    (("generate", "--tempo", 0), "tempo is 0"),
    (("generate", "--meter", "3/5"), "3/5"),
    (("generate", "--key", "H dur"), "unknown key 'H dur'"),
    (("generate", "--style", "wals"), "did you mean 'waltz'?"),
    (("generate", "--voices", "pianoo,bass"), "did you mean 'piano'?"),
    (("generate", "--voices", "200"), "program 200"),
    (("generate", "--voices", ""), "instrument"),
    (("generate", "-n", 0), "-n is 0"),
    (("generate", "-n", 1001), "-n is 1001"),
    (("generate", "-n", 2, "-o", "x.mid"), "-n 2 needs a folder"),
    (("generate", "-o", "x.txt"), "does not end in .mid"),
    (("generate", "-o", "folder"), "is a folder"),
    (("generate", "-o", "taken.mid"), "taken.mid exists; add --force"),
    (("generate", "--model", "bass"), "unknown model 'bass'"),
    (("generate", "--barz", 3), "Did you mean --bars?"),
    (("generate", "surplus.mid"), "surplus.mid"),
    (("generat",), 'Did you mean "generate"?'),
    (("continue",), "TUNE"),
    (("continue", "good.mid", "--bars", 0), "bars is 0"),
    (("accompany", "good.mid", "--track", "PIANOO"), "did you mean 'PIANO'?"),
    (("accompany", "good.mid", "--track", 7), "no track 7"),
    (("accompany", "good.mid", "--bars", 3), "--bars"),
    (("infill", "good.mid", "--from-bar", 5), "--to-bar"),
    (("infill", "good.mid", "--from-bar", 0, "--to-bar", 2), "from-bar is 0"),
    (("infill", "good.mid", "--from-bar", 5, "--to-bar", 4), "--to-bar is 4"),
    (("infill", "good.mid", "--from-bar", 12, "--to-bar", 13), "good.mid has 12 bars"),
    (("infill", "good.mid"), "--bars is missing"),
    (("infill", "good.mid", "--bars", "1-3", "--bars", "3-5"), "--bars: 1-3 and 3-5 overlap"),
    (("infill", "good.mid", "--bars", "12-13"), "--bars is 12-13; good.mid has 12 bars"),
    (("infill", "good.mid", "--bars", "1", "--part", "PIANOO"), "did you mean 'PIANO'?"),
    (("infill", "good.mid", "--bars", "1", "--keep", "root"), "--keep is 'root', must be one of: rhythm"),
    (("vary", "good.mid", "--strength", 1.5), "--strength is 1.5, must be 0 to 1"),
    (("vary", "good.mid", "--bars", "x"), "--bars is 'x', must look like"),
    (("prepare", "bad"), "--output"),
    (("train", "corpus"), "--output"),
]


@pytest.mark.parametrize(("arguments", "words"), CALLS, ids=[" ".join(map(str, c[0])) for c in CALLS])
def test_calls_that_are_wrong(melody, model, odd, arguments, words):
    before = state(odd)
    composing = arguments[0] in ("generate", "continue", "accompany", "infill", "vary") and "--model" not in arguments
    refused(melody(*arguments, *(("--model", model) if composing else ())), 2, words)
    assert state(odd) == before


@pytest.mark.parametrize("flags", [("-o", "no/such.mid"), ("-n", 2, "-o", "no/such")])
def test_an_output_folder_that_does_not_exist(melody, model, odd, flags):
    refused(melody("generate", "--model", model, "--bars", 1, *flags), 1, "no: no such folder")


def test_an_output_folder_that_is_read_only(melody, model, odd, monkeypatch):
    (odd / "folder").chmod(0o555)
    if os.access(odd / "folder", os.W_OK):  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path("folder"))
    before = state(odd)
    refused(melody("generate", "--model", model, "--bars", 1, "-o", "folder/x.mid"), 1, "folder: folder cannot be written")
    refused(melody("prepare", "bad", "-o", "folder/corpus"), 1, "folder: folder cannot be written")
    assert state(odd) == before
    (odd / "folder").chmod(0o755)


def test_a_disk_that_fills_up_leaves_what_is_finished_and_nothing_half(melody, model, odd, monkeypatch):
    from melody.cli import output
    from melody.errors import MelodyError

    def full(path, data):
        if "002" in str(path):
            raise MelodyError(f"{path}: cannot be written (No space left on device)")
        Path(path).write_bytes(data)

    monkeypatch.setattr(output, "write_bytes", full)
    refused(melody("generate", "--model", model, "--bars", 1, "-n", 3, "-o", "three"), 1, "No space left")
    assert all(midi.read(path).note_count for path in (odd / "three").iterdir())
    assert not list(odd.glob("three/002*"))


def test_a_model_of_another_format(melody, model, odd):
    shutil.copytree(model, "newer")
    facts = json.loads(Path("newer/bundle.json").read_text())
    Path("newer/bundle.json").write_text(json.dumps(facts | {"format": 99}))
    refused(melody("generate", "--model", "newer", "--bars", 1), 1, "newer: bundle format 99")


def test_weights_with_another_digest(melody, model, odd):
    shutil.copytree(model, "damaged")
    weights = bytearray(Path("damaged/model.safetensors").read_bytes())
    weights[-1] ^= 1
    Path("damaged/model.safetensors").write_bytes(weights)
    refused(melody("generate", "--model", "damaged", "--bars", 1), 1, "sha256")
    refused(melody("inspect", "damaged"), 1, "sha256")
    refused(melody("train", "damaged", "-o", "run"), 1, "no MIDI files")
    assert not list(odd.glob("generated*")) and not (odd / "run").exists()


@pytest.mark.parametrize(("folder", "words"), [("bad", "none of 1 files"), ("folder", "no MIDI files"), ("nope", "nope: no such file")])
def test_a_corpus_of_nothing(melody, odd, folder, words):
    refused(melody("prepare", folder, "-o", "corpus"), 1, words)
    assert not (odd / "corpus").exists()


@pytest.mark.slow
def test_a_corpus_smaller_than_a_batch(melody, songs, odd):
    assert melody("prepare", songs / "pop909" / "0.mid", "-o", "one", "--quiet").status == 0
    flags = ("--recipe", "tiny", "--steps", 2, "--batch", 64, "--threads", 1, "--quiet")
    assert melody("train", "one", "-o", "run", *flags) == (0, "", "")


def test_names_with_control_characters_stay_on_one_line(melody, odd):
    refused(melody("inspect", "a\nb\x1b[31m.mid"), 1, "no such file")
    refused(melody("generate", "--key", "a\nb\x1b[31m"), 2, "key")


def test_a_tune_that_is_too_long_for_the_network(melody, model, odd):
    from melody.compose.tune import MAX_NOTES

    midi.write(beats(range(0, 240 * (MAX_NOTES + 1), 240)), "long.mid")
    refused(melody("continue", "long.mid", "--bars", 1, "--model", model), 1, "long.mid: 25,001 notes", "limit of 25,000")
    midi.write(Score((Track(notes=note_table([0], [480 * 20_000], [60], [80])),)), "slow.mid")
    refused(melody("continue", "slow.mid", "--bars", 1, "--model", model), 1, "slow.mid: lasts 20,000 quarter notes")


def test_a_fault_of_the_program_is_one_line_too(melody, odd, monkeypatch):
    def broken(path, *_, **__):
        raise KeyError("a\nb")

    monkeypatch.setattr(notation, "read", broken)
    refused(melody("inspect", "good.mid"), 1, "a bug in melody (KeyError", "MELODY_TRACEBACK=1")
    monkeypatch.setenv("MELODY_TRACEBACK", "1")
    with pytest.raises(KeyError):
        melody("inspect", "good.mid")


@pytest.mark.slow
def test_as_a_process(odd):
    """Once for real: no traceback of an unraisable error, of a thread or at exit."""
    for arguments, status in ((["inspect", "text.mid"], 1), (["generate", "--bars", "0"], 2), (["--version"], 0)):
        run = subprocess.run([sys.executable, "-m", "melody", *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == status
        assert len((run.stderr or run.stdout).splitlines()) == 1


@pytest.mark.slow
def test_a_reader_that_leaves(odd):
    """``melody inspect | head -1`` ends without a word."""
    command = f"{sys.executable} -m melody inspect good.mid; echo status $? >&2"
    run = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr and run.stderr.count("\n") == 1
