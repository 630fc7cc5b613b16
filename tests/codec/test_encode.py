"""Scores on the grid and events: nothing is lost on the way there and back, and the grid is where a slow loop says it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from melody.codec import CodecConfig, Piece, encode, quantise
from melody.codec.decode import decode, decode_piece, piece_score
from melody.codec.encode import velocity_bin, velocity_of
from melody.codec.grammar import bounds
from melody.codec.table import DRUMS, MAX_PARTS, Field, Role
from melody.errors import MelodyError
from melody.score import NOTE, Score, Track, meter_table, note_table, tempo_table

from ..conftest import examples

BEATS, TWELVE, SECONDS = CodecConfig(), CodecConfig(grid=12), CodecConfig("seconds", 100)
light = examples(40)
CONFIGS = st.sampled_from([BEATS, TWELVE, SECONDS, CodecConfig(grid=7, velocity_bins=5), CodecConfig("seconds", 31)])

notes_of = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 9000), st.integers(0, 127), st.integers(1, 127)), max_size=25).map(
    lambda rows: note_table(*np.array(rows, np.int64).reshape(-1, 4).T)
)
tracks_of = st.lists(
    st.builds(Track, name=st.sampled_from(["", "a"]), program=st.integers(0, 127), is_drum=st.booleans(), notes=notes_of),
    min_size=1,
    max_size=MAX_PARTS,
)
tempi_of = st.lists(st.tuples(st.integers(0, 6000), st.integers(100_000, 2_000_000)), max_size=5).map(
    lambda rows: tempo_table(*np.array(rows, np.int64).reshape(-1, 2).T)
)
meters_of = st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 13), st.sampled_from([1, 2, 4, 8, 16])), max_size=4).map(
    lambda rows: meter_table(*np.array(rows, np.int64).reshape(-1, 3).T)
)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Pieces as wild as the types allow: any resolution, doubled and overlapping notes, empty tracks, maps that jump."""
    tracks = draw(tracks_of)
    tracks = [replace(t, program=0) if t.is_drum else t for t in tracks]  # drums have no program
    return Score(tuple(tracks), draw(st.sampled_from([1, 24, 96, 100, 384, 480, 960, 32767])), draw(tempi_of), draw(meters_of))


def same(a: Piece, b: Piece) -> bool:
    return all(len(x) == len(y) and bool((x == y).all()) for x, y in ((a.notes, b.notes), (a.parts, b.parts)))


@light
@given(scores(), CONFIGS, st.integers(0, MAX_PARTS - 1))
def test_decoding_gives_the_piece_on_the_grid(score: Score, config: CodecConfig, lead: int) -> None:
    piece = quantise(score, config, lead)
    events = encode(piece)
    assert same(decode_piece(events.rows, config, piece.meters), piece)
    assert (events.time == np.cumsum(events.rows[:, Field.WAIT])).all()
    assert events.rows[-1].tolist() == [Role.END, 0, 0, 0, 0, 0]


@light
@given(scores(), CONFIGS)
def test_a_decoded_score_is_a_fixed_point(score: Score, config: CodecConfig) -> None:
    piece = quantise(score, config)
    once = decode(encode(piece).rows, config, meters=piece.meters)
    again = quantise(once, config)
    assert same(again, piece)
    assert (encode(again).rows == encode(piece).rows).all()
    assert decode(encode(again).rows, config, meters=again.meters) == once


@light
@given(scores(), CONFIGS, st.integers(-1, MAX_PARTS - 1))
def test_whatever_is_encoded_is_legal(score: Score, config: CodecConfig, lead: int) -> None:
    rows = encode(quantise(score, config, lead if lead >= 0 else None)).rows
    before = np.concatenate([rows[-1:], rows[:-1]])
    for field in Field:
        low, high = bounds(config, np, field, before, rows, np.array(len(score.tracks) - 1))
        assert ((rows[:, field] >= low) & (rows[:, field] <= high)).all(), field.name


@light
@given(scores(), st.sampled_from([BEATS, TWELVE, CodecConfig(grid=7)]))
def test_the_beat_grid_against_a_slow_loop(score: Score, config: CodecConfig) -> None:
    def step(tick: int) -> int:
        return int((Fraction(int(tick) * config.grid, score.ticks_per_quarter) + Fraction(1, 2)).__floor__())

    expected: dict[tuple[int, int, int], int] = {}
    for part, track in enumerate(score.tracks):
        for onset, duration, pitch, _ in track.notes.tolist():
            key = step(onset), part, pitch
            length = min(max(1, step(onset + duration) - step(onset)), config.max_duration)
            expected[key] = max(expected.get(key, 0), length)
    notes = quantise(score, config).notes
    assert [tuple(n)[:3] for n in notes.tolist()] == sorted(expected)
    assert notes["duration"].tolist() == [expected[key] for key in sorted(expected)]


@light
@given(scores())
def test_the_seconds_grid_against_the_tempo_map(score: Score) -> None:
    """Within half a step of the exact time, to the rounding of double precision."""

    def seconds(tick: int) -> Fraction:
        now = Fraction(0)
        rows = score.tempi.tolist()
        for (start, mspq), (stop, _) in zip(rows, [*rows[1:], (tick, 0)], strict=True):
            if tick > start:
                now += Fraction((min(stop, tick) - start) * mspq, 1_000_000 * score.ticks_per_quarter)
        return now

    piece = quantise(score, SECONDS)
    allowed = {
        (part, int(n["pitch"])): [seconds(int(m["onset"])) * 100 for m in t.notes if m["pitch"] == n["pitch"]]
        for part, t in enumerate(score.tracks)
        for n in t.notes
    }
    for onset, part, pitch, _, _ in piece.notes.tolist():
        assert min(abs(exact - onset) for exact in allowed[part, pitch]) <= Fraction(1, 2) + Fraction(1, 10**6)
    assert len(piece.notes) <= score.note_count


@light
@given(scores(), CONFIGS)
def test_quantised_notes_are_canonical(score: Score, config: CodecConfig) -> None:
    notes = quantise(score, config).notes
    keys = [tuple(n)[:3] for n in notes.tolist()]
    assert keys == sorted(set(keys))
    assert ((notes["duration"] >= 1) & (notes["duration"] <= config.max_duration)).all()
    assert ((notes["velocity"] >= 0) & (notes["velocity"] < config.velocity_bins)).all()


@light
@given(scores(), st.randoms(use_true_random=False))
def test_the_order_of_notes_in_a_track_does_not_matter(score: Score, random: Random) -> None:
    """Doubled notes too: which velocity stays must not hang on the order in the file."""
    mixed = []
    for track in score.tracks:
        order = list(range(len(track.notes)))
        random.shuffle(order)
        mixed.append(replace(track, notes=track.notes[order]))
    assert same(quantise(replace(score, tracks=tuple(mixed)), BEATS), quantise(score, BEATS))


@light
@given(scores(), st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 500))
def test_free_notes_from_a_start(score: Score, pattern: list[bool], start: int) -> None:
    piece = quantise(score, BEATS)
    free = np.resize(pattern, len(piece.notes)) & (piece.notes["onset"] >= start)
    events = encode(piece, free, start)
    found = decode_piece(events.rows, BEATS, start=start)
    assert (found.notes == piece.notes[free]).all()
    assert (found.parts == piece.parts).all()
    assert events.start == start


@pytest.mark.parametrize("declare", [[], [1], [0, 1]])
def test_declarations_can_be_left_out(declare: list[int]) -> None:
    piece = quantise(Score((Track(notes=note_table([0], [480], [60], [64])), Track(program=32))), BEATS)
    rows = encode(piece, declare=declare).rows
    assert rows[: len(declare), Field.PART].tolist() == declare
    assert rows[len(declare) :, Field.ROLE].tolist() == [Role.NOTE, Role.END]


def test_a_free_note_before_the_start_is_refused() -> None:
    piece = quantise(Score((Track(notes=note_table([0], [480], [60], [64])),)), BEATS)
    with pytest.raises(ValueError, match="before the beginning"):
        encode(piece, start=1)


@light
@given(st.integers(0, 40 * 96), st.integers(1, 8 * 96))
@example(8 * 96, 8 * 96)
@example(96, 1)
@example(95, 1)
def test_long_waits_and_durations_up_to_eight_bars_lose_nothing(wait: int, duration: int) -> None:
    score = Score((Track(notes=note_table([wait * 20], [duration * 20], [60], [66])),))
    rows = encode(quantise(score, BEATS)).rows
    assert (rows[:, Field.ROLE] == Role.REST).sum() == wait // 96
    assert decode(rows, BEATS).tracks[0].notes.tolist() == [(wait * 20, duration * 20, 60, 66)]


def test_longer_durations_are_cut() -> None:
    score = Score((Track(notes=note_table([0], [480 * 400], [60], [64])),))
    assert quantise(score, BEATS).notes["duration"].tolist() == [BEATS.max_duration]
    assert quantise(score, SECONDS).notes["duration"].tolist() == [SECONDS.max_duration]


def test_equal_programs_stay_two_parts() -> None:
    notes = note_table([0], [480], [60], [64])
    score = Score((Track("MELODY", 0, False, notes), Track("PIANO", 0, False, notes), Track("kit", 0, True, notes)))
    piece = quantise(score, BEATS, lead=0)
    assert piece.parts.tolist() == [(0, True), (0, False), (DRUMS, False)]
    back = decode(encode(piece).rows, BEATS)
    assert [(t.program, t.is_drum, len(t.notes)) for t in back.tracks] == [(0, False, 1), (0, False, 1), (0, True, 1)]


def test_of_a_doubled_note_the_longest_stays_whatever_the_order() -> None:
    """With equal lengths too: which velocity stays must not hang on the order in the file, nor on how a machine sorts."""
    rows = [(0, 480, 60, 30), (0, 480, 60, 90), (0, 240, 60, 120)]
    found = set()
    for order in permutations(rows):
        score = Score((Track(notes=note_table(*np.array(order).T)),))
        found.add(tuple(quantise(score, BEATS).notes.tolist()))
    assert len(found) == 1
    assert next(iter(found))[0][3] == 24


def test_two_leads_survive_as_events() -> None:
    """The grammar lets a model call two parts the lead; a Score has no such mark, a Piece does."""
    rows = np.array([(0, 0, 0, 128, 0, 1), (0, 0, 1, 128, 0, 1), (1, 0, 1, 60, 1, 0), (3, 0, 0, 0, 0, 0)], np.int16)
    assert (encode(decode_piece(rows, BEATS)).rows == rows).all()


def test_past_sixteen_tracks_there_is_an_error() -> None:
    with pytest.raises(MelodyError, match="17 tracks"):
        quantise(Score((Track(),) * 17), BEATS)


def test_past_the_grid_there_is_an_error() -> None:
    with pytest.raises(MelodyError, match="too long"):
        quantise(Score((Track(notes=note_table([1 << 40], [1], [60], [64])),)), BEATS)


@pytest.mark.parametrize("tracks", [(), (Track(),), (Track(),) * 16])
def test_pieces_without_notes(tracks: tuple[Track, ...]) -> None:
    piece = quantise(Score(tracks), BEATS)
    rows = encode(piece).rows
    assert rows[:, Field.ROLE].tolist() == [Role.PART] * len(tracks) + [Role.END]
    assert same(decode_piece(rows, BEATS), piece)
    assert piece.end == 96


@pytest.mark.parametrize("bins", [1, 2, 5, 16, 32, 64])
def test_the_middle_of_a_velocity_bin_lies_in_it(bins: int) -> None:
    """Also where bins are so narrow that a middle must be rounded."""
    index = np.arange(bins, dtype=np.int16)
    middle = velocity_of(index, bins)
    assert ((middle >= 1) & (middle <= 127)).all()
    assert (velocity_bin(middle.astype(np.int16), bins) == index).all()


def test_velocity_bins_rise() -> None:
    bins = velocity_bin(np.arange(1, 128, dtype=np.int16), 32)
    assert bins[0] == 0 and bins[-1] == 31 and (np.diff(bins) >= 0).all()
    assert np.bincount(bins).tolist() == [3] + [4] * 31


@light
@given(scores(), st.integers(-12, 12))
def test_transposition_leaves_drums(score: Score, semitones: int) -> None:
    piece = quantise(score, BEATS)
    low, high = piece.pitch_range()
    semitones = max(-low, min(127 - high, semitones))
    moved = piece.transposed(semitones)
    drums = piece.parts["program"][piece.notes["part"]] == DRUMS
    assert (moved.notes["pitch"] - piece.notes["pitch"] == np.where(drums, 0, semitones)).all()
    assert ((moved.notes["pitch"] >= 0) & (moved.notes["pitch"] <= 127)).all()
    assert same(decode_piece(encode(moved).rows, BEATS), moved)


@light
@given(scores())
def test_a_piece_ends_on_a_bar_line(score: Score) -> None:
    piece = quantise(score, BEATS)
    end = piece.end
    bar, position, _ = piece.metre.bar(np.array([end]))
    last = int((piece.notes["onset"] + piece.notes["duration"]).max(initial=0))
    assert int(position[0]) == 0 and end >= last
    assert int(bar[0]) == 0 or piece.metre.bar_start(int(bar[0]) - 1) < max(last, 1)


def test_decoded_scores_have_the_tempo_and_names_asked_for() -> None:
    piece = quantise(Score((Track("x", 5, False, note_table([0], [480], [60], [64])),)), BEATS, lead=0)
    score = piece_score(piece, 90.0, ("tune",))
    assert (score.tracks[0].name, score.tracks[0].program, score.ticks_per_quarter) == ("tune", 5, 480)
    assert score.tempi.tolist() == [(0, 666_667)]
    assert piece_score(piece).tracks[0].name == "Melody"
    assert piece_score(quantise(score, SECONDS)).seconds([1000])[0] == 1.0
    assert score.tracks[0].notes.dtype == NOTE
