"""``prepare``: any folder becomes a corpus or one clear error, and its report has a line for every path."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from melody import edit, midi
from melody.corpus import Corpus
from melody.corpus.prepare import PrepareConfig, _guarded, _read_all, _read_one, content_hash, prepare
from melody.errors import MelodyError
from melody.score import PEDAL, Score, Track, note_table, table, tempo_table
from melody.sources import Limits

LONG = 300  # seconds after which what a test waits for does not come, however busy the machine is
ONE = PrepareConfig(workers=1, least_notes=16)
TWO = PrepareConfig(workers=2, least_notes=16)


def tune(seed: int, notes: int = 24, tracks: int = 2) -> Score:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(tracks):
        onset = np.arange(notes) * 240
        made.append(
            Track(("MELODY", "PIANO")[i % 2], i % 128, False, note_table(onset, [200] * notes, rng.integers(50, 80, notes), [70] * notes))
        )
    return Score(tuple(made), 480)


@dataclass(frozen=True)
class Killer:
    """A source whose bytes end the process that reads them, as a crash inside a parser would."""

    path: str
    style: str = "x"

    def read_bytes(self, limits: Limits) -> bytes:
        os._exit(1)


@dataclass(frozen=True)
class Held:
    """A source in memory."""

    path: str
    data: bytes
    style: str = "x"

    def read_bytes(self, limits: Limits) -> bytes:
        return self.data


@dataclass(frozen=True)
class Raiser:
    """A source that meets a bug."""

    path: str
    style: str = "x"

    def read_bytes(self, limits: Limits) -> bytes:
        raise IndexError("index 3 is out of bounds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty tunes in two styles, one of them three times under other names, and files that are no good."""
    root = tmp_path_factory.mktemp("songs")
    for style in ("Folk", "pop"):
        (root / style).mkdir()
        for i in range(15):
            tune(i + 100 * (style == "pop")).save(root / style / f"{i:02}.mid")
    edit.transpose(tune(3), 4).save(root / "pop" / "copy.mid")
    replace(tune(3), tempi=tempo_table([0], [400_000])).save(root / "pop" / "quick.mid")
    (root / "pop" / "empty.mid").write_bytes(b"")
    (root / "pop" / "text.mid").write_text("hello")
    (root / "pop" / "cut.mid").write_bytes(midi.to_bytes(tune(55))[:20])
    tune(77, notes=3).save(root / "pop" / "short.mid")
    Score((Track("a", 0, False, note_table([0], [1], [60], [64])),)).save(root / "pop" / "one.mid")
    (root / "pop" / "notes.txt").write_text("not looked at")
    return root


def report(path: Path) -> dict[str, tuple[str, str, int]]:
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "status", "reason", "notes"]
    assert len({r[0] for r in rows}) == len(rows)
    return {os.path.basename(os.path.dirname(p)) + "/" + os.path.basename(p): (s, r, int(n)) for p, s, r, n in rows[1:]}


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "corpus"
    steps: list[tuple[int, int]] = []
    summary = prepare([folder], out, TWO, lambda done, total: steps.append((done, total)))
    assert steps == [(i, 37) for i in range(1, 38)]
    assert (summary.pieces, summary.skipped, summary.duplicates) == (30, 7, 2)
    assert summary.notes == 30 * 48
    assert summary.styles == {"folk": 15, "pop": 15}
    assert sum(summary.splits.values()) == 30 and set(summary.splits) == {"train", "valid", "test"}
    assert summary.report == out / "report.csv"
    return out


def test_the_corpus_holds_the_tunes(made: Path) -> None:
    corpus = Corpus(made)
    assert corpus.styles == ("folk", "pop")
    by_name = {f"{p.style}/{Path(p.source).name}": i for i, p in enumerate(corpus.pieces)}
    facts = corpus.pieces[by_name["folk/05.mid"]]
    assert (facts.lead, facts.lead_rule, facts.ticks_per_quarter) == (0, "name", 480)
    assert corpus.score(by_name["folk/05.mid"]) == tune(5)
    assert corpus.score(by_name["pop/05.mid"]) == tune(105)


def test_the_report_has_a_line_for_every_path(made: Path, folder: Path) -> None:
    lines = report(made / "report.csv")
    assert len(lines) == 37 and "pop/notes.txt" not in lines
    assert lines["Folk/03.mid"] == ("read", "", 48)
    for name in ("copy", "quick"):
        status, why, notes = lines[f"pop/{name}.mid"]
        assert (status, notes) == ("duplicate", 48) and "03.mid" in why
    expected = {"empty": "empty", "text": "not a MIDI file", "cut": "", "short": "6 notes, fewer than 16", "one": "1 notes, fewer than 16"}
    for name, reason in expected.items():
        status, why, _ = lines[f"pop/{name}.mid"]
        assert status == "skipped" and why and reason in why and str(folder) not in why


def test_duplicates_never_straddle_a_split(made: Path) -> None:
    corpus = Corpus(made)
    assert len({p.content for p in corpus.pieces}) == len(corpus)


@pytest.mark.slow
def test_every_style_is_split(tmp_path: Path) -> None:
    for i in range(50):
        os.makedirs(tmp_path / "in" / ("a", "b")[i % 2], exist_ok=True)
        tune(i).save(tmp_path / "in" / ("a", "b")[i % 2] / f"{i}.mid")
    prepare([tmp_path / "in"], tmp_path / "out", PrepareConfig(valid=0.08, test=0.12, workers=2))
    corpus = Corpus(tmp_path / "out")
    for style in "ab":
        splits = [p.split for p in corpus.pieces if p.style == style]
        assert [splits.count(s) for s in ("train", "valid", "test")] == [20, 2, 3]


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(made: Path, folder: Path, tmp_path: Path) -> None:
    prepare([folder], tmp_path / "out", replace(TWO, workers=3))
    for name in ("notes.npy", "tempi.npy", "meters.npy", "keys.npy", "index.json", "report.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (made / name).read_bytes(), name


@pytest.mark.slow
def test_one_worker_does_the_same(made: Path, folder: Path, tmp_path: Path) -> None:
    prepare([folder], tmp_path / "out", ONE)
    assert (tmp_path / "out" / "index.json").read_bytes() == (made / "index.json").read_bytes()


@pytest.mark.slow
def test_a_corpus_of_no_good_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes(b"")
    with pytest.raises(MelodyError, match="none of 1 files could be used") as fault:
        prepare([tmp_path / "in"], tmp_path / "out", TWO)
    assert "empty" in str(fault.value) and "\n" not in str(fault.value)
    assert not (tmp_path / "out").exists()
    assert report(tmp_path / "out.report.csv")["in/a.mid"][0] == "skipped"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out.report.csv"]  # nothing half-written


@pytest.mark.slow
def test_a_folder_without_midi_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(MelodyError, match="no MIDI files"):
        prepare([tmp_path / "in"], tmp_path / "out", TWO)
    with pytest.raises(MelodyError):
        prepare([tmp_path / "nowhere"], tmp_path / "out", TWO)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_corpus_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(2):
        tune(i).save(tmp_path / "in" / f"{i}.mid")
    prepare([tmp_path / "in"], tmp_path / "out", ONE)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mid").write_bytes(b"")
    with pytest.raises(MelodyError):
        prepare([tmp_path / "bad"], tmp_path / "out", ONE)
    assert len(Corpus(tmp_path / "out")) == 2
    tune(2).save(tmp_path / "in" / "2.mid")
    prepare([tmp_path / "in"], tmp_path / "out", ONE)
    assert len(Corpus(tmp_path / "out")) == 3


@pytest.mark.slow
def test_a_small_collection_still_has_a_piece_to_stop_by(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(2):
        tune(i).save(tmp_path / "in" / f"{i}.mid")
    summary = prepare([tmp_path / "in"], tmp_path / "out", ONE)
    assert summary.splits == {"train": 1, "valid": 1}


@pytest.mark.slow
def test_a_file_that_kills_its_reader_is_reported() -> None:
    (found,) = _guarded([Killer("a.mid")], ONE)  # type: ignore[list-item]  # a stand-in for sources.Source
    assert (found.path, found.facts) == ("a.mid", None)
    assert "crashed" in found.reason


@pytest.mark.slow
def test_the_neighbours_of_a_killer_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its chunk and in the chunks that wait behind it, each once and in order."""
    monkeypatch.setattr("melody.corpus.prepare.CHUNK", 3)
    data = midi.to_bytes(tune(0))
    found = [Killer(str(i)) if i == 4 else Held(str(i), data) for i in range(9)]
    reads = list(_read_all(found, TWO))  # type: ignore[arg-type]  # stand-ins for sources.Source
    assert [r.path for r in reads] == [s.path for s in found]
    assert [int(r.path) for r in reads if r.facts is None] == [4]


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them() -> None:
    """Killed, it cannot tell them. They have its standard output, which ends when the last of them has ended."""
    work = "import os; from melody.corpus.prepare import _pool; print(_pool(1).submit(os.getpid).result(), flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    os.kill(worker, 0)
    process.kill()
    process.wait()
    try:
        process.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        os.kill(worker, signal.SIGKILL)
        pytest.fail("the worker is still there")


def test_a_bug_met_by_one_file_does_not_stop_the_others() -> None:
    found = _read_one(Raiser("a.mid"), ONE)  # type: ignore[arg-type]  # a stand-in for sources.Source
    assert found.facts is None and "out of bounds" in found.reason


def test_past_sixteen_tracks_those_of_one_instrument_are_joined(tmp_path: Path) -> None:
    score = Score(
        tuple(replace(tune(i, notes=8 + i, tracks=1).tracks[0], is_drum=i >= 12, program=0 if i >= 12 else i) for i in range(20)), 480
    )
    found = _read_one(Held("a.mid", midi.to_bytes(score)), ONE)  # type: ignore[arg-type]  # a stand-in for sources.Source
    assert found.facts is not None and len(found.facts.tracks) == 16
    assert "20 tracks to 16: 4 joined" in found.reason


@pytest.mark.slow
def test_the_pedal_is_kept_beside_the_keys(tmp_path: Path) -> None:
    pedal = table(PEDAL, [0, 4000], [127, 0])
    score = tune(1, tracks=1)
    score = replace(score, tracks=(replace(score.tracks[0], pedal=pedal),))
    (tmp_path / "in").mkdir()
    score.save(tmp_path / "in" / "a.mid")
    prepare([tmp_path / "in"], tmp_path / "out", ONE)
    corpus = Corpus(tmp_path / "out")
    keys, held = (corpus.score(0, sustained=s).tracks[0].notes["duration"] for s in (False, True))
    assert (keys == 200).all() and held[0] > 200 and (held >= keys).all()
    assert (held == edit.apply_pedal(score).tracks[0].notes["duration"]).all()


def variants(score: Score) -> Iterator[Score]:
    yield edit.transpose(score, -3)
    yield edit.shift(score, 960)
    yield edit.scale_ticks(score, 960)
    yield edit.set_tempo(score, 77)
    yield replace(score, tracks=tuple(replace(t, name="", program=9) for t in score.tracks[::-1]))


def test_copies_are_known_by_their_notes() -> None:
    score = tune(1)
    assert all(content_hash(v) == content_hash(score) for v in variants(score))
    assert content_hash(tune(2)) != content_hash(score)
