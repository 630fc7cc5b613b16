"""Files, folders and archives: everything that ends like MIDI is found once, nothing is followed for ever or unpacked to disk."""

import io
import os
import pickle
import struct
import zipfile

import pytest

from melody import sources
from melody.errors import MelodyError


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def listed(*paths, **limits):
    return list(sources.find(paths, sources.Limits(**limits)))


def fault_of(source, **limits):
    with pytest.raises(MelodyError) as fault:
        source.read_bytes(sources.Limits(**limits))
    return str(fault.value)


@pytest.fixture
def songs(tmp_path, tune):
    root = tmp_path / "Songs"
    for name in ("b.mid", "A/x.MID", "A/Folk Tunes/y.kar", "A/Folk Tunes/deep/z.rmi", "odd.mid/inside.midi", ".hidden.mid"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(tune)
    for name in ("notes.txt", "._b.mid", "A/no_suffix"):
        (root / name).write_bytes(b"other")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX/b.mid").write_bytes(b"other")
    return root


def test_a_folder(songs, tune):
    found = {os.path.relpath(s.path, songs): s.style for s in listed(songs)}
    assert found == {
        ".hidden.mid": "songs",
        "A/Folk Tunes/deep/z.rmi": "a",
        "A/Folk Tunes/y.kar": "a",
        "A/x.MID": "a",
        "b.mid": "songs",
        "odd.mid/inside.midi": "odd.mid",
    }
    assert all(s.read_bytes() == tune for s in listed(songs))
    assert [s.path for s in listed(songs)] == [s.path for s in listed(songs)]


def test_a_relative_root_has_its_own_name(songs, monkeypatch):
    monkeypatch.chdir(songs)
    assert {s.path: s.style for s in listed(".")}["b.mid"] == "songs"


def test_given_paths_are_always_yielded(songs):
    (given, missing) = listed(songs / "A/no_suffix", songs / "none.mid")
    assert (given.style, given.read_bytes()) == ("a", b"other")
    assert "no such file" in fault_of(missing)


def test_a_folder_given_twice_is_walked_once(songs):
    assert len(listed(songs, songs, songs / "A")) == 6


def test_links(songs, tmp_path, tune):
    (songs / "again").symlink_to(".")
    (songs / "A/up").symlink_to("..")
    (songs / "a_first").symlink_to("A")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.mid").write_bytes(tune)
    (songs / "linked").symlink_to(elsewhere)
    (songs / "dangling.mid").symlink_to("nowhere.mid")
    (songs / "self.mid").symlink_to("self.mid")
    (songs / "zero.mid").symlink_to("/dev/zero")
    os.mkfifo(songs / "pipe.mid")
    (songs / "empty.mid").mkdir()
    good = [s for s in listed(songs) if not s.fault]
    failed = {os.path.relpath(s.path, songs): s.fault for s in listed(songs) if s.fault}
    names = [os.path.relpath(s.path, songs) for s in good]
    assert len(names) == len(set(names)) == 6 + 1 + 4 and "linked/e.mid" in names and "A/x.MID" in names
    assert set(failed) == {"again", "A/up", "a_first", "empty.mid"} and "walked already" in failed["again"]
    reasons = {
        os.path.basename(s.path): fault_of(s)
        for s in good
        if os.path.basename(s.path) in ("dangling.mid", "self.mid", "zero.mid", "pipe.mid")
    }
    assert "no such file" in reasons["dangling.mid"] and "cannot be read" in reasons["self.mid"]
    assert all("not a regular file" in reasons[name] for name in ("zero.mid", "pipe.mid"))


def test_odd_names_are_printable(songs, tune):
    for name in (b"new\nline.mid", b"bytes\xff\xfe.mid", b"\x1b[31mred.mid"):
        with open(os.path.join(os.fsencode(songs), name), "wb") as file:
            file.write(tune)
    odd = [s for s in listed(songs) if "\\" in s.path]
    assert len(odd) == 3 and all(s.path.isprintable() and s.read_bytes() == tune for s in odd)


def test_a_zip(songs, tune):
    names = {
        "a/Pop Songs/b.mid": tune,
        "top.midi": tune,
        "read.me": b"",
        "__MACOSX/b.mid": b"",
        "a/._b.mid": b"",
        "../../up.mid": tune,
        "/abs.mid": tune,
    }
    (songs / "pack.zip").write_bytes(zipped(names | {"C:\\win\\w.mid": tune, "in.zip": zipped({"x.mid": tune})}))
    found = {s.path.partition("!")[2]: s for s in listed(songs / "pack.zip")}
    assert {name: s.style for name, s in found.items()} == {
        "../../up.mid": "pack",
        "/abs.mid": "pack",
        "C:\\win\\w.mid": "win",
        "a/Pop Songs/b.mid": "a",
        "in.zip": "pack",
        "top.midi": "pack",
    }
    assert "inside an archive" in fault_of(found.pop("in.zip"))
    assert all(s.read_bytes() == tune for s in found.values())
    assert sorted(p.name for p in songs.parent.iterdir()) == ["Songs"]
    assert pickle.loads(pickle.dumps(found["top.midi"])).read_bytes() == tune  # our own bytes
    assert any(s.path.endswith("pack.zip!top.midi") for s in listed(songs))


def test_a_stored_entry(tmp_path, tune):
    (tmp_path / "s.zip").write_bytes(zipped({"x.mid": tune}, zipfile.ZIP_STORED))
    assert listed(tmp_path)[0].read_bytes() == tune


def test_bombs(tmp_path):
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(zipped({"zeros.mid": bytes(2**20)}))
    assert "200 times" in fault_of(listed(bomb)[0])
    assert "more than the limit" in fault_of(listed(bomb, max_bytes=1000)[0])
    bomb.write_bytes(zipped({f"{k}.mid": bytes(range(256)) for k in range(50)}))
    assert "unpacks to 12,800 bytes" in fault_of(listed(bomb, max_unpacked=10_000)[0])
    assert "more entries" in fault_of(listed(bomb, max_entries=49)[0])
    assert len(listed(bomb, max_entries=50)) == 50


def test_an_entry_that_lies_about_its_size(tmp_path, tune):
    data = bytearray(zipped({"x.mid": tune * 100}))
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", len(tune))  # of what is 100 times as long
    (tmp_path / "lie.zip").write_bytes(data)
    assert "damaged" in fault_of(listed(tmp_path)[0])


@pytest.mark.parametrize("cut", [1, 10, 22, 60, 200])
def test_a_damaged_zip(tmp_path, tune, cut):
    (tmp_path / "cut.zip").write_bytes(zipped({"x.mid": tune, "y.mid": tune})[:-cut])
    assert "not a readable zip" in fault_of(listed(tmp_path)[0])


def test_zips_that_cannot_be_read(tmp_path, tune):
    data = bytearray(zipped({"x.mid": tune}))
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a_secret.zip").write_bytes(data)
    (tmp_path / "b_lzma.zip").write_bytes(zipped({"x.mid": tune}, zipfile.ZIP_LZMA))
    (tmp_path / "c_folder.zip").mkdir()
    os.mkfifo(tmp_path / "d_pipe.zip")
    (tmp_path / "e_empty.zip").write_bytes(b"")
    faults = [fault_of(s) for s in listed(tmp_path)]
    assert [("encrypted" in f, "not supported" in f, "regular" in f, "readable" in f).index(True) for f in faults] == [0, 1, 2, 3]
