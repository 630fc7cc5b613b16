"""Our reader against a second one, written from the standard (reference.py): the same notes, every onset and end within 1 ms."""

import csv
import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi
from melody.errors import MelodyError

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared"
CLOSE = 1e-3  # seconds


def reference_module():
    spec = importlib.util.spec_from_file_location("reference", HERE / "reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


reference = reference_module()


def difference(data: bytes, score) -> str:
    """How ``score`` differs from what the reference reads; "" where it does not. Errors: ``reference.Unclear``."""
    found = reference.read(data)
    if len(found.notes) != score.note_count:
        return f"{score.note_count} notes, not {len(found.notes)} ({'; '.join(found.remarks)})"
    limit = midi.Limits().max_seconds  # a note that sounds longer is cut there
    starts = [score.seconds(t.notes["onset"]) for t in score.tracks]
    ends = [score.seconds(t.notes["onset"] + t.notes["duration"]) for t in score.tracks]
    for name, ours, ticks in (("onsets", starts, [n.start for n in found.notes]), ("ends", ends, [n.end for n in found.notes])):
        theirs = np.minimum(np.sort(found.seconds(ticks)), limit)
        off = abs(np.sort(np.concatenate(ours)) - theirs).max()
        if off >= CLOSE:
            return f"{name} {off:.4f} s off"
    ours = sorted((int(n["onset"]), int(n["pitch"]), int(n["velocity"])) for t in score.tracks for n in t.notes)
    return "" if ours == sorted((n.start, n.pitch, n.velocity) for n in found.notes) else "other pitches or velocities"


def test_the_reference_itself(build):
    """Two tempi at one tick, of two tracks: the later one holds from tick 480 on. Overlapping notes: first on, first off."""
    data = build.smf(
        "00 FF5103 07A120  8360 FF5103 0F4240",  # 0.5 s a quarter, then 1 s
        "00 903C50  8170 3C40  8170 FF5103 03D090  00 803C00  8360 903C00  00 903C01  00 803C40",  # at 480: 0.25 s a quarter
    )
    found = reference.read(data)
    assert [(n.start, n.end, n.velocity) for n in found.notes] == [(0, 480, 80), (240, 960, 64), (960, 960, 1)]
    assert found.seconds([0, 240, 480, 960]) == [0, 0.25, 0.5, 0.75] and not found.remarks
    assert reference.read(build.smf(build.SCALE, division=96)).seconds([96]) == [0.5]


@pytest.mark.parametrize(
    ("track", "words"),
    [
        ("00 3C50", "no status"),
        ("00 903C50 00 FF0100 00 3C00", "no status"),
        ("00 90BC50", "above 127"),
        ("00 F600", "status f6"),
        ("8181818100 903C50", "more than four"),
        ("00 FF0120", "too early"),
        ("00 FF510201 20", "tempo"),
    ],
)
def test_the_reference_is_strict(build, track, words):
    with pytest.raises(reference.Unclear, match=words):
        reference.read(build.smf(track))


def number(value: int) -> bytes:
    out = bytes([value & 127])
    while value := value >> 7:
        out = bytes([value & 127 | 128]) + out
    return out


PITCHES = st.integers(59, 61)  # few, so that notes overlap
CHANNELS = st.sampled_from([0, 1, 9])
BYTE = st.integers(0, 127)
NOTE = st.tuples(st.sampled_from([0x80, 0x90, 0x90]), CHANNELS, PITCHES, st.integers(0, 127)).map(
    lambda n: bytes([n[0] | n[1], n[2], n[3]])
)
OTHER = st.one_of(
    st.tuples(st.sampled_from([0xA0, 0xB0, 0xE0]), CHANNELS, BYTE, BYTE).map(lambda n: bytes([n[0] | n[1], n[2], n[3]])),
    st.tuples(st.sampled_from([0xC0, 0xD0]), CHANNELS, BYTE).map(lambda n: bytes([n[0] | n[1], n[2]])),
)
TEMPO = st.integers(1, 0xFFFFFF).map(lambda t: b"\xff\x51\x03" + t.to_bytes(3, "big"))
KINDS = st.integers(0, 127).filter(lambda k: k not in (0x2F, 0x51))
META = st.tuples(KINDS, st.binary(max_size=6)).map(lambda m: bytes([0xFF, m[0]]) + number(len(m[1])) + m[1])
SYSEX = st.lists(BYTE, max_size=6).map(lambda body: b"\xf0" + number(len(body) + 1) + bytes(body) + b"\xf7")
PACKET = st.binary(max_size=4).map(lambda body: b"\xf7" + number(len(body)) + body)
DELTA = st.one_of(st.just(0), st.integers(0, 200), st.sampled_from([127, 128, 16383, 16384, 200_000]))
EVENTS = st.lists(st.tuples(DELTA, st.one_of(NOTE, NOTE, NOTE, OTHER, TEMPO, META, SYSEX, PACKET)), max_size=30)


@st.composite
def files(draw) -> bytes:
    """Whole files of one to three tracks, whose statuses run on where they may."""
    tracks = []
    for events in draw(st.lists(EVENTS, min_size=1, max_size=3)):
        body, running = b"", 0
        for delta, event in events:
            body += number(delta)
            body += event[1:] if event[0] == running and event[0] < 0xF0 else event
            running = event[0] if event[0] < 0xF0 else 0
        body += b"\x00\xff\x2f\x00"
        tracks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    division = draw(st.sampled_from([1, 24, 96, 480, 960, 0x7FFF]))
    return b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + division.to_bytes(2, "big") + b"".join(tracks)


@given(files())
def test_whatever_is_legal_is_read_alike(data):
    """Tempo maps, overlaps, running status, sysex and packets of any kind."""
    try:
        score = midi.parse(data)
    except MelodyError as fault:
        assert "no notes" in str(fault) and not reference.read(data).notes or "more than the limit" in str(fault), (data.hex(" "), fault)
    else:
        if score.end_tick == midi.Limits().max_quarters * score.ticks_per_quarter:
            return  # what sounds past the limit is cut there
        assert not difference(data, score), data.hex(" ")


@pytest.mark.slow
def test_read_is_read_alike_in_the_real_corpus():
    """All files of the hostile corpus that are to be read and that the standard describes."""
    if not (SHARED / "hostile" / "hostile.zip").is_file():
        pytest.skip("the hostile corpus is not beside the project (../shared/hostile)")
    with zipfile.ZipFile(SHARED / "hostile" / "hostile.zip") as archive:
        rows = csv.DictReader(archive.read("index.csv").decode("utf-8", "surrogateescape").splitlines())
        rows = list(rows)[::3]  # tests/robustness/midi_reference.py takes them all
        same, wrong = alike((row["path"], row["expected"], lambda row=row: archive.read(row["path"])) for row in rows)
    assert not wrong and same > 70


@pytest.mark.slow
def test_read_is_read_alike_among_the_generated_cases(tmp_path):
    if not (SHARED / "hostile" / "make_hostile.py").is_file():
        pytest.skip("the hostile corpus is not beside the project (../shared/hostile)")
    out = tmp_path / "out"
    subprocess.run([sys.executable, SHARED / "hostile" / "make_hostile.py", out], check=True, capture_output=True)  # our own script
    rows = csv.DictReader(io.StringIO((out / "manifest.csv").read_text("utf-8", "surrogateescape")))
    same, wrong = alike((row["name"], row["expect"], lambda row=row: Path(os.path.join(out, row["name"])).read_bytes()) for row in rows)
    assert not wrong and same > 100


def alike(cases) -> tuple[int, dict[str, str]]:
    """Of (name, expected, how to get the bytes): how many that are to be read are read alike, and which are not, and why."""
    same, wrong = 0, {}
    for name, expected, get in cases:
        if expected != "read":
            continue
        data = get()
        try:
            why = difference(data, midi.parse(data))
        except MelodyError as fault:
            if "format 2" in str(fault):  # its sequences do not belong together; one has to be chosen
                continue
            why = str(fault)
        except reference.Unclear:
            continue
        if why:
            wrong[name] = why
        else:
            same += 1
    return same, wrong
