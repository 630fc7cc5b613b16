"""Score -> bytes: what is canonical comes back equal, and one pitch never sounds twice on one channel."""

import io
from collections import defaultdict

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi
from melody.errors import CallError, MelodyError
from melody.files import clean_name
from melody.score import KEY, PEDAL, Score, Track, meter_table, note_table, table, tempo_table

from ..conftest import examples

ticks = st.integers(0, 5000)


@st.composite
def tracks(draw):
    """A track in which no pitch overlaps: each pitch gets onsets and ends from one rising row of ticks."""
    rows = []
    for pitch in draw(st.lists(st.integers(0, 127), min_size=1, max_size=6, unique=True)):
        points = sorted(draw(st.lists(ticks, min_size=2, max_size=8, unique=True)))
        rows += [(a, b - a, pitch, draw(st.integers(1, 127))) for a, b in zip(points[::2], points[1::2], strict=False)]
    pedal = sorted(draw(st.lists(st.tuples(ticks, st.integers(0, 127)), max_size=4)), key=lambda row: row[0])
    name = clean_name(draw(st.text(max_size=12)).encode("utf-8", "replace").decode())
    return Track(name, draw(st.integers(0, 127)), False, note_table(*zip(*rows, strict=True)), np.array(pedal, PEDAL))


@st.composite
def scores(draw):
    """A canonical Score: up to 15 melodic tracks and at most one of drums."""
    parts = draw(st.lists(tracks(), min_size=1, max_size=5))
    if draw(st.booleans()):
        drums = draw(tracks())
        parts.append(Track(drums.name, drums.program, True, drums.notes, drums.pedal))
    tempi = draw(st.dictionaries(ticks, st.integers(1, 16_777_215), max_size=6))
    meters = draw(st.dictionaries(ticks, st.tuples(st.integers(1, 64), st.sampled_from([1, 2, 4, 8, 16, 32, 64])), max_size=4))
    keys = draw(st.dictionaries(ticks, st.tuples(st.integers(-7, 7), st.booleans()), max_size=4))
    return Score(
        tuple(parts),
        draw(st.integers(1, 32767)),
        tempo_table(list(tempi), list(tempi.values())),
        meter_table(list(meters), [m[0] for m in meters.values()], [m[1] for m in meters.values()]),
        table(KEY, sorted(keys), [keys[t][0] for t in sorted(keys)], [keys[t][1] for t in sorted(keys)]),
    )


LONG = midi.Limits(max_seconds=1e12)  # the slowest tempo on the coarsest grid


@pytest.mark.slow
@given(scores())
def test_round_trip(score):
    data = midi.to_bytes(score)
    assert midi.parse(data, limits=LONG) == score
    assert midi.to_bytes(score) == data


def one(*rows, **kind):
    return Track(notes=note_table(*zip(*rows, strict=True)), **kind)


def sounding(data):
    """Notes (channel, pitch, onset, end) of all MTrks as one player hears them, and whether a pitch was ever struck while it sounded."""
    file = mido.MidiFile(file=io.BytesIO(data))
    events = []
    for number, track in enumerate(file.tracks):
        now = 0
        for place, event in enumerate(track):
            now += event.time
            if event.type in ("note_on", "note_off"):
                events.append((now, event.type == "note_on", number, place, event))
    open_at, notes, clash = {}, [], False
    for now, starts, _, _, event in sorted(events, key=lambda row: row[:4]):
        key = event.channel, event.note
        if starts:
            clash |= key in open_at
            open_at[key] = now
        else:
            notes.append((*key, open_at.pop(key), now))
    return sorted(notes), clash or bool(open_at)


def test_overlaps_take_a_free_channel_and_stay_exact():
    piano = one((0, 480, 60, 80), (240, 480, 60, 70), (240, 100, 64, 70), name="piano", program=3)
    data = midi.to_bytes(Score((piano, one((0, 10, 70, 1)))))
    score = midi.parse(data)
    assert [(t.name, t.program) for t in score.tracks] == [("piano", 3), ("", 0)]
    assert score.tracks[0] == piano
    assert sounding(data) == ([(0, 60, 0, 480), (0, 64, 240, 340), (1, 70, 0, 10), (2, 60, 240, 720)], False)


def test_the_pedal_holds_on_the_further_channel_too():
    piano = one((0, 480, 60, 80), (0, 480, 60, 70))
    held = Track("", 0, False, piano.notes, table(PEDAL, [0, 480], [127, 0]))
    data = midi.to_bytes(Score((held,)))
    assert [t.pedal.tolist() for t in midi.parse(data).tracks] == [[(0, 127), (480, 0)]]
    pedals = [(m.channel, m.value) for m in mido.MidiFile(file=io.BytesIO(data)).tracks[1] if m.is_cc(64)]
    assert sorted(pedals) == [(0, 0), (0, 127), (1, 0), (1, 127)]


def test_past_fifteen_tracks_those_of_one_program_share_channels():
    score = Score(tuple(one((10 * k, 10, 60, 80), program=40 + k % 13, name=f"{k}") for k in range(40)))
    data = midi.to_bytes(score)
    assert midi.parse(data) == score
    programs = {(m.channel, m.program) for t in mido.MidiFile(file=io.BytesIO(data)).tracks for m in t if m.type == "program_change"}
    assert len({channel for channel, _ in programs}) == len(programs) == 15


def test_without_a_free_channel_the_earlier_note_is_cut():
    rest = tuple(one((0, 10, 70, 1)) for _ in range(14))
    data = midi.to_bytes(Score((one((0, 480, 60, 80), (240, 480, 60, 70), (240, 100, 60, 90)), *rest)))
    assert not sounding(data)[1]
    assert midi.parse(data).tracks[0].notes.tolist() == [(0, 240, 60, 80), (240, 480, 60, 90)]


def test_drum_tracks_share_a_channel():
    kit = one((0, 480, 36, 80), name="kit", is_drum=True), one((240, 480, 36, 90), name="more", is_drum=True)
    data = midi.to_bytes(Score(kit))
    score = midi.parse(data)
    assert [(t.name, t.is_drum, t.notes.tolist()) for t in score.tracks] == [
        ("kit", True, [(0, 240, 36, 80)]),
        ("more", True, [(240, 480, 36, 90)]),
    ]
    assert sounding(data) == ([(9, 36, 0, 240), (9, 36, 240, 720)], False)


def test_strokes_together_in_one_drum_track_are_all_kept():
    kit = one((0, 480, 36, 80), (0, 480, 36, 90), is_drum=True)
    assert midi.parse(midi.to_bytes(Score((kit,)))).note_count == 2


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(60, 61), st.integers(1, 127)), min_size=1, max_size=60))
@examples(60)
def test_no_pitch_sounds_twice_and_few_overlaps_lose_nothing(rows):
    data = midi.to_bytes(Score((one(*rows),)))
    assert not sounding(data)[1]
    depth = max(sum(a <= t < a + max(d, 1) and p == q for a, d, p, _ in rows) for t in range(52) for q in (60, 61))
    found = sorted(n for t in midi.parse(data).tracks for n in t.notes.tolist())
    if depth <= 15:
        assert found == sorted((a, max(d, 1), p, v) for a, d, p, v in rows)


def test_ends_come_before_pedal_before_starts():
    notes = note_table([0, 480], [480, 480], [60, 60], [80, 80])
    file = midi.to_mido(Score((Track("", 0, False, notes, table(PEDAL, [480], [127])),)))
    assert [m.type for m in file.tracks[1]][1:-1] == ["note_on", "note_off", "control_change", "note_on", "note_off"]


def test_channels_skip_the_drums():
    score = Score((*(one((0, 10, 60 + k, 80), program=k) for k in range(15)), one((0, 10, 36, 80), is_drum=True)))
    file = midi.to_mido(score)
    assert [t[0].channel for t in file.tracks[1:]] == [*range(9), *range(10, 16), 9]
    assert midi.parse(midi.to_bytes(score)) == score


def test_tracks_without_notes_are_left_out_and_no_length_becomes_a_tick():
    score = midi.parse(midi.to_bytes(Score((Track("empty"), one((5, 0, 60, 80))))))
    assert [t.notes.tolist() for t in score.tracks] == [[(5, 1, 60, 80)]]


BYTES = {
    "two tracks, running status, a long gap, a name": (
        Score(
            (
                Track("Bass \u00e9", 32, False, note_table([0, 0, 480], [480, 480, 20_000], [40, 47, 40], [80, 1, 127])),
                Track("", 0, True, note_table([0, 0], [1, 1], [36, 42], [100, 64])),
            ),
            480,
            tempo_table([0, 480], [500_000, 400_000]),
            meter_table([0], [6], [8]),
            table(KEY, [0, 480], [-3, 7], [True, False]),
        ),
        (
            """00 FF5902 FD01       # 3 flats, minor
            00 FF5804 06031808   # 6/8
            00 FF5103 07A120     # 500,000 microseconds a quarter
            8360 FF5902 0700     # at tick 480: 7 sharps
            00 FF5103 061A80
            """,
            """00 FF0307 4261737320C3A9
            00 C020
            00 902850  00 2F01          # running status: 90 stands once
            8360 802800  00 2F00        # ends before the start at one tick, by pitch
            00 90287F
            819C20 802800               # 20,000 ticks later
            """,
            """00 C900
            00 992464  00 2A40
            01 892400  00 2A00
            """,
        ),
    ),
    "pedal between an end and a start": (
        Score((Track("", 5, False, note_table([0, 96], [96, 96], [60, 60], [80, 80]), table(PEDAL, [96, 96, 100], [127, 0, 64])),), 96),
        (
            "00 FF5804 04021808  00 FF5103 07A120",
            """00 C005
            00 903C50
            60 803C00  00 B0407F  00 4000  00 903C50
            04 B04040
            5C 803C00
            """,
        ),
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes(name, build):
    score, tracks = BYTES[name]
    assert midi.to_bytes(score).hex() == build.smf(*tracks, division=score.ticks_per_quarter).hex()


@given(scores())
def test_mido_writes_the_same_bytes(score):
    """Running status, lengths and times as an independent writer has them."""
    out = io.BytesIO()
    midi.to_mido(score).save(file=out)
    assert out.getvalue() == midi.to_bytes(score)


def meter(numerator, denominator):
    return Score((one((0, 1, 60, 80)),), meters=meter_table([0], [numerator], [denominator]))


BAD = {
    "no room for last \\(Acoustic Guitar": Score(tuple(one((0, 1, 60, 80), program=k, name="last" * (k == 25)) for k in range(10, 26))),
    "ticks per quarter": Score((one((0, 1, 60, 80)),), ticks_per_quarter=0),
    "ticks per quarter ": Score((one((0, 1, 60, 80)),), ticks_per_quarter=40_000),
    "pitch": Score((one((0, 1, 128, 80)),)),
    "velocity": Score((one((0, 1, 60, 0)),)),
    "program": Score((one((0, 1, 60, 80), program=128),)),
    "meter of 4/3": meter(4, 3),
    "key of 8": Score((one((0, 1, 60, 80)),), keys=table(KEY, [0], [8], [False])),
    "tempo of 0": Score((one((0, 1, 60, 80)),), tempi=tempo_table([0], [0])),
    "gaps": Score((one((2**28, 1, 60, 80)),)),
    "tick -1 ": Score((one((-1, 1, 60, 80)),)),
    "tick 268,435,457 ": Score((one((1, 2**28, 60, 80)),)),
    "tick -5 ": Score((one((0, 1, 60, 80)),), keys=table(KEY, [-5], [0], [False])),
    "pedal -1 to 5": Score((Track(notes=note_table([0], [1], [60], [80]), pedal=table(PEDAL, [0, 1], [5, -1])),)),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_midi_cannot_hold(reason):
    with pytest.raises(MelodyError, match=reason.strip()):
        midi.to_bytes(BAD[reason])


def test_write_is_whole_or_not_at_all(tmp_path):
    path, good = tmp_path / "a.mid", Score((one((0, 1, 60, 80)),))
    good.save(path)
    before = path.read_bytes()
    with pytest.raises(MelodyError):
        midi.write(meter(4, 3), path)
    with pytest.raises(CallError, match="exists"):
        midi.write(good, path, force=False)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.mid"]
    assert midi.read(path) == good


def test_many_overlaps_stay_quick():
    rows = [(k % 50, 20_000, 60 + k % 3, 80) for k in range(20_000)]
    data = midi.to_bytes(Score((one(*rows),)))
    by_channel = defaultdict(int)
    for channel, *_ in sounding(data)[0]:
        by_channel[channel] += 1
    assert len(by_channel) == 15
