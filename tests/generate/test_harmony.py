"""Chords as weights of pitches, how many notes there are, and limits that were asked for: by a model that wants anything."""

import numpy as np
import pytest

from melody.codec.metre import Metre
from melody.codec.outline import IN_CHORD
from melody.codec.table import Field, Role
from melody.export import export
from melody.generate.harmony import LOW, MIDDLE, Harmony
from melody.generate.limits import Limits, narrower
from melody.generate.loop import write
from melody.generate.plan import Plan
from melody.score import METER, table

from .tiny import CODEC, SHAPES, bundle_of, engine_of

C, A_MINOR = 1, 1 + 12 + 9
BEAT = 4  # steps


def harmony(**more):
    return Harmony(np.array([0, 16]), np.array([C, A_MINOR]), np.array([0, 9]), 32, BEAT, **more)


def test_tones_of_the_chord_are_likeliest_and_the_melody_is_freer():
    others, lead = harmony().weights(4, False), harmony().weights(4, True)
    inside = IN_CHORD[C, np.arange(128) % 12]
    high = np.arange(128) >= MIDDLE  # below lies the bass
    assert others[inside & high].min() >= 0 > others[~inside].max()
    assert (lead[~inside] > others[~inside]).all() and (lead[inside] == 0).all()


def test_low_notes_are_the_bass_where_a_chord_begins():
    low = np.arange(128) < LOW
    weights = harmony().weights(16, False)
    assert (weights[low & (np.arange(128) % 12 != 9)] < -7).all() and (weights[low & (np.arange(128) % 12 == 9)] >= 0).all()


def test_a_note_a_little_before_the_beat_belongs_to_the_chord_that_comes():
    early = Harmony(np.array([0, 96]), np.array([C, A_MINOR]), np.array([0, 9]), 192, 24)
    assert early.at(93) == 1 and early.at(80) == 0 and early.at(192) == -1


def test_nothing_is_said_where_no_chord_sounds_or_is_asked_for():
    silent = Harmony(np.array([0, 16]), np.array([0, C]), np.array([-1, 0]), 32, BEAT)
    assert silent.weights(4, False) is None and silent.weights(16, False) is not None and silent.weights(32, False) is None


def test_tones_that_sound_already_are_not_made_likelier():
    until = np.zeros(12, np.int64)
    until[4] = 100
    missing, there = harmony().weights(5, False), harmony().weights(5, False, until)
    assert there[64] < missing[64] and there[60] == missing[60]


def test_notes_end_before_a_chord_that_they_clash_with():
    assert harmony().room(12, 67) == 4  # G is no tone of A minor
    assert harmony().room(12, 64) > 1000  # E is one
    assert harmony().room(12, 40) == 4  # but not its bass


def test_a_scale_does_not_hold_for_tones_of_the_chord():
    scale = np.where(np.arange(128) % 12 == 4, -6, 0).astype(np.float32)
    assert harmony(scale=scale).weights(4, True)[64] == 6


def test_an_interval_inside_another_or_that_one_itself():
    assert narrower(40, 60, (50, 70)) == (50, 60) and narrower(40, 60, (70, 80)) == (70, 80)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = bundle_of(tmp_path_factory.mktemp("harmony"), **SHAPES["recall"])
    export(found)
    return engine_of(found)


def plan(seed, limits, bars=8, parts=2):
    metre = Metre(CODEC, table(METER, [0], [4], [4]))
    known = np.full((16, 3), (129, 0, 0), np.int16)
    known[:parts] = (0, 0, 0)
    prime = np.zeros((parts, 6), np.int16)
    prime[:, Field.ROLE], prime[:, Field.PART], prime[:, Field.PITCH] = Role.PART, np.arange(parts), 128
    stop = metre.bar_start(bars)
    return Plan(
        known,
        np.zeros(5, np.int16),
        metre,
        prime,
        stop=stop,
        ending=stop - 1,
        declare=(0, 0),
        limits=limits,
        seed=seed,
        max_notes=2000,
        every_bar=True,
    )


def notes_of(rows):
    rows = rows.astype(np.int64)
    time = np.cumsum(rows[:, Field.WAIT])
    play = rows[:, Field.ROLE] == Role.NOTE
    return np.column_stack([time, rows[:, Field.PART], rows[:, Field.PITCH], rows[:, Field.DURATION]])[play]


def test_a_model_that_wants_anything_follows_chords(engine):
    wanted = Harmony(np.array([0, 64]), np.array([C, A_MINOR]), np.array([0, 9]), 128, BEAT)
    share = []
    for limits in (Limits(), Limits(harmony=wanted)):
        found = np.concatenate([notes_of(rows) for rows in write(engine, [plan(seed, limits) for seed in range(4)])])
        code = np.where(found[:, 0] < 64, C, A_MINOR)
        share.append(IN_CHORD[code, (found[:, 2] - code + 1) % 12].mean())
    assert share[1] > 0.9 > 0.6 > share[0]


@pytest.mark.parametrize("pace", [0.25, 1.0])
def test_as_many_notes_as_were_asked_for(engine, pace):
    for rows in write(engine, [plan(seed, Limits(pace=pace)) for seed in range(3)]):
        assert len(notes_of(rows)) / 128 == pytest.approx(pace, rel=0.4)


def test_notes_of_one_part_as_many_as_were_asked_for(engine):
    paces = np.zeros(16, np.float32)
    paces[1] = 0.25
    for rows in write(engine, [plan(seed, Limits(pace=1.0, paces=paces)) for seed in range(3)]):
        assert (notes_of(rows)[:, 1] == 1).sum() / 128 == pytest.approx(0.25, rel=0.3)


def test_one_row_alone_writes_what_it_writes_among_others(engine):
    paces = np.full(16, 0.2, np.float32)
    limits = Limits(harmony=harmony(), pace=0.5, paces=paces, since=0)
    together = write(engine, [plan(seed, limits) for seed in range(3)] + [plan(9, None)])
    for seed in range(3):
        (alone,) = write(engine, [plan(seed, limits)])
        assert np.array_equal(alone, together[seed])
