"""inspect: a MIDI file, a corpus, a model."""

import json
import shutil
import sys
import tarfile


def test_a_midi_file(melody, tune):
    said = melody("inspect", tune)
    assert said.status == 0 and said.err == ""
    for words in ("12 bars", "4/4", "MELODY", "Flute", "the tune", "quarter notes a minute", "▀"):
        assert words in said.out
    facts = json.loads(melody("inspect", tune, "--json").out)
    assert facts["kind"] == "midi" and facts["bars"] == 12 and facts["notes"] == 12 * 4 + 12 * 3
    assert [t["lead"] for t in facts["tracks"]] == [True, False]


def test_an_archive(melody, songs, here):
    with tarfile.open("songs.tar.gz", "w:gz") as archive:
        archive.add(songs / "pop909", "pop")
        link = tarfile.TarInfo("link.mid")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    said = melody("inspect", "songs.tar.gz")
    assert said.status == 0 and "4 MIDI files" in said.out and "link.mid: is a link, and is not followed" in said.out.replace("\n", " ")
    facts = json.loads(melody("inspect", "songs.tar.gz", "--json").out)
    assert facts["kind"] == "archive" and facts["styles"] == {"pop": 4} and len(facts["not_read"]) == 1
    (here / "cut.tgz").write_bytes((here / "songs.tar.gz").read_bytes()[:-20])
    said = melody("inspect", "cut.tgz")
    assert said.status == 1 and said.err == "melody: cut.tgz: the archive is cut short\n"
    assert "no such file" in melody("inspect", "none.zip").err


def test_a_corpus(melody, corpus):
    said = melody("inspect", corpus)
    assert said.status == 0 and "8 pieces" in said.out and "pop909" in said.out and "waltz" in said.out
    facts = json.loads(melody("inspect", corpus, "--json").out)
    assert facts["kind"] == "corpus" and facts["styles"] == {"pop909": 4, "waltz": 4}
    assert sum(facts["splits"].values()) == facts["pieces"] == 8


def test_a_damaged_corpus_is_one_line(melody, corpus, here):
    assert json.loads(melody("inspect", corpus, "--json").out)["verified"]
    for name in ("notes.npy", "report.csv", "index.json"):
        shutil.copytree(corpus, here / "bad")
        data = bytearray((here / "bad" / name).read_bytes())
        data[len(data) // 2] ^= 1
        (here / "bad" / name).write_bytes(data)
        said = melody("inspect", "bad")
        assert said.status == 1 and said.out == "" and said.err.count("\n") == 1 and "damaged" in said.err and "prepare" in said.err
        assert name in said.err or name == "index.json"
        shutil.rmtree(here / "bad")


def test_a_model(melody, model):
    said = melody("inspect", model)
    assert said.status == 0 and "parameters" in said.out and "sha256" in said.out
    facts = json.loads(melody("inspect", model, "--json").out)
    assert facts["kind"] == "model" and facts["model"]["layers"] == 1
    assert facts["codec"]["styles"] == ["pop909", "waltz"]
    import torch
    from safetensors.torch import load_file

    assert facts["parameters"] == sum(torch.numel(t) for t in load_file(model / "model.safetensors").values())


def test_quiet(melody, tune):
    assert melody("inspect", tune, "--quiet") == (0, "", "")


def test_what_it_does_not_know(melody, here):
    said = melody("inspect", here)
    assert said.status == 1 and "neither a corpus" in said.err
    said = melody("inspect", "nope")
    assert said.status == 1 and "nope: no such file" in said.err


def test_a_narrow_terminal(melody, tune, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    said = melody("inspect", tune)
    assert said.status == 0 and max(map(len, said.out.splitlines())) <= 40
    assert "rich" in sys.modules


def test_drums_and_sequences(melody, here):
    from ..midi.conftest import Build

    build = Build()
    kit = "00 FF0305 4472756D73" + "".join(f"00 90 {p:02X} 50 8170 {p:02X} 00" for p in (36, 42, 38, 42) * 4)
    (here / "kit.mid").write_bytes(build.smf("", kit))
    said = melody("inspect", "kit.mid")
    assert said.status == 0 and said.err == (
        "track 'Drums' has the name and the notes of a drum kit, but plays Acoustic Grand Piano; --drums Drums reads it as drums\n"
    )
    facts = json.loads(melody("inspect", "kit.mid", "--drums", "1", "--json").out)
    assert facts["tracks"][0]["drums"] and facts["doubts"] == []
    (here / "two.mid").write_bytes(build.smf(build.C4, build.SCALE, form=2))
    assert melody("inspect", "two.mid").err == (
        "melody: two.mid: a file of format 2: 2 sequences that do not belong together; choose one with --sequence 1 to 2\n"
    )
    assert json.loads(melody("inspect", "two.mid", "--sequence", "2", "--json").out)["notes"] == 8
    assert melody("inspect", "two.mid", "--sequence", "3").err == "melody: --sequence is 3; the file has 2\n"
