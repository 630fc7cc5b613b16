"""Generate and stream, lengths, seeds, voices, and what holds for all verbs."""

import os
from functools import partial
from itertools import islice, pairwise

import numpy as np
import pytest

from melody import midi
from melody.compose import Accompany, Continue, Generate, Infill, Sampling
from melody.compose.controls import asked_scale
from melody.errors import CallError, MelodyError
from melody.score import Score, Track, note_table

from .conftest import in_order

TUNE = Score((Track("MELODY", 0, notes=note_table(np.arange(16) * 480, [400] * 16, [60, 62, 64, 65] * 4, [80] * 16)),), 480)


@pytest.mark.parametrize(("bars", "meter", "quarters"), [(1, "4/4", 4), (4, "3/4", 12), (2, "6/8", 6), (3, "5/8", 7.5), (2, "1/4", 2)])
def test_bars_are_obeyed(composer, bars, meter, quarters):
    for seed in range(3):
        piece = composer.generate(bars=bars, meter=meter, tempo=90, seed=seed)
        in_order(piece)
        assert piece.end_tick <= quarters * piece.ticks_per_quarter
        assert max(int(t.notes["onset"].max()) for t in piece.tracks) >= (quarters - quarters / bars) * piece.ticks_per_quarter
        assert piece.meters.tolist() == [(0, *(int(n) for n in meter.split("/")))]
        assert piece.tempi.tolist() == [(0, round(60e6 / 90))]


@pytest.mark.parametrize("seconds", [0.01, 1, 4.5])
def test_seconds_are_obeyed(any_composer, seconds):
    for seed in range(3):
        piece = any_composer.generate(seconds=seconds, seed=seed)
        assert piece.duration_seconds <= max(seconds, 0.05) + 1e-4
        assert piece.duration_seconds > seconds / 4


def test_a_note_starts_in_every_bar(any_composer):
    piece = any_composer.generate(bars=6, seed=2)
    onsets = np.concatenate([t.notes["onset"] for t in piece.tracks])
    bar = 4 * piece.ticks_per_quarter * int(piece.meters["numerator"][0]) // int(piece.meters["denominator"][0])
    assert set(range(6)) == set((onsets // bar).tolist())


@pytest.mark.slow
def test_an_open_end_is_neither_at_once_nor_never(composer):
    piece = composer.generate(seed=1, meter="2/4", sampling=Sampling(temperature=1))
    assert 7 * 960 < piece.end_tick <= 64 * 960


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes(any_composer):
    def pieces(seed):
        return [
            midi.to_bytes(score)
            for score in (
                any_composer.generate(bars=2, seed=seed),
                any_composer.continue_(TUNE, bars=2, seed=seed),
                any_composer.accompany(TUNE, seed=seed),
                any_composer.infill(TUNE, 2, 3, seed=seed),
            )
        ]

    first, again, other = pieces(5), pieces(5), pieces(6)
    assert first == again and all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_many_requests_of_all_kinds_at_once(composer):
    requests = [
        Generate(bars=2, seed=1),
        Continue(tune=TUNE, bars=1, seed=2),
        Accompany(tune=TUNE, seed=3),
        Infill(tune=TUNE, from_bar=1, to_bar=1, seed=4),
        Generate(bars=5, seed=5, sampling=Sampling(temperature=0)),
    ]
    tune = []
    together = composer.many(requests, lambda done, total: tune.append((done, total)))
    assert tune[-1] == (5, 5) and len(together) == 5
    assert composer.many(requests) == together
    assert composer.many([]) == []


def test_more_requests_than_fit_in_one_batch(composer, monkeypatch):
    monkeypatch.setattr("melody.compose.composer.ROWS", 2)
    tune = []
    scores = composer.many([Generate(bars=1, seed=s) for s in range(5)], lambda done, total: tune.append(done))
    assert len(scores) == 5 and tune == sorted(tune) and tune[-1] == 5


def test_voices(composer):
    piece = composer.generate(bars=4, voices=("flute", "bass", "drums"), seed=3)
    assert [(t.program, t.is_drum) for t in piece.tracks] == [(73, False), (33, False), (0, True)]
    assert all(len(t.notes) for t in piece.tracks) and piece.tracks[0].name


def test_fifteen_voices(composer):
    piece = composer.generate(bars=1, voices=tuple(str(i) for i in range(15)), seed=0)
    midi.to_bytes(piece)


def test_a_key_is_written_and_leant_to(composer):
    wished = Generate(bars=4, key="A minor", seed=0)
    assert composer.many([wished])[0].keys.tolist() == [(0, 0, True)]
    scale = asked_scale(wished)
    assert {i for i in range(12) if scale[i] == 0} == {9, 11, 0, 2, 4, 5, 7, 8}  # natural and harmonic
    assert {i for i in range(12) if asked_scale(Generate(key="Bb"))[i] == 0} == {10, 0, 2, 3, 5, 7, 9}


def test_styles(composer):
    assert composer.generate(bars=1, style="waltz", seed=0).note_count
    with pytest.raises(CallError, match="did you mean 'waltz'"):
        composer.generate(style="walz")


def test_what_a_model_in_seconds_cannot_do(untrained):
    with pytest.raises(CallError, match="counts in seconds"):
        untrained.generate(tempo=90)
    with pytest.raises(CallError, match="counts in seconds"):
        untrained.generate(meter="3/4")


@pytest.mark.parametrize(
    "priors",
    [
        5,
        {"pop909": 3},
        {"pop909": {"pieces": 1, "tempo": [0, 0]}},
        {"pop909": {"pieces": 1, "tempo": [1e9, 1e9]}},
        {"pop909": {"pieces": 1, "meters": []}},
        {"pop909": {"pieces": 1, "meters": [[0, 0, 1.0]]}},
        {"pop909": {"pieces": "many"}},
    ],
)
def test_damaged_style_priors_are_one_clear_error(composer, priors):
    from dataclasses import replace

    from melody.compose import Composer

    damaged = Composer(replace(composer.bundle, training={"habits": priors}), composer.engine)
    with pytest.raises(MelodyError, match="habits"):
        damaged.generate(bars=1)


@pytest.mark.slow
def test_a_stream_begins_as_the_piece_does(composer):
    notes = list(islice(composer.stream(seed=4, meter="4/4", tempo=100), 80))
    assert len(notes) == 80
    assert all(a.onset_beats <= b.onset_beats for a, b in pairwise(notes))
    assert all(n.duration_beats > 0 and 0 <= n.pitch < 128 and 1 <= n.velocity < 128 for n in notes)
    again = list(islice(composer.stream(seed=4, meter="4/4", tempo=100), 80))
    assert notes == again


def test_a_stream_goes_on_from_a_prime(any_composer):
    first = next(iter(any_composer.stream(TUNE, seed=1)))
    assert first.onset_beats >= TUNE.end_tick / 480 - 0.1 and first.onset_seconds >= TUNE.duration_seconds - 0.05
    assert first.onset_seconds == pytest.approx(first.onset_beats / 2)  # 120 a minute


def test_greedy(any_composer):
    greedy = Sampling(temperature=0)
    one, other = (any_composer.generate(bars=2, tempo=None, style=None, seed=s, sampling=greedy, voices=("piano",)) for s in (1, 1))
    assert one == other


@pytest.mark.slow
def test_guidance_and_repetition_are_taken(composer):
    for sampling in (Sampling(guidance=2), Sampling(repetition=0), Sampling(repetition=1, top_k=3, min_p=0.1)):
        assert composer.accompany(TUNE, seed=0, sampling=sampling).tracks[0] == TUNE.tracks[0]


@pytest.mark.slow
def test_pieces_come_as_they_are_done(composer):
    requests = [Generate(bars=bars, seed=bars) for bars in (12, 1, 2)]
    order = [place for place, _ in composer.each(requests)]
    assert sorted(order) == [0, 1, 2] and order[-1] == 0
    assert [midi.to_bytes(s) for s in composer.many(requests)] == [midi.to_bytes(composer.many([r])[0]) for r in requests]


@pytest.mark.slow
def test_processes_share_the_work_and_change_nothing(composer):
    requests = [Generate(bars=1 + seed % 2, seed=seed) for seed in range(5)]
    together = composer.many(requests, processes=2)
    assert [midi.to_bytes(s) for s in together] == [midi.to_bytes(s) for s in composer.many(requests)]


@pytest.mark.slow
def test_what_goes_wrong_in_another_process_is_one_line(composer):
    requests = [Generate(bars=1, seed=1), Generate(bars=1, style="walz"), Generate(bars=1, seed=2)]
    with pytest.raises(CallError, match="did you mean 'waltz'"):
        composer.many(requests, processes=2)


@pytest.mark.slow
def test_a_process_that_dies_is_one_line(composer):
    from melody.compose.processes import shared

    with pytest.raises(MelodyError, match="worker process has ended"):
        list(shared(partial(os._exit, 3), [Generate(bars=1)] * 2, 2))


@pytest.mark.slow
def test_a_piece_that_is_interrupted_ends_there(composer):
    from melody.compose.running import Running

    running, whole = Running(), composer.many([Generate(bars=40, seed=4, passes=False)])[0]
    steps = iter(composer.each([Generate(bars=40, seed=4, passes=False)], running=running))
    engine_advance, calls = composer.engine.advance, []

    def advance(*arguments):
        calls.append(1)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return engine_advance(*arguments)

    composer.engine.advance = advance
    try:
        with pytest.raises(KeyboardInterrupt):
            next(steps)
    finally:
        del composer.engine.advance
    early = running.so_far()[0]
    assert 30 < early.note_count < 60 < whole.note_count
    for cut, track in zip(early.tracks, whole.tracks, strict=False):
        assert np.array_equal(cut.notes["pitch"], track.notes["pitch"][: len(cut.notes)])


def test_a_fault_costs_its_own_request_only(composer):
    results = composer.results([Generate(bars=1, seed=1), Generate(bars=1, style="walz"), Generate(bars=1, seed=2)])
    assert [type(r) for r in results] == [Score, CallError, Score]
    assert results[0] == composer.many([Generate(bars=1, seed=1)])[0]
    with pytest.raises(CallError, match="did you mean 'waltz'"):
        composer.many([Generate(bars=1, style="walz"), Generate(bars=1)])
