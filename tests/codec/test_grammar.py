"""The grammar: whatever it allows decodes, and encodes again to the same events; whatever ``encode`` writes it allows.

Legal sequences are drawn from ``bounds`` itself, hundreds at once, by players with different priors: chords at the top
of the keyboard, long rests, sixteen parts. Each row of the batch starts a new piece when it has ended one.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from melody import edit, midi
from melody.codec import CodecConfig, encode, quantise
from melody.codec.decode import decode_piece, piece_score
from melody.codec.grammar import LAST_PITCH, bounds
from melody.codec.table import MAX_PARTS, PROGRAM_BASE, Field, Role, declared_program, kind_of
from melody.errors import MelodyError
from melody.generate.uniform import random_pieces

Rows = NDArray[np.int16]

CONFIGS = (
    CodecConfig(),
    CodecConfig(grid=12),
    CodecConfig("seconds", 100),
    CodecConfig(grid=1, velocity_bins=1),
    CodecConfig("seconds", 8, 64),
    CodecConfig(version=2),
)
END_ROW = (int(Role.END), 0, 0, 0, 0, 0)
TASTES = ("even", "low", "high", "dense", "top", "sparse")  # of a player, row by row of the batch


def play(config: CodecConfig, seed: int, players: int = 96, steps: int = 160) -> list[Rows]:
    """Random legal pieces, each (n, 6) from its first declaration to its END, by players of different tastes."""
    taste = np.array(TASTES)[np.arange(players) % len(TASTES)]
    return random_pieces(config, np.random.default_rng(seed), players, steps, partial(_taste, taste))


def _taste(taste: NDArray[np.str_], rng: np.random.Generator, field: Field, before: Rows) -> NDArray[np.float64]:
    """Where in its legal interval each player picks, [0, 1]."""
    u = rng.random(len(taste))
    if field is Field.ROLE:
        declaring = before[:, Field.ROLE] == Role.PART
        more = rng.random(len(taste)) < np.where(np.isin(taste, ("high", "top")), 0.95, 0.5)  # these fill all sixteen parts
        u = np.where(declaring & more, 0.0, np.where(u < 0.01, 0.999, u * np.where(taste == "sparse", 0.66, 0.5)))
        return np.where(declaring & ~more, 0.3, u)
    edge = {"low": 0.0, "high": 1.0, "dense": 0.0, "top": 0.0 if field is Field.WAIT else 1.0, "sparse": 1.0}
    at_edge = np.array([edge.get(h, 0.5) for h in taste])
    return np.where((rng.random(len(taste)) < 0.7) & (taste != "even"), at_edge, u)


@cache
def pieces(config: CodecConfig) -> list[Rows]:
    return play(config, seed=1)


def violations(config: CodecConfig, rows: Rows) -> int:
    """Number of fields of a piece (declarations to END) that lie outside what the grammar allows."""
    before = np.concatenate([np.array([END_ROW], np.int16), rows[:-1]])
    last_part = np.maximum.accumulate(np.where(rows[:, Field.ROLE] == Role.PART, rows[:, Field.PART], 0))
    programs = np.full(MAX_PARTS, 129)
    declared = rows[rows[:, Field.ROLE] == Role.PART].astype(np.int64)
    programs[declared[:, Field.PART]] = declared_program(declared[:, Field.PITCH])
    kind = kind_of(config, programs)[rows[:, Field.PART]]
    count = 0
    for field in Field:
        low, high = bounds(config, np, field, before, rows, last_part, kind)
        count += int(((rows[:, field] < low) | (rows[:, field] > high)).sum())
    return count


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_legal_sequence_survives_decoding_and_encoding(config: CodecConfig) -> None:
    drawn = pieces(config)
    assert sum(map(len, drawn)) > 10_000
    for rows in drawn:
        piece = decode_piece(rows, config)
        assert len(piece.notes) == (rows[:, Field.ROLE] == Role.NOTE).sum()
        assert (encode(piece).rows == rows).all()
        assert violations(config, rows) == 0


def test_the_drawn_pieces_meet_every_corner() -> None:
    config = CodecConfig()
    drawn = pieces(config)
    roles = Counter(np.concatenate([rows[:, Field.ROLE] for rows in drawn]).tolist())
    assert min(roles[r] for r in Role) > 100
    top = full = waited = 0
    for rows in drawn:
        note, pitch, wait = rows[:, Field.ROLE] == Role.NOTE, rows[:, Field.PITCH], rows[:, Field.WAIT]
        parts = int((rows[:, Field.ROLE] == Role.PART).sum())
        dead_end = note & (pitch == LAST_PITCH) & (rows[:, Field.PART] == parts - 1)
        top += int(dead_end.sum())
        full += parts == MAX_PARTS
        rest = rows[:, Field.ROLE] == Role.REST
        waited += int((rest[1:] & rest[:-1]).sum())
        assert (wait[1:][dead_end[:-1] & note[1:]] > 0).all()
    assert min(top, full, waited) > 20


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS[:3], ids=str)
def test_a_legal_sequence_survives_the_way_through_a_score(config: CodecConfig) -> None:
    for rows in pieces(config):
        lead = np.flatnonzero((rows[:, Field.ROLE] == Role.PART) & (rows[:, Field.VELOCITY] == 1))
        if len(lead) < 2:  # a Score has one lead at most
            score = piece_score(decode_piece(rows, config))
            again = encode(quantise(score, config, int(lead[0]) if len(lead) else None))
            assert (again.rows == rows).all()


@pytest.mark.parametrize("config", CONFIGS[:3], ids=str)
def test_a_legal_sequence_can_be_written_and_read_as_midi(config: CodecConfig) -> None:
    written = 0
    for rows in pieces(config)[::3]:
        score = piece_score(decode_piece(rows, config))
        played = edit.map_notes(score, edit.without_overlaps)
        if sum(len(t.notes) > 0 and not t.is_drum for t in score.tracks) > 15:
            with pytest.raises(MelodyError, match="16 tracks"):
                midi.to_bytes(played)
            continue
        if not score.note_count or sum(t.is_drum for t in score.tracks) > 1:  # drums share a channel: notes may end sooner
            continue
        back = midi.parse(midi.to_bytes(played))
        assert back.ticks_per_quarter == score.ticks_per_quarter
        sounding = [t for t in played.tracks if len(t.notes)]
        assert [(t.program, t.is_drum) for t in back.tracks] == [(0 if t.is_drum else t.program, t.is_drum) for t in sounding]
        for mine, theirs in zip(sounding, back.tracks, strict=True):
            assert (mine.notes == theirs.notes).all()
        written += 1
    assert written > 20


def test_doubled_or_unordered_notes_are_illegal() -> None:
    config = CodecConfig()
    head = [(0, 0, 0, PROGRAM_BASE, 0, 1), (0, 0, 1, PROGRAM_BASE + 32, 0, 0)]
    chord = [(1, 0, 0, 60, 4, 9), (1, 0, 0, 64, 4, 9), (1, 0, 1, 36, 4, 9), (1, 0, 1, 60, 4, 9)]
    for order in permutations(chord):
        rows = np.array([*head, (1, 5, 0, 50, 1, 0), *order, END_ROW], np.int16)
        assert (violations(config, rows) == 0) == (list(order) == chord)
    doubled = np.array([*head, chord[0], chord[0], END_ROW], np.int16)
    assert violations(config, doubled) == 1


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(1, 0, 0, 60, 1, 0), END_ROW], "no part is declared"),
        ([END_ROW], "a piece starts with a part"),
        ([(0, 0, 1, 128, 0, 0), END_ROW], "the first part is 0"),
        ([(0, 0, 0, 128, 0, 0), (0, 0, 0, 128, 0, 0), END_ROW], "parts are numbered"),
        ([(0, 0, 0, 60, 0, 0), END_ROW], "a pitch is no program"),
        ([(0, 0, 0, 128, 0, 0), (1, 0, 1, 60, 1, 0), END_ROW], "part 1 is not declared"),
        ([(0, 0, 0, 128, 0, 0), (1, 0, 0, 60, 1, 0), (0, 0, 1, 128, 0, 0), END_ROW], "declared after the first note"),
        ([(0, 0, 0, 128, 0, 0), (1, 0, 0, 60, 0, 0), END_ROW], "no duration"),
        ([(0, 0, 0, 128, 0, 0), (1, 96, 0, 60, 1, 0), END_ROW], "a wait of a bar is a rest"),
        ([(0, 0, 0, 128, 0, 0), (2, 95, 0, 0, 0, 0), (1, 0, 0, 60, 1, 0), END_ROW], "a rest passes a bar"),
        ([(0, 0, 0, 128, 0, 0), (2, 96, 0, 0, 0, 0), END_ROW], "a rest before the end"),
    ],
)
def test_illegal_sequences(rows: list[tuple[int, ...]], why: str) -> None:
    assert violations(CodecConfig(), np.array(rows, np.int16)) > 0, why


def test_sixteen_parts_are_the_most() -> None:
    rows = np.array([*((0, 0, p, PROGRAM_BASE + p, 0, 0) for p in range(MAX_PARTS)), END_ROW], np.int16)
    low, high = bounds(CodecConfig(), np, Field.ROLE, rows[MAX_PARTS - 1], rows[0], np.array(15))
    assert (int(low), int(high)) == (Role.NOTE, Role.END)
    low, high = bounds(CodecConfig(), np, Field.ROLE, rows[MAX_PARTS - 2], rows[0], np.array(14))
    assert (int(low), int(high)) == (Role.PART, Role.END)


def test_torch_and_numpy_agree() -> None:
    torch = pytest.importorskip("torch")
    config = CodecConfig()
    rows = np.concatenate(pieces(config)[:200])
    before, chosen = rows[:-1].astype(np.int64), rows[1:].astype(np.int64)
    last_part = np.random.default_rng(0).integers(0, MAX_PARTS, len(chosen))
    for field in Field:
        expected = bounds(config, np, field, before, chosen, last_part)
        found = bounds(config, torch, field, *(torch.from_numpy(a) for a in (before, chosen, last_part)))
        for mine, theirs in zip(expected, found, strict=True):
            assert (np.broadcast_to(mine, len(chosen)) == np.broadcast_to(theirs.numpy(), len(chosen))).all()
