"""The index: knows every run that it was made of, hardly any other, whatever its file goes through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.evaluation.copying import Matcher, runs_of
from melody.originality import index as file
from melody.originality.find import copied_runs, index_of
from melody.originality.grams import GRAM, RUN, WINDOW, grams, grams_of_few
from melody.originality.hashing import hashes, mixed, mixed_one, places, tokens_of
from melody.originality.index import HEAD, MAX_BYTES, built, read_index
from melody.originality.watch import Original, Watch
from melody.score import Score, Track, note_table

GRID = 24


def tune(seed, count=60, name="tune"):
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.integers(1, 5, count)) * 120
    return Track(name, notes=note_table(onset, np.full(count, 100), rng.integers(50, 70, count), np.full(count, 80)))


def piece(*tracks):
    return Score(tracks)


def index_from(*scores, collections=("one",), of=None):
    found = [grams(tokens_of(places(s, GRID))) for s in scores]
    number = np.repeat(np.zeros(len(found), int) if of is None else of, [len(f) for f in found])
    return built(np.concatenate(found), number, collections, GRID)


def test_a_few_tokens_are_hashed_as_many_are():
    tokens = mixed(np.arange(40, dtype=np.uint64) % np.uint64(7))
    assert grams_of_few(tokens.tolist()) == grams(tokens).tolist()
    assert [mixed_one(i) for i in range(7)] == mixed(np.arange(7, dtype=np.uint64)).tolist()
    assert len(grams(tokens[: WINDOW - 1])) == 0 and grams_of_few(tokens[: WINDOW - 1].tolist()) == []


def test_of_two_neighbouring_runs_the_same_gram_mostly():
    tokens = mixed(np.random.default_rng(0).integers(0, 50, 20_000).astype(np.uint64))
    kept = np.unique(grams(tokens))
    assert set(kept.tolist()) <= set(mixed(hashes(tokens, GRAM)).tolist())
    assert len(kept) < 0.6 * len(tokens)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(RUN, 30), key=st.integers(-10, 10))
def test_no_copy_is_missed(seed, size, key):
    index = index_from(piece(tune(seed)), piece(tune(seed + 1)))
    rng = np.random.default_rng(seed)
    notes = tune(seed).notes[(at := int(rng.integers(0, 60 - size))) : at + size].copy()
    notes["onset"] += 96_000
    notes["pitch"] += key
    runs, share = copied_runs(piece(Track("stolen", notes=notes), tune(seed + 5, name="own")), index)
    assert runs[0].notes >= size and runs[0].part == "stolen" and 0 < share < 1


def test_as_the_whole_search_says():
    """Simple tunes, so that runs of all lengths occur: all that the search finds, and nothing of which it finds no twelve notes."""
    rng = np.random.default_rng(7)
    codec = CodecConfig(grid=GRID)

    def simple(count):
        return piece(
            Track("a", notes=note_table(np.arange(count) * 240, np.full(count, 100), rng.integers(60, 62, count), np.full(count, 80)))
        )

    known, asked = [simple(400) for _ in range(3)], [simple(300) for _ in range(5)]
    index = index_from(*known)
    runs = runs_of(asked, codec)
    matcher = Matcher(runs_of(known, codec), runs)
    inside = np.flatnonzero(runs.left >= WINDOW)
    there = index.has(grams(runs.tokens)[inside])
    whole, part = matcher.found(RUN)[inside], matcher.found(RUN - 1)
    assert there[whole].all() and whole.any()
    assert not (there & ~(part[inside] | part[inside + 1])).any()


def test_the_file_holds_what_the_index_holds():
    index = index_from(piece(tune(1, 3000)), piece(tune(2, 3000)), collections=("first", "second"), of=[0, 1])
    data = index.to_bytes()
    again = read_index(data, "x")
    assert (again.keys == index.keys).all() and (again.codes == index.codes).all()
    assert (again.grid, again.seconds, again.collections) == (GRID, False, ("first", "second"))
    assert again.to_bytes() == data and len(data) < MAX_BYTES
    runs, share = copied_runs(piece(tune(2, 3000)), again)
    assert share == 1.0 and runs[0].notes > 2900 and runs[0].collection == "second" and runs[0].certain


def test_an_index_of_nothing_knows_nothing():
    index = built(np.zeros(0, np.uint64), np.zeros(0, int), ["a"], GRID)
    again = read_index(index.to_bytes(), "x")
    assert copied_runs(piece(tune(1)), again) == ([], 0.0) and not again.has_one(5)
    assert copied_runs(Score(), again) == ([], 0.0)


def test_what_is_too_much_is_said(monkeypatch):
    monkeypatch.setattr(file, "MAX_BYTES", 6000)
    with pytest.raises(MelodyError, match="more than the index"):
        built(mixed(np.arange(5000, dtype=np.uint64)), np.zeros(5000, int), ["a"], GRID)


@pytest.mark.parametrize("place", [0, 9, 12, 20, 40, HEAD.size + 1, 200, -1])
def test_a_damaged_file_is_named(place):
    data = bytearray(index_from(piece(tune(1, 500))).to_bytes())
    data[place] ^= 0x55
    with pytest.raises(MelodyError, match=r"my\.bin: damaged"):
        read_index(bytes(data), "my.bin")


@pytest.mark.parametrize("data", [b"", b"MELODYOR", bytes(HEAD.size), bytes(5000)])
def test_what_is_no_index(data):
    with pytest.raises(MelodyError, match="damaged"):
        read_index(data, "x")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_lies_in_the_head_are_seen_before_memory_is_taken(data):
    """A head that was made anew with its digest: whatever it says, it is an index or an error of one line."""
    whole = index_from(piece(tune(1, 200))).to_bytes()
    values = list(HEAD.unpack_from(whole))
    at = data.draw(st.sampled_from([2, 3, 4, 5, 6, 8]))
    values[at] = data.draw(st.integers(0, {2: 65535, 3: 255, 4: 1 << 63, 5: 1 << 63, 6: 65535, 8: 65535}[at]))
    try:
        read_index(HEAD.pack(*values) + whole[HEAD.size :], "x")
    except MelodyError as fault:
        assert "\n" not in str(fault)


def test_a_corpus_is_indexed(corpus):
    music = Corpus(corpus)
    index = index_of(music, GRID)
    mine = music.split("train")[0]
    runs, share = copied_runs(music.score(mine), index)
    assert share > 0.9 and runs and 0 < len(index.collections) <= 16


def test_a_watch_lets_no_longer_run_pass():
    known = piece(tune(3))
    index = index_from(known)
    notes = [divmod(int(p), 128) for p in places(known, GRID)]
    watch = Watch(Original(index, 12))
    for step, pitch in notes[:12]:
        assert not watch.copies(step, pitch)
        watch.add(step, pitch)
    assert watch.copies(*notes[12]) and not watch.copies(notes[11][0], 3)
    longer = Watch(Original(index, 20), notes[:19])
    assert not longer.copies(*notes[19])
    longer.add(*notes[19])
    assert longer.copies(*notes[20])


def test_a_watch_looks_at_given_notes_that_come_later():
    notes = [divmod(int(p), 128) for p in places(piece(tune(3)), GRID)]
    watch = Watch(Original(index_from(piece(tune(3))), 12), [*notes[:6], *notes[7:14]])
    assert watch.copies(*notes[6]) and not watch.copies(*notes[5])
