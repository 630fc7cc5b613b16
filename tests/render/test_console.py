"""The piano roll in characters."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from melody import render
from melody.errors import CallError
from melody.render import console, style
from melody.score import Score, Track, note_table


def scale() -> Score:
    """Two bars: C major upwards in the melody over a held C."""
    tune = Track("Melody", 73, notes=note_table(np.arange(8) * 480, np.full(8, 480), [72, 74, 76, 77, 79, 81, 83, 84], np.full(8, 80)))
    return Score((Track("Bass", 32, notes=note_table([0], [3840], [60], [80])), tune))


def test_cells_rise_from_left_to_right() -> None:
    score = scale()
    grid = console.cells(score, style.voices(score), 16, 26)
    rows = [int(np.flatnonzero(grid[:, 2 * n] == 0)[0]) for n in range(8)]
    assert rows == [13, 11, 9, 8, 6, 4, 2, 1]  # a row a semitone; the topmost is C sharp, which pads the grid to 26
    assert (grid[np.flatnonzero((grid == 1).any(axis=1))[0]] == 1).all()  # the bass sounds throughout


def test_picture_names_bars_octaves_and_tracks() -> None:
    lines = render.terminal(scale(), 60, 20).plain.split("\n")
    assert len(lines) <= 20
    assert lines[0].split() == ["1", "2"]
    assert [line[:2] for line in lines if line.startswith("C")] == ["C6", "C5", "C4"]
    assert lines[-1].split("■")[1:] == [" Melody (Flute)  ", " Bass (Acoustic Bass)  "]


@given(
    st.integers(20, 120),
    st.integers(4, 40),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 4000), st.integers(0, 127)), max_size=9),
)
@example(20, 4, [(1, 0, 0)])  # a note of no length at the very end
@example(20, 4, [(0, 0, 0)])
@example(80, 24, [(0, 1920, 40), (1920, 0, 90), (1919, 1, 60)])
def test_fits_any_window(width: int, height: int, rows: list[tuple[int, int, int]]) -> None:
    onset, duration, pitch = np.array(rows, np.int64).reshape(-1, 3).T
    score = Score((Track("x", notes=note_table(onset, duration, pitch, np.full(len(onset), 64))),))
    lines = render.terminal(score, width, height).plain.split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any(c in "▀▄█" for line in lines for c in line) == bool(rows)
    if rows:
        grid = console.cells(score, style.voices(score), width, 2 * 128)
        assert all((grid == 0)[console_row(score, note), :].any() for note in rows), "a note is not drawn"


def console_row(score: Score, note: tuple[int, int, int]) -> int:
    """The row of a note where every pitch has a row of its own."""
    return style.pitch_range(score)[0] + 2 * 128 - 1 - note[2]


def test_every_note_shows_when_it_is_alone() -> None:
    for pitch in range(128):
        grid = console.cells(
            Score((Track(notes=note_table([0], [10], [pitch], [9])),)),
            style.voices(Score((Track(notes=note_table([0], [10], [pitch], [9])),))),
            20,
            8,
        )
        assert (grid == 0).any()


def test_too_small_is_refused() -> None:
    with pytest.raises(CallError, match="20 columns"):
        render.terminal(scale(), 10, 2)
