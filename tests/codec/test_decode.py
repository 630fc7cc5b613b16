"""Whatever the grammar lets through decodes, encodes again to the same events, and is read from MIDI as it was written.

``test_grammar.py`` draws thousands of pieces by players with priors; here hypothesis chooses, and shrinks what fails to a few events.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from melody import midi
from melody.codec import CodecConfig, decode, encode
from melody.codec.decode import decode_piece
from melody.codec.grammar import bounds
from melody.codec.table import Field, Role

CONFIGS = st.sampled_from([CodecConfig(), CodecConfig(grid=12), CodecConfig("seconds", 100), CodecConfig(grid=1, velocity_bins=1)])
END = (int(Role.END), 0, 0, 0, 0, 0)
Rows = NDArray[np.int16]


@st.composite
def events(draw: st.DrawFn, config: CodecConfig) -> Rows:
    """A legal piece: hypothesis takes each value from the interval that the grammar gives."""
    before, last, rows = np.array(END, np.int16), np.int64(0), []
    for _ in range(draw(st.integers(1, 14))):
        chosen = np.zeros(len(Field), np.int16)
        for field in Field:
            low, high = (int(b) for b in bounds(config, np, field, before, chosen, last))
            assert low <= high, f"nothing is legal for {field.name} after {rows}"
            chosen[field] = draw(st.integers(low, high))
        last = np.int64(chosen[Field.PART]) if chosen[Field.ROLE] == Role.PART else last
        rows.append(tuple(chosen.tolist()))
        before = chosen
        if chosen[Field.ROLE] == Role.END:
            break
    while rows and rows[-1][Field.ROLE] in (Role.REST, Role.END):  # an END may not follow a rest
        rows.pop()
    return np.array([*rows, END], np.int16)


@given(st.data(), CONFIGS)
def test_what_is_legal_decodes_and_encodes_to_the_same(data: st.DataObject, config: CodecConfig) -> None:
    rows = data.draw(events(config))
    if len(rows) < 2:
        return
    piece = decode_piece(rows, config)
    assert len(piece.notes) == (rows[:, Field.ROLE] == Role.NOTE).sum()
    assert encode(piece).rows.tolist() == rows.tolist()


@given(st.data(), CONFIGS)
def test_what_is_legal_is_read_as_it_was_written(data: st.DataObject, config: CodecConfig) -> None:
    """Overlapping notes of one pitch take another channel (midi.channels), so that none is lost."""
    rows = data.draw(events(config))
    score = decode(rows, config) if len(rows) > 1 else None
    if score is None or not score.note_count:
        return
    assert midi.parse(midi.to_bytes(score)).note_count == score.note_count
