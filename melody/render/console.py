"""A piano roll in characters: two pitches a line with half blocks, a colour a track, bar lines where they fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from melody.errors import CallError
from melody.render.style import Voice, pitch_range, voices
from melody.score import Score
from melody.theory import bar_ticks

MARGIN = 4  # columns for "C4 " at the left
MIN_SIZE = (20, 4)  # width and height that still show something
BAR_LINE_COLOUR = "grey42"


def terminal(score: Score, width: int = 100, height: int = 24) -> Text:
    """The whole piece in ``width`` columns and at most ``height`` lines: bar numbers, the roll, the names of the tracks.

    Drums are listed but not drawn. A size below 20 x 4 raises ``CallError``.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> terminal(piece, 40, 8).plain.splitlines()[-1].strip()
    '■ tune (Acoustic Grand Piano)'
    """
    if width < MIN_SIZE[0] or height < MIN_SIZE[1]:
        raise CallError(f"a piano roll needs {MIN_SIZE[0]} columns and {MIN_SIZE[1]} lines, not {width} x {height}")
    parts = voices(score)
    low, high = pitch_range(score)
    lines = min(height - 2, (high - low) // 2 + 1)
    grid = cells(score, parts, width - MARGIN, 2 * lines)
    ruler, bars = _bar_columns(score, width - MARGIN)
    out = Text(" " * MARGIN + ruler + "\n", style="dim", no_wrap=True)
    for line in range(lines):
        out.append(_octave_name(low, high, lines, line).ljust(MARGIN), style="dim")
        _append_line(out, parts, grid[2 * line], grid[2 * line + 1], bars)
        out.append("\n")
    return out + _legend(parts, width)


def cells(score: Score, parts: list[Voice], columns: int, rows: int) -> NDArray[np.int64]:
    """Which of ``parts`` sounds in each cell (rows, columns), the highest pitch first, the lead over the others; -1: none."""
    low, high = pitch_range(score)
    high = max(high, low + rows - 1)  # two pitches in one cell only when there are more pitches than rows
    end = max(score.end_tick, 1)
    out = np.full((rows, columns), -1)
    for index in reversed(range(len(parts))):
        notes = parts[index].track.notes
        if parts[index].track.is_drum:
            continue
        row = (high - notes["pitch"].astype(np.int64)) * rows // (high - low + 1)
        first = np.minimum(notes["onset"] * columns // end, columns - 1)  # a note of no length may stand at the very end
        last = np.maximum(-(-(notes["onset"] + notes["duration"]) * columns // end), first + 1)  # a note takes one cell at least
        change = np.zeros((rows, columns + 1), np.int64)
        np.add.at(change, (row, first), 1)
        np.add.at(change, (row, last), -1)
        out[change.cumsum(axis=1)[:, :columns] > 0] = index
    return out


def _append_line(out: Text, parts: list[Voice], upper: NDArray[np.int64], lower: NDArray[np.int64], bars: set[int]) -> None:
    for column, (above, below) in enumerate(zip(upper.tolist(), lower.tolist(), strict=True)):
        if above < 0 and below < 0:
            out.append("┊" if column in bars else " ", style=BAR_LINE_COLOUR)
        elif above == below:
            out.append("█", style=parts[above].colour)
        elif below < 0:
            out.append("▀", style=parts[above].colour)
        elif above < 0:
            out.append("▄", style=parts[below].colour)
        else:
            out.append("▀", style=f"{parts[above].colour} on {parts[below].colour}")


def _octave_name(low: int, high: int, lines: int, line: int) -> str:
    """``"C4"`` on the line that holds that C, if it is the line's only octave mark; otherwise nothing."""
    rows = 2 * lines
    high = max(high, low + rows - 1)
    inside = [p for p in range(low, high + 1) if (high - p) * rows // (high - low + 1) // 2 == line and p % 12 == 0]
    return f"C{inside[0] // 12 - 1}" if inside else ""


def _bar_columns(score: Score, columns: int) -> tuple[str, set[int]]:
    """A ruler of bar numbers, and the columns of the bar lines: every bar, or every 2nd, 4th, ... so that 6 columns lie between."""
    starts = bar_ticks(score)
    every = 1
    while len(starts) // every * 6 > columns:
        every *= 2
    ruler = [" "] * columns
    at = (starts[::every] * columns // max(score.end_tick, 1)).tolist()
    for nth, column in enumerate(at):
        number = str(nth * every + 1)
        if column + len(number) <= columns:
            ruler[column : column + len(number)] = number
    return "".join(ruler), set(at[1:])


def _legend(parts: list[Voice], width: int) -> Text:
    out = Text(no_wrap=True)
    for voice in parts:
        if out.cell_len + cell_len(voice.label) + 4 > width:
            out.append("...", style="dim")
            break
        out.append("■ ", style=voice.colour)
        out.append(voice.label + "  ")
    return out
