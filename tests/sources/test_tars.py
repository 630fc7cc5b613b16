"""Tar archives, packed in every way: the same sources as a zip archive of the same files; bombs, links and lies end in one line each."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import random
import tarfile
import tracemalloc

import pytest

from melody import midi, sources
from melody.errors import MelodyError
from melody.sources import tars, unpacking

PACKERS = {".tar": bytes, ".tar.gz": gzip.compress, ".tgz": gzip.compress, ".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}


def tarred(entries, form=tarfile.PAX_FORMAT):
    """``entries``: name -> bytes, or (type, target) of what is no file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            else:
                info.type, info.linkname = data
                archive.addfile(info)
    return out.getvalue()


def listed(path, **limits):
    return list(sources.find([path], sources.Limits(**limits)))


def fault_of(source, **limits):
    with pytest.raises(MelodyError) as fault:
        source.read_bytes(sources.Limits(**limits))
    assert "\n" not in str(fault.value) and source.path in str(fault.value)
    return str(fault.value)


def only_fault(path, **limits):
    (source,) = listed(path, **limits)
    return fault_of(source, **limits)


@pytest.mark.parametrize("ends", PACKERS)
def test_a_collection(tmp_path, tune, ends):
    names = {
        "a/Pop Songs/b.mid": tune,
        "top.midi": tune + b"1",
        "read.me": b"",
        "__MACOSX/b.mid": b"",
        "a/._b.mid": b"",
        "C:\\w\\x.kar": tune,
    }
    path = tmp_path / f"Pack{ends}"
    path.write_bytes(PACKERS[ends](tarred({"a": (tarfile.DIRTYPE, ""), **names, "in.tgz": b"", "b.zip": b""})))
    found = {s.path.partition("!")[2]: s for s in listed(tmp_path)}
    assert {name: s.style for name, s in found.items()} == {
        "a/Pop Songs/b.mid": "a",
        "top.midi": "pack",
        "C:\\w\\x.kar": "w",
        "in.tgz": "pack",
        "b.zip": "pack",
    }
    assert all("an archive inside an archive" in fault_of(found.pop(name)) for name in ("in.tgz", "b.zip"))
    for name in (*found, *reversed(found)):  # backwards too, though that unpacks from the start each time
        assert pickle.loads(pickle.dumps(found[name])).read_bytes() == names[name]  # our own bytes
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_names(tmp_path, tune, form):
    names = {"d/" * 60 + "n" * 90 + ".mid": tune, "ünï 音.mid": tune, "\x1b[31mred\n.mid": tune}
    (tmp_path / "x.tar").write_bytes(tarred(names, form))
    found = listed(tmp_path)
    assert [s.read_bytes() for s in found] == [tune] * 3 and all(s.path.isprintable() for s in found)
    assert found[0].entry.name == next(iter(names)) and found[1].entry.name == "ünï 音.mid"


@pytest.mark.parametrize("ends", [".tar", ".tgz"])
def test_what_leads_outside_is_read_or_reported_and_nothing_is_written(tmp_path, tune, ends):
    (tmp_path / "in").mkdir()
    secret = tmp_path / "secret.mid"
    secret.write_bytes(tune)
    entries = {
        "../../up.mid": tune,
        "/tmp/absolute.mid": tune,
        "link.mid": (tarfile.SYMTYPE, str(secret)),
        "folder": (tarfile.SYMTYPE, "/"),
        "folder/through.mid": tune,
        "hard.mid": (tarfile.LNKTYPE, "../secret.mid"),
        "zero.mid": (tarfile.CHRTYPE, ""),
        "disk": (tarfile.BLKTYPE, ""),
        "pipe": (tarfile.FIFOTYPE, ""),
    }
    (tmp_path / "in" / f"evil{ends}").write_bytes(PACKERS[ends](tarred(entries)))
    found = {s.path.partition("!")[2]: s for s in listed(tmp_path / "in")}
    assert list(found) == list(entries)  # one line each
    for name, data in entries.items():
        if data == tune:
            assert found[name].read_bytes() == tune
        else:
            assert ("is a link" if data[1] else "is a ") in fault_of(found[name]) and "not" in found[name].entry.fault
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["in", f"in/evil{ends}", "secret.mid"]


@pytest.mark.slow
@pytest.mark.parametrize("packer", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_stops_early(tmp_path, monkeypatch, packer):
    path = tmp_path / "bomb.tgz"
    path.write_bytes(packer(tarred({"zeros.mid": bytes(40 << 20)})))
    streams = []
    monkeypatch.setattr(tars, "Stream", lambda *a: streams.append(unpacking.Stream(*a)) or streams[-1])
    tracemalloc.start()
    try:
        assert "unpacks to more than 200 times its size" in only_fault(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20  # xz has a dictionary of 8 MiB
    finally:
        tracemalloc.stop()
    most = unpacking.FREE_BYTES + 200 * path.stat().st_size + unpacking.BLOCK
    assert streams and all(stream._made <= most < 40 << 20 for stream in streams)


@pytest.mark.slow
def test_a_bomb_after_the_end(tmp_path, tune):
    (tmp_path / "b.tgz").write_bytes(gzip.compress(tarred({"x.mid": tune}) + bytes(40 << 20)))
    assert "200 times" in only_fault(tmp_path)


def test_limits(tmp_path):
    path = tmp_path / "many.tar"
    path.write_bytes(tarred({f"{k}.mid": bytes(range(256)) for k in range(50)}))
    assert len(listed(path, max_entries=50)) == 50
    assert "more entries than the limit of 49" in only_fault(path, max_entries=49)
    assert "more than the limit of 30,000 bytes" in only_fault(path, max_unpacked=30_000)
    assert "256 bytes, more than the limit of 100" in fault_of(listed(path, max_bytes=100)[0])
    path.write_bytes(tarred({f"{k}": (tarfile.DIRTYPE, "") for k in range(50)}))
    assert "more entries" in only_fault(path, max_entries=10)


@pytest.mark.parametrize("packer", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_damage(tmp_path, tune, packer):
    whole, path = packer(tarred({f"{k}.mid": tune for k in range(40)})), tmp_path / "x.tar"
    words = ("cut short", "damaged", "not a readable tar")
    last = 512 * 2 * 40 if packer is bytes else len(whole) - 1  # a tar archive as such ends in many more zeros than it needs
    for cut in (0, 1, 5, 100, last // 4, last // 2, last - 512 * (packer is bytes), last):
        path.write_bytes(whole[:cut])
        assert any(w in only_fault(path) for w in words)
    for at in (*range(0, min(600, len(whole)), 13), len(whole) - 9):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        found = listed(path)
        wrong = [data for data in (s.read_bytes() for s in found if not s.fault) if data != tune]
        if packer is bytes:  # a header has a checksum, what is in a file has none
            assert wrong == ([tune[: at - 512] + bytes([tune[at - 512] ^ 255]) + tune[at - 511 :]] if 512 <= at < 512 + len(tune) else [])
            assert any(s.fault for s in found) == (at < 512)
        else:
            assert not wrong


@pytest.mark.slow
def test_padding_and_several_members(tmp_path, tune):
    data = tarred({"x.mid": tune})
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(b"") + gzip.compress(data[700:]) + bytes(1000))
    assert listed(path)[0].read_bytes() == tune
    path.write_bytes(gzip.compress(data) + b"more")
    assert "more after its end" in only_fault(path)
    path.write_bytes(gzip.compress(b"") * (unpacking.MAX_MEMBERS + 1))
    assert "damaged" in only_fault(path)


def header(**changed):
    """One header of a tar archive with some fields as raw bytes."""
    places = {"name": (0, 100), "size": (124, 12), "kind": (156, 1)}
    block = bytearray(tarfile.TarInfo("x.mid").tobuf(tarfile.USTAR_FORMAT))
    for field, value in changed.items():
        at, length = places[field]
        block[at : at + length] = value.ljust(length, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


HUGE = b"\x80" + bytes(3) + (2**62).to_bytes(8, "big")


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (header(size=HUGE), "cut short"),
        (header(size=b"\xff" * 12), "not a readable tar"),  # a negative size made tarfile loop
        (header(size=b"-0000000001"), "not a readable tar"),
        (header(size=b"1_0"), "not a readable tar"),
        (header(kind=b"L", size=HUGE), "a name in the archive is longer"),
        (header(kind=b"x", size=HUGE), "a name in the archive is longer"),
        (header(kind=b"g", size=HUGE), "cut short"),
        (header(kind=b"S"), "sparse"),
        (header() * 3, "cut short"),  # no end mark
    ],
)
def test_headers_that_lie(tmp_path, blocks, words):
    (tmp_path / "x.tar").write_bytes(blocks)
    assert words in only_fault(tmp_path)


def test_an_extended_header_of_nonsense(tmp_path, tune):
    for text in (
        b"",
        b"0 path=\n",
        b"5 p=\n" * 200,
        b"999999 path=y.mid\n",
        b"30 size=99999999999999999999999\n",
        b"\xff" * 300,
        b"9" * 500,
    ):
        blocks = header(kind=b"x", size=b"%o" % len(text)) + text.ljust(-(-len(text) // 512) * 512, b"\0")
        (tmp_path / "x.tar").write_bytes(blocks + tarred({"x.mid": tune}))
        found = listed(tmp_path)
        assert all(s.fault or midi.parse(s.read_bytes()).note_count == 8 for s in found)


def test_an_archive_that_changes_between_listing_and_reading(tmp_path, tune):
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(tarred({"a.mid": tune, "b.mid": tune})))
    first, second = listed(path)
    assert first.read_bytes() == tune
    path.write_bytes(gzip.compress(tarred({"a.mid": tune, "b.mid": tune[::-1]})))
    assert "has changed" in fault_of(second)
    path.unlink()
    assert "cannot be read" in fault_of(first)


def test_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.tar.gz")
    (tmp_path / "folder.tgz").mkdir()
    assert "not a regular file" in only_fault(tmp_path)


def test_reading_in_order_unpacks_once(tmp_path, tune, monkeypatch):
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(tarred({f"{k}.mid": tune * 50 for k in range(300)})))
    begun = []
    monkeypatch.setattr(tars, "Stream", lambda *a: begun.append(1) or unpacking.Stream(*a))
    assert all(s.read_bytes() == tune * 50 for s in listed(tmp_path)) and len(begun) == 2  # the list, and the entries


@pytest.mark.slow
@pytest.mark.parametrize("packer", [bytes, gzip.compress])
def test_mutants(tmp_path, tune, packer):
    """Whatever is changed in the bytes: sources with a reason, or files."""
    rng = random.Random(0)
    entries = {"a/x.mid": tune, "l.mid": (tarfile.SYMTYPE, "x"), "n/" * 50 + "n" * 50 + ".mid": tune, "d": (tarfile.DIRTYPE, "")}
    blocks = [tarred(entries, form)[:7000] + bytes(1024) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    path = tmp_path / "x.tar"
    read = 0
    for k in range(300):
        data = bytearray(blocks[k % 3])
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 48, 55, 128, 255, rng.randrange(256)))
        for at in range(0, len(data) - 512, 512):  # the checksums of the headers as they should be
            if rng.random() < 0.9 and data[at + 257 : at + 262] == b"ustar":
                data[at + 148 : at + 156] = b" " * 8
                data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
        path.write_bytes(packer(bytes(data)))
        for source in listed(path):
            try:
                read += len(source.read_bytes()) > 0
            except MelodyError as fault:
                assert "\n" not in str(fault)
    assert read > 100 and os.listdir(tmp_path) == ["x.tar"]
