"""The corpus on disk: what was added comes back, and a damaged corpus says so in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.corpus import Corpus, CorpusWriter, PieceFacts
from melody.corpus.tables import FORMAT, STORED, TABLES, TrackFacts
from melody.errors import MelodyError
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

from ..conftest import examples


def facts_of(score: Score, name: str = "a.mid", style: str = "pop", split: str = "train") -> PieceFacts:
    return PieceFacts(
        source=name,
        sha256="0" * 64,
        content=name,
        style=style,
        split=split,
        ticks_per_quarter=score.ticks_per_quarter,
        tracks=tuple(TrackFacts(t.name, t.program, t.is_drum, len(t.notes)) for t in score.tracks),
        lead=0,
        lead_rule="name",
        key=0,
        seconds=1.0,
    )


def tables_of(score: Score, longer: int = 0) -> dict[str, np.ndarray]:
    """The tables of one piece; ``longer``: ticks that the pedal adds to every note."""
    notes = np.zeros(score.note_count, STORED)
    for name in ("onset", "duration", "pitch", "velocity"):
        notes[name] = np.concatenate([t.notes[name] for t in score.tracks]) if score.tracks else 0
    notes["sustained"] = notes["duration"] + longer
    return {"notes": notes, "tempi": score.tempi, "meters": score.meters, "keys": score.keys}


def write(folder: Path, scores: list[Score], longer: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    with CorpusWriter(folder) as writer:
        for i, score in enumerate(scores):
            writer.add(facts_of(score, f"{i}.mid", "pop" if i % 2 else "folk", ("train", "valid", "test")[i % 3]), tables_of(score, longer))
        writer.finish("digest")
    return folder


def tune(pitch: int = 60, count: int = 4) -> Score:
    notes = note_table(np.arange(count) * 480, [240] * count, np.arange(count) + pitch, [80] * count)
    return Score((Track("one", 3, False, notes), Track("kit", 0, True, note_table([0], [10], [36], [127]))), 480)


notes_of = st.lists(
    st.tuples(st.integers(0, 2**31 - 2**21), st.integers(0, 2**20), st.integers(0, 127), st.integers(1, 127)), min_size=1, max_size=9
)
scores_of = st.builds(
    Score,
    tracks=st.lists(
        st.builds(
            Track,
            name=st.text(max_size=5),
            program=st.integers(0, 127),
            is_drum=st.booleans(),
            notes=notes_of.map(lambda rows: note_table(*np.array(rows).T)),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    ticks_per_quarter=st.integers(1, 32767),
    tempi=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 16_777_215)), max_size=3).map(
        lambda rows: tempo_table(*np.array(rows, np.int64).reshape(-1, 2).T)
    ),
    meters=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 64), st.sampled_from([1, 2, 4, 8])), max_size=3).map(
        lambda rows: meter_table(*np.array(rows, np.int64).reshape(-1, 3).T)
    ),
    keys=st.lists(st.tuples(st.integers(0, 10**9), st.integers(-7, 7), st.booleans()), max_size=2).map(
        lambda rows: table(KEY, *np.array(rows, np.int64).reshape(-1, 3).T)
    ),
)


@pytest.mark.slow
@examples(25)
@given(st.lists(scores_of, min_size=1, max_size=4))
def test_what_was_added_comes_back(tmp_path_factory: pytest.TempPathFactory, scores: list[Score]) -> None:
    corpus = Corpus(write(tmp_path_factory.mktemp("corpus"), scores, longer=7))
    assert len(corpus) == len(scores)
    assert corpus.note_count() == sum(s.note_count for s in scores)
    for i, score in enumerate(scores):
        assert corpus.score(i) == score
        assert corpus.pieces[i].note_count == score.note_count
        held = corpus.score(i, sustained=True)
        for mine, theirs in zip(score.tracks, held.tracks, strict=True):
            assert (theirs.notes["duration"] == mine.notes["duration"] + 7).all()
            assert (theirs.notes["onset"] == mine.notes["onset"]).all()


def test_splits_and_styles(tmp_path: Path) -> None:
    corpus = Corpus(write(tmp_path / "c", [tune(60 + i) for i in range(7)]))
    assert corpus.split("train") == [0, 3, 6] and corpus.split("valid") == [1, 4] and corpus.split("test") == [2, 5]
    assert corpus.styles == ("folk", "pop")
    assert corpus.note_count([0, 3]) == 10
    assert corpus.digest == "digest"


def test_scores_can_be_changed_without_touching_the_corpus(tmp_path: Path) -> None:
    corpus = Corpus(write(tmp_path / "c", [tune()]))
    score = corpus.score(0)
    score.tracks[0].notes["pitch"] += 1
    score.tempi["mspq"] = 1
    assert corpus.score(0) == tune()


def test_tables_are_mapped_not_read(tmp_path: Path) -> None:
    corpus = Corpus(write(tmp_path / "c", [tune()]))
    assert all(isinstance(t, np.memmap) for t in corpus.tables.values())
    assert not list((tmp_path / "c").glob("*.raw"))


def test_an_empty_folder_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match=r"no such folder.*melody prepare"):
        Corpus(tmp_path / "nothing")
    with pytest.raises(MelodyError, match="not a corpus"):
        Corpus(tmp_path)


def test_without_its_index_there_is_no_corpus(tmp_path: Path) -> None:
    """So a run of ``prepare`` that was killed leaves none behind."""
    folder = tmp_path / "c"
    folder.mkdir()
    with CorpusWriter(folder) as writer:
        writer.add(facts_of(tune()), tables_of(tune()))
    with pytest.raises(MelodyError, match="not a corpus"):
        Corpus(folder)


def test_another_format_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune()])
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"format": FORMAT + 1}))
    with pytest.raises(MelodyError, match=f"corpus format {FORMAT + 1}, this version reads {FORMAT}"):
        Corpus(folder)


@pytest.mark.parametrize("name", [*(f"{t}.npy" for t in TABLES), "index.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "noise"])
def test_damage_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    folder = write(tmp_path / "c", [tune(), tune(64)])
    file = folder / name
    data = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"empty": b"", "short": data[:-9], "noise": bytes(200)}[damage])
    if name == "keys.npy" and damage == "short":
        file.write_bytes(data[:40])  # no keys: its header is all there is
    with pytest.raises(MelodyError) as fault:
        Corpus(folder)
    assert str(fault.value).count("\n") == 0
    assert "c" in str(fault.value) and "prepare" in str(fault.value)


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_every_file_is_vouched_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune(), tune(64)])
    assert Corpus(folder).verify()
    for name in ("notes", "tempi", "meters"):
        flipped(folder / f"{name}.npy", -1)
        with pytest.raises(MelodyError, match=rf"{name}.npy: damaged .*prepare the corpus again"):
            Corpus(folder).verify()
        write(folder, [tune(), tune(64)])


@pytest.mark.slow
def test_every_bit_of_the_head_of_a_table_is_vouched_for(tmp_path: Path) -> None:
    """numpy parses it as Python."""
    folder = write(tmp_path / "c", [tune()])
    data = (folder / "keys.npy").read_bytes()
    for bit in range(0, 8 * len(data), 3):
        (folder / "keys.npy").write_bytes(data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :])
        with pytest.raises(MelodyError, match="damaged"):
            Corpus(folder).verify()


def test_every_byte_of_the_index_is_vouched_for_when_it_is_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune(), tune(64)])
    index = (folder / "index.json").read_bytes()
    for place in range(0, len(index), 7):
        flipped(folder / "index.json", place)
        with pytest.raises(MelodyError):
            Corpus(folder)
        (folder / "index.json").write_bytes(index)
    (folder / "index.json").write_bytes(index + b"{}")
    with pytest.raises(MelodyError, match="sha256"):
        Corpus(folder)


def test_tables_of_another_size_are_named_when_they_are_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune()])
    with open(folder / "tempi.npy", "ab") as file:
        file.write(b"x")
    with pytest.raises(MelodyError, match=r"tempi\.npy has"):
        Corpus(folder)


def test_a_corpus_of_before_there_were_digests(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune()])
    lines = (folder / "index.json").read_text().splitlines(keepends=True)
    head = json.loads(lines[0] + "]}")
    del head["files"], head["pieces"]
    (folder / "index.json").write_text(json.dumps(head)[:-1] + ', "pieces": [\n' + lines[1] + "]}\n")
    assert len(Corpus(folder)) == 1 and not Corpus(folder).verify()


def test_an_index_that_was_set_anew_has_to_say_so(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune()])
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(MelodyError, match="remove its sha256"):
        Corpus(folder)
    del index["sha256"]
    (folder / "index.json").write_text(json.dumps(index))
    assert Corpus(folder).verify()
    index["files"]["../../etc/passwd"] = {"bytes": 1, "sha256": "0"}
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(MelodyError, match="other files"):
        Corpus(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": 3},
        {"pieces": [3]},
        {"pieces": [{}]},
        {"counts": {}},
        {"digest": None, "counts": None},
    ],
)
def test_an_index_that_makes_no_sense_is_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    folder = write(tmp_path / "c", [tune()])
    index = json.loads((folder / "index.json").read_text())
    del index["sha256"]
    (folder / "index.json").write_text(json.dumps(index | change))
    with pytest.raises(MelodyError, match="damaged corpus"):
        Corpus(folder)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', "[" * 100_000])
def test_an_index_that_is_no_index_is_one_line(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path / "c", [tune()])
    (folder / "index.json").write_text(text)
    with pytest.raises(MelodyError):
        Corpus(folder)


def test_pieces_outside_the_tables_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", [tune()])
    index = json.loads((folder / "index.json").read_text())
    del index["sha256"]
    index["pieces"][0]["rows"]["notes"] = [3, 5]  # two more than there are
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(MelodyError, match="damaged corpus"):
        Corpus(folder)
