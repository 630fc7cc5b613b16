"""Tiny models on both clocks, and tunes of every kind."""

import numpy as np
import pytest
from hypothesis import strategies as st

from melody.score import KEY, PEDAL, Score, Track, meter_table, note_table, table, tempo_table

RESOLUTIONS = (1, 25, 96, 480, 10080)
METERS = ((4, 4), (3, 4), (6, 8), (5, 8), (2, 2), (7, 16), (1, 4))


@pytest.fixture(scope="session")
def composer(model):
    """The tiny trained model, on the beats clock."""
    from melody.compose import load

    return load(model)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """A model on the seconds clock with random weights: it wants anything."""
    import torch

    from melody import bundle
    from melody.codec import CodecConfig
    from melody.compose import load
    from melody.model import EventLSTM, ModelConfig

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("seconds")
    small = ModelConfig(layers=1, width=16, head_width=8, given_width=8)
    bundle.save(folder, EventLSTM(small, CodecConfig("seconds", 20, 8, ("folk",))), {})
    return load(folder)


@pytest.fixture(scope="session", params=["beats", "seconds"])
def any_composer(request, composer, untrained):
    return composer if request.param == "beats" else untrained


@st.composite
def tunes(draw, most_tracks=3):
    """Scores with odd resolutions, meters, tempi, overlaps, instants and late starts. Onsets and lengths in quarters / 4."""
    resolution = draw(st.sampled_from(RESOLUTIONS))
    quarter = resolution / 4

    def ticks(values):
        return np.floor(np.asarray(values) * quarter).astype(np.int64)

    late = draw(st.sampled_from([0, 0, 0, 3, 40]))
    tracks = []
    for index in range(draw(st.integers(1, most_tracks))):
        count = draw(st.integers(1, 12))
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        length = draw(st.sampled_from([(0, 1), (1, 4), (2, 9), (60, 200)]))
        onset = late + np.sort(rng.uniform(0, 40, count))
        notes = note_table(ticks(onset), ticks(rng.uniform(*length, count)), rng.integers(50, 70, count), rng.integers(1, 128, count))
        pedal = table(PEDAL, ticks([1, 9, 17]), [127, 0, 90]) if draw(st.booleans()) else table(PEDAL, [], [])
        tracks.append(Track(draw(st.sampled_from(["", "MELODY", f"Part {index}"])), int(rng.integers(128)), index == 2, notes, pedal))
    (one, other) = (draw(st.sampled_from(METERS)) for _ in range(2))
    change = int(ticks(draw(st.sampled_from([16, 13, 24]))))
    return Score(
        tuple(tracks),
        resolution,
        tempo_table([0, *ticks([7, 20])], [draw(st.sampled_from([400_000, 750_000, 123_457])), 300_000, 600_000]),
        meter_table([0, change], [one[0], other[0]], [one[1], other[1]]),
        table(KEY, [0], [draw(st.integers(-7, 7))], [draw(st.booleans())]),
    )


def within(given, result):
    """Whether every note of a table is among those of another, doubled ones as often, and the new ones beside them."""
    have = sorted(result.tolist())
    for note in given.tolist():
        if note not in have:
            return None
        have.remove(note)
    return have


def same_frame(before, after):
    """Everything but the notes is as it was; tracks may have been added at the end, and pedal for what is new."""
    assert after.ticks_per_quarter == before.ticks_per_quarter
    for name in ("tempi", "meters", "keys"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
    for old, new in zip(before.tracks, after.tracks, strict=False):
        assert (old.name, old.program, old.is_drum) == (new.name, new.program, new.is_drum)
        assert np.array_equal(old.pedal, new.pedal[: len(old.pedal)])


def in_order(score):
    """Notes in the order of a Score, none without length, in range."""
    for track in score.tracks:
        rank = track.notes["onset"] * 128 + track.notes["pitch"]
        assert (np.diff(rank) >= 0).all()
        assert ((track.notes["pitch"] >= 0) & (track.notes["pitch"] < 128)).all()
        assert ((track.notes["velocity"] >= 1) & (track.notes["velocity"] < 128)).all()
