"""Copies: found in any key and at any time, exactly as long as they are, never across two pieces."""

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.evaluation.copying import Matcher, copying, runs_of
from melody.score import Score, Track, note_table

CODEC = CodecConfig()


def tune(seed, count=60, low=50):
    rng = np.random.default_rng(seed)
    return note_table(
        np.cumsum(rng.integers(1, 5, count)) * 120, np.full(count, 100), rng.integers(low, low + 20, count), np.full(count, 80)
    )


def piece(*tables):
    return Score((Track(notes=np.concatenate(tables)),))


def moved(notes, ticks, semitones=0):
    out = notes.copy()
    out["onset"] += ticks - int(notes["onset"][0])
    out["pitch"] += semitones
    return out


def matcher(training, asked):
    return Matcher(runs_of(training, CODEC), runs_of(asked, CODEC))


def test_a_run_in_another_key_at_another_time():
    training = [piece(tune(s)) for s in range(8)]
    stolen = moved(training[3].tracks[0].notes[20:45], 100_080, 5)
    own, after = tune(100, 30), moved(tune(101, 30, 20), 200_040)
    found = matcher(training, [piece(own, stolen, after), piece(tune(102))])
    longest = found.longest()
    assert longest[0] in (25, 26) and longest[1] < 6  # by chance, one note more
    shares = found.copied()
    assert shares[0] == pytest.approx(25 / 85, abs=0.02) and shares[1] == 0


def test_as_slow_counting_says():
    """Against all pairs compared one by one: tunes on few pitches, so that runs of all lengths occur."""
    rng = np.random.default_rng(7)

    def simple():
        return piece(note_table(np.cumsum(rng.integers(1, 3, 30)) * 240, np.full(30, 100), rng.integers(60, 63, 30), np.full(30, 80)))

    training, asked = [simple() for _ in range(10)], [simple() for _ in range(6)]
    tokens = [[runs_of([p], CODEC).tokens.tolist() for p in group] for group in (training, asked)]

    def occurs(run):
        return any(t[i : i + len(run)] == run for t in tokens[0] for i in range(len(t) - len(run) + 1))

    found = matcher(training, asked)
    for p, mine in enumerate(tokens[1]):
        best = max((n for n in range(1, 30) for i in range(30 - n) if occurs(mine[i : i + n])), default=0)
        assert found.longest()[p] == best + 1
        hits = [i for i in range(29 - 3) if occurs(mine[i : i + 4])]
        covered = {n for i in hits for n in range(i, i + 5)}
        assert found.copied(5)[p] == pytest.approx(len(covered) / 30)


def test_never_across_two_pieces():
    a, b = tune(1, 10), tune(2, 10)
    joined = piece(a, moved(b, int(a["onset"][-1]) + 240))
    assert matcher([piece(a), piece(b)], [joined]).longest()[0] == 10
    assert matcher([joined], [piece(a), piece(b)]).longest().tolist() == [10, 10]


def test_a_whole_piece_and_the_sets_apart():
    training = [piece(tune(s)) for s in range(4)]
    facts = copying(runs_of(training, CODEC), {"model": training[:1], "human": [piece(tune(9)), Score()]}, CODEC)
    assert facts["model"] == {"pieces": 1, "notes": 60, "share": 1.0, "longest": 60, "longest_median": 60.0}
    assert facts["human"]["share"] == 0 and facts["human"]["pieces"] == 1


def test_nothing_to_compare():
    drums = Score((Track(is_drum=True, notes=tune(1)),))
    assert copying(runs_of([], CODEC), {"model": [piece(tune(1))]}, CODEC)["model"]["share"] == 0
    assert copying(runs_of([piece(tune(1))], CODEC), {"model": [], "human": [drums]}, CODEC) == {}


def test_resolution_and_seconds():
    fine = Score((Track(notes=moved(tune(1), 0)),))
    coarse = Score(
        (Track(notes=note_table(*(tune(1)[n] // d for n, d in (("onset", 4), ("duration", 4), ("pitch", 1), ("velocity", 1))))),), 120
    )
    assert matcher([fine], [coarse]).copied()[0] == 1
    seconds = CodecConfig("seconds", 100)
    assert Matcher(runs_of([fine], seconds), runs_of([coarse], seconds)).copied()[0] == 1
