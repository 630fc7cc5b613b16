"""Streams: reproducible, resumable, complete. What a batch shows of a piece is what the whole piece shows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import fields, replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from melody.codec import CodecConfig, encode, quantise
from melody.codec.given import GivenConfig
from melody.codec.table import UNDECLARED, Field, Role
from melody.corpus import Corpus, CorpusWriter, PieceFacts
from melody.corpus.batch import Batch
from melody.corpus.piece import AugmentConfig, EncodedPiece, training_piece
from melody.corpus.stream import Stream
from melody.corpus.tables import STORED, TrackFacts
from melody.corpus.truncated_bptt import GIVEN_AFTER, GIVEN_BEFORE, MAX_GIVEN
from melody.score import Score, Track, note_table

CONFIG = CodecConfig(styles=("folk", "pop"))
MODES = ("nothing", "lead", "part", "others", "window")
LIVE = GivenConfig(causal=0.5)


def song(rng: np.random.Generator, bars: int) -> Score:
    """A melody, chords and drums over some bars, with a few silent bars in it."""
    tracks = []
    for program, is_drum, per_bar in ((0, False, 4), (0, False, 9), (0, True, 6)):
        onset = np.sort(rng.integers(0, bars * 96, bars * per_bar)) * 20
        onset = onset[(onset // 1920) % 7 != 3]
        tracks.append(
            Track(
                "",
                program,
                is_drum,
                note_table(onset, rng.integers(20, 2000, len(onset)), rng.integers(40, 90, len(onset)), rng.integers(1, 128, len(onset))),
            )
        )
    return Score(tuple(tracks), 480)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Seventeen songs of 1 to 40 bars; one of them has no notes that could be a lead."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    with CorpusWriter(folder) as writer:
        for i, bars in enumerate([1, 2, 40, 3, 8, 5, 13, 21, 9, 30, 4, 6, 7, 2, 17, 11, 12]):
            score = song(rng, bars)
            notes = np.zeros(score.note_count, STORED)
            for name in ("onset", "duration", "pitch", "velocity"):
                notes[name] = np.concatenate([t.notes[name] for t in score.tracks])
            notes["sustained"] = notes["duration"] + 100
            tracks = tuple(TrackFacts(t.name, t.program, t.is_drum, len(t.notes)) for t in score.tracks)
            facts = PieceFacts(
                f"{i}.mid", "", str(i), ("folk", "pop")[i % 2], "train", 480, tracks, None if i == 5 else 0, "name", i % 24, 1.0
            )
            writer.add(facts, {"notes": notes, "tempi": score.tempi, "meters": score.meters, "keys": score.keys})
        writer.finish("")
    return Corpus(folder)


def stream(corpus: Corpus, **wishes: Any) -> Stream:
    return Stream(
        corpus, CONFIG, wishes.pop("pieces", list(range(len(corpus)))), **{"batch": 4, "chunk": 50, "seed": 3, "given": LIVE, **wishes}
    )


def same(a: Batch, b: Batch) -> bool:
    others = [f.name for f in fields(Batch) if f.name != "steps"]
    arrays = [*zip(a.steps, b.steps, strict=True), *((getattr(a, name), getattr(b, name)) for name in others)]
    return all(np.array_equal(mine, theirs) for mine, theirs in arrays)


def whole(source: Stream, epoch: int, piece: int) -> EncodedPiece:
    """The sequence that a stream cuts up, made anew."""
    rng = np.random.default_rng([source.seed, epoch, piece])
    return training_piece(source.corpus, piece, source.config, rng, source.augment, source.given)


def epoch_of(source: Stream, row: int, taken: int) -> int:
    """Epoch in which a row takes a piece, after so many others."""
    return (row + taken * source.total) // len(source.pieces)


@pytest.mark.slow
def test_the_seed_says_it_all(corpus: Corpus) -> None:
    one, two, other = stream(corpus), stream(corpus), stream(corpus, seed=4)
    pairs = list(islice(zip(one, two, other, strict=False), 60))
    assert all(same(a, b) for a, b, _ in pairs)
    assert not any(same(a, c) for a, _, c in pairs)
    assert one.epoch > 1


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 2, 7, 23, 59])
def test_a_stream_goes_on_from_its_position(corpus: Corpus, after: int) -> None:
    first = stream(corpus)
    for _ in islice(first, after):
        pass
    saved = json.loads(json.dumps(first.position))  # as it is in a file
    second = stream(corpus)
    second.position = saved
    assert second.position == first.position
    for a, b in islice(zip(first, second, strict=False), 25):
        assert same(a, b)
    assert second.position == first.position


def test_the_end_of_a_bounded_stream_is_restored(corpus: Corpus) -> None:
    first = stream(corpus, epochs=1)
    batches = list(first)
    second = stream(corpus, epochs=1)
    for _ in islice(second, len(batches) - 1):
        pass
    third = stream(corpus, epochs=1)
    third.position = second.position
    rest = list(third)
    assert len(rest) == 1 and same(rest[0], batches[-1])


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_every_note_is_seen_once_an_epoch(corpus: Corpus, mode: str) -> None:
    """As a target; or as given, and then in no chunk as a target."""
    weights: dict[str, Any] = {m: float(m == mode) for m in MODES}
    config = replace(GivenConfig(**weights), causal=0.3)
    source = stream(corpus, given=config, augment=AugmentConfig.none(), epochs=2)
    targets: dict[tuple[int, int], list[NDArray[np.int16]]] = defaultdict(list)
    visits: Counter[int] = Counter()
    taken: Counter[int] = Counter()
    now: dict[int, tuple[int, int]] = {}  # by row of the batch: piece and epoch; two rows may be at one piece in two epochs
    for batch in source:
        for b, piece in enumerate(batch.piece.tolist()):
            if piece < 0:
                assert not batch.valid[:, b].any()
                continue
            if batch.reset[b]:
                visits[piece] += 1
                now[b] = piece, epoch_of(source, b, taken[b])
                taken[b] += 1
            targets[now[b]].append(batch.steps.events[1:, b][batch.valid[:, b]])
    assert set(visits) == set(range(len(corpus))) and set(visits.values()) == {2}
    for (piece, epoch), chunks in targets.items():
        expected = whole(source, epoch, piece)
        rows = np.concatenate(chunks)
        assert (rows == expected.steps.events[1:]).all()
        everything = quantise(corpus.score(piece), CONFIG, corpus.pieces[piece].lead)
        free = int((rows[:, Field.ROLE] == Role.NOTE).sum())
        assert free > 0 and free + len(expected.given) == len(everything.notes)
        if mode == "nothing":
            assert (rows == encode(everything).rows).all()


def test_epochs_differ_in_order_and_variation(corpus: Corpus) -> None:
    source = stream(corpus, batch=1, chunk=100_000, epochs=2)
    batches = list(source)
    orders = [int(b.piece[0]) for b in batches if b.reset[0]]
    assert sorted(orders[:17]) == sorted(orders[17:]) == list(range(17))
    assert orders[:17] != orders[17:]
    first, second = (whole(source, epoch, 2) for epoch in (0, 1))
    assert not np.array_equal(first.steps.events, second.steps.events)


def test_validation_comes_in_order_and_unvaried(corpus: Corpus) -> None:
    source = stream(corpus, batch=1, shuffle=False, augment=AugmentConfig.none(), epochs=1, pieces=[3, 1, 2])
    assert [int(b.piece[0]) for b in source if b.reset[0]] == [3, 1, 2]
    told = whole(source, 0, 3)
    assert (told.conditions[[0, 2, 3, 4]] > 0).all() and not told.steps.features[:, 3].any()


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 7, 50, 5000])
def test_chunks_show_what_the_whole_piece_shows(corpus: Corpus, chunk: int) -> None:
    """Rows, features and, through each chunk's own copy of the given notes, the notes that the look-ups name."""
    source = stream(corpus, chunk=chunk, batch=5)
    cursor: dict[int, tuple[EncodedPiece, int]] = {}
    taken: Counter[int] = Counter()
    checked = modes = 0
    for batch in islice(source, 60 if chunk > 1 else 2000):
        for b, piece in enumerate(batch.piece.tolist()):
            count = int(batch.valid[:, b].sum())
            assert batch.valid[:count, b].all()  # padding is at the end
            if batch.reset[b]:
                cursor[b] = whole(source, epoch_of(source, b, taken[b]), piece), 0
                taken[b] += 1
            s, start = cursor[b]
            stop = start + count + 1
            assert 1 <= count <= chunk
            assert (batch.steps.events[: count + 1, b] == s.steps.events[start:stop]).all()
            assert (batch.steps.features[: count + 1, b] == s.steps.features[start:stop]).all()
            assert (batch.parts[b] == s.parts).all() and (batch.conditions[b] == s.conditions).all() and batch.causal[b] == s.causal
            mine, theirs = batch.steps.lookups[: count + 1, b], s.steps.lookups[start:stop]
            assert (mine[:, 2:] == theirs[:, 2:]).all()
            for column in (0, 1):
                assert ((mine[:, column] > 0) == (theirs[:, column] > 0)).all()
                named = theirs[:, column] > 0
                assert (batch.given[mine[named, column] - 1, b] == s.given.rows[theirs[named, column] - 1]).all()
                checked += int(named.sum())
            modes += s.causal
            cursor[b] = s, stop - 1
            assert len(batch.given) <= GIVEN_BEFORE + MAX_GIVEN + GIVEN_AFTER + 2
    assert checked > 1000 and modes > 0


def test_a_chunk_brings_neighbours_of_the_given_notes(corpus: Corpus) -> None:
    """Some before and, unless causal, some after, so that the encoder knows where it is."""
    config = GivenConfig(nothing=0, lead=0, part=0, others=1, window=0, causal=0)
    source = stream(corpus, batch=1, given=config, pieces=[2], augment=AugmentConfig.none())
    middle = 0
    for batch in islice(source, 30):
        used = batch.steps.lookups[: int(batch.valid[:, 0].sum()) + 1, 0, :2]
        total = len(whole(source, 0, 2).given)
        if used[0, 0] > GIVEN_BEFORE and batch.given.shape[0] - used[:, 0].max() >= GIVEN_AFTER:
            middle += 1
        assert batch.given.shape[0] <= total
    assert middle > 3


def test_live_sees_no_further_than_its_horizon(corpus: Corpus) -> None:
    config = GivenConfig(nothing=0, lead=1, part=0, others=0, window=0, causal=1)
    source = stream(corpus, batch=1, given=config)
    seen = 0
    for batch in islice(source, 80):
        count = int(batch.valid[:, 0].sum())
        if batch.causal[0] and count:
            until = batch.steps.lookups[: count + 1, 0, 3]
            assert until.max() <= CONFIG.rest + 1
            seen += 1
    assert seen > 40


def test_a_batch_larger_than_the_corpus(corpus: Corpus) -> None:
    batches = list(islice(stream(corpus, pieces=[4], batch=6), 10))
    assert all((b.piece == 4).all() for b in batches)
    bounded = list(stream(corpus, pieces=[4], batch=6, epochs=1))
    assert sum(int(b.reset.sum()) for b in bounded) == 1
    assert all((b.piece == -1).sum() == 5 for b in bounded)


def test_no_pieces_is_an_empty_stream(corpus: Corpus) -> None:
    assert list(islice(stream(corpus, pieces=[], epochs=1), 3)) == []


def test_padding_is_harmless(corpus: Corpus) -> None:
    seen = False
    for batch in stream(corpus, epochs=1):
        padded = ~batch.valid
        seen |= bool(padded.any())
        assert (batch.steps.events[1:][padded][:, Field.ROLE] == Role.END).all() and not batch.steps.lookups[1:][padded].any()
        assert batch.steps.lookups[..., :2].max() <= len(batch.given)
        unused = batch.piece < 0
        assert (batch.parts[unused, :, 0] == UNDECLARED).all()
        assert batch.notes == int((batch.steps.events[1:, :, Field.ROLE][batch.valid] == Role.NOTE).sum())
    assert seen


@pytest.mark.slow
def test_variation_stays_in_range(corpus: Corpus) -> None:
    plain = AugmentConfig.none()
    semitones, louder = set(), set()
    fixed = [Field.ROLE, Field.WAIT, Field.PART, Field.DURATION]
    nothing = GivenConfig(nothing=1, lead=0, part=0, others=0, window=0)
    for epoch in range(60):
        rng = [np.random.default_rng([9, epoch]) for _ in range(2)]
        a = training_piece(corpus, 4, CONFIG, rng[0], plain, nothing)
        b = training_piece(corpus, 4, CONFIG, rng[1], AugmentConfig(), nothing)
        note = a.steps.events[:, Field.ROLE] == Role.NOTE
        assert (a.steps.events[:, fixed] == b.steps.events[:, fixed]).all()
        moved = (b.steps.events - a.steps.events)[note & (a.steps.events[:, Field.PART] < 2), Field.PITCH]
        drums = (b.steps.events - a.steps.events)[note & (a.steps.events[:, Field.PART] == 2), Field.PITCH]
        assert len(set(moved.tolist())) == 1 and not drums.any()
        semitones.add(int(moved[0]))
        louder.add(int(np.median((b.steps.events - a.steps.events)[note, Field.VELOCITY])))
        assert ((b.steps.events[:, Field.VELOCITY] >= 0) & (b.steps.events[:, Field.VELOCITY] < 32)).all()
    assert semitones == set(range(-5, 7)) and louder == {-2, -1, 0, 1, 2}


def test_the_seconds_clock_takes_the_pedal(corpus: Corpus) -> None:
    config = CodecConfig("seconds", 100)
    made = training_piece(corpus, 4, config, np.random.default_rng(0), AugmentConfig.none(), GivenConfig(1, 0, 0, 0, 0))
    piece = quantise(corpus.score(4, sustained=True), config, 0)
    assert (made.steps.events[1:] == encode(piece).rows).all()
