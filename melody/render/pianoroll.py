"""A piano roll as PNG or SVG: rows of bars like systems in a score, time to the right, pitch upwards.

Bar lines with numbers, fainter beats, octaves named at C, black keys shaded; a colour a track, the louder the darker; drums in
lanes of their own under the pitches. One collection of rectangles per track and row, so that a long piece stays quick.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from melody.errors import CallError
from melody.extras import require
from melody.files import replace_file, shown
from melody.render.style import Voice, drum_lanes, drum_name, pitch_range, voices
from melody.score import Score
from melody.theory import bar_count, bar_of, bar_start, beat_ticks, key_name, key_of, meter_map
from melody.theory.bars import real_meters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = {".png": "png", ".svg": "svg"}
WIDTH = 16.0  # inches, a landscape page
LEFT, RIGHT, TOP, BOTTOM, BETWEEN = 0.65, 0.15, 0.75, 0.15, 0.42  # inches
QUARTER = 0.22  # inches a quarter note gets at least, while the rows are not too many
MAX_ROWS = 30
SEMITONE = 0.05  # inches
DPI = 120
BLACK_KEYS = (1, 3, 6, 8, 10)
FAINTEST = 0.4  # strength of the colour at velocity 1; at 127 it is 1
MAX_NUMBERS = 32  # bars of a row that get a line and a number
LINE, INK = "#8a8a94", "#55555f"
GAP = 0.04  # quarters: the white between two notes of one pitch


def roll(score: Score, path: str | os.PathLike[str], title: str = "") -> None:
    """Draw a piece as a piano roll into ``path``, by its ending .png or .svg, replacing what is there.

    Any other ending raises ``CallError``; a missing matplotlib ``MelodyError``.

    >>> import tempfile
    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     roll(piece, f"{folder}/piece.svg")
    """
    kind = FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise CallError(f"{shown(path)}: a picture ends in .png or .svg")
    figure = draw(score, title)
    from matplotlib import rc_context  # after ``draw``, which says so where matplotlib is missing

    with replace_file(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font lacks becomes boxes
        with rc_context({"svg.hashsalt": "melody"}):  # the same piece gives the same file
            figure.savefig(temporary, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)


@dataclass(frozen=True, eq=False)
class Paper:
    """What all rows of a picture share: the pitches shown, the drum lanes under them, and the beats."""

    low: int
    high: int
    lanes: dict[int, int]  # drum pitch -> lane
    beats: NDArray[np.int64]

    @property
    def floor(self) -> int:
        """The pitch at which the lowest lane stands; a lane is as high as two semitones, and one is left free."""
        return self.low - (2 * (max(self.lanes.values()) + 2) if self.lanes else 0)

    @property
    def span(self) -> tuple[float, float]:
        """Lower and upper limit of a row, in pitches."""
        return self.floor - 0.5, self.high + 0.5


def draw(score: Score, title: str = "") -> Figure:
    """The piano roll of a piece as a matplotlib figure that belongs to no window."""
    require("render", "drawing a piece")
    from matplotlib.figure import Figure

    low, high = pitch_range(score)
    paper = Paper(low - 1, high + 1, drum_lanes(score), beat_ticks(score))  # a semitone of air on both sides
    starts = row_starts(score)
    rows, width = len(starts) - 1, int(np.diff(starts).max())
    height = (paper.span[1] - paper.span[0]) * SEMITONE
    total = TOP + rows * (height + BETWEEN) + BOTTOM
    figure = Figure(figsize=(WIDTH, total), layout=None)
    parts = voices(score)
    boxes = [rectangles(v, score, paper.floor, paper.lanes) for v in parts]
    for row, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        bottom = total - TOP - (row + 1) * (height + BETWEEN) + BETWEEN
        axes = figure.add_axes((LEFT / WIDTH, bottom / total, (WIDTH - LEFT - RIGHT) / WIDTH, height / total))
        axes.set_xlim(start, start + width)
        axes.set_ylim(*paper.span)
        _draw_paper(axes, paper, start, end)
        _draw_bars(axes, paper, score, start, end)
        for order in range(len(parts)):
            _draw_notes(axes, parts[order], boxes[order], (start, end), 3 + len(parts) - order)  # the lead on top
    _draw_head(figure, score, title, parts, total)
    return figure


def row_starts(score: Score) -> NDArray[np.int64]:
    """Ticks (rows + 1,) at which the rows of the picture start, and where the last one ends: whole bars, 4 at least."""
    bars = max(bar_count(score), 1)
    longest = int(meter_map(score).bar.max()) / score.ticks_per_quarter  # quarters
    fit = (WIDTH - LEFT - RIGHT) / (QUARTER * longest)
    per_row = max(2 ** int(np.log2(max(fit, 1))), 4, -(-bars // MAX_ROWS))
    rows = -(-bars // per_row)
    return bar_start(score, np.minimum(np.arange(rows + 1) * per_row, max(bars, min(per_row, 4))))


def rectangles(voice: Voice, score: Score, floor: int, lanes: dict[int, int]) -> NDArray[np.float64]:
    """Corners (n, 4, 2) of a track's notes, in ticks and pitches; drums short, in their lanes from ``floor`` up."""
    notes = voice.track.notes
    least = score.ticks_per_quarter * 0.08  # the shortest note is still seen
    if voice.track.is_drum:
        lane = np.array([lanes[p] for p in notes["pitch"].tolist()], np.float64)
        length, bottom, top = np.full(len(notes), 2 * least), floor + 2 * lane - 0.2, floor + 2 * lane + 1.2
    else:
        length = np.maximum(notes["duration"] - GAP * score.ticks_per_quarter, least)
        bottom, top = notes["pitch"] - 0.42, notes["pitch"] + 0.42
    # A note that starts on the last bar line, or a moment before it, would be drawn past the paper.
    left = np.minimum(notes["onset"], row_starts(score)[-1] - np.minimum(length, 2 * least))
    right = left + length
    corners = [np.stack(corner, axis=1) for corner in ((left, bottom), (right, bottom), (right, top), (left, top))]
    return np.stack(corners, axis=1)


def _draw_notes(axes: Axes, voice: Voice, boxes: NDArray[np.float64], window: tuple[int, int], order: int) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    inside = (boxes[:, 0, 0] < window[1]) & (boxes[:, 1, 0] > window[0])  # a note held over the row's end is in both rows
    boxes = boxes[inside].copy()
    np.clip(boxes[:, :, 0], *window, out=boxes[:, :, 0])
    strength = FAINTEST + (1 - FAINTEST) * voice.track.notes["velocity"][inside, None] / 127
    colours = 1 - strength * (1 - np.array(to_rgb(voice.colour)))  # over white, not transparent: a doubled tune keeps its colour
    axes.add_collection(PolyCollection(list(boxes), facecolors=colours, linewidths=0, zorder=order), autolim=False)


def _draw_paper(axes: Axes, paper: Paper, start: int, end: int) -> None:
    """Black keys, octaves and drum lanes of one row, with their names."""
    from matplotlib.collections import PolyCollection

    pitches = range(paper.low, paper.high + 1)
    black = [p for p in pitches if p % 12 in BLACK_KEYS]
    keys = [[(start, p - 0.5), (end, p - 0.5), (end, p + 0.5), (start, p + 0.5)] for p in black]
    axes.add_collection(PolyCollection(keys, facecolors="#f1f1f4", linewidths=0, zorder=0), autolim=False)
    octaves = [p for p in pitches if p % 12 == 0]
    axes.hlines([p - 0.5 for p in octaves], start, end, colors="#c9c9d0", linewidths=0.5, zorder=1)
    axes.hlines(paper.span, start, end, colors=LINE, linewidths=0.8, zorder=2)
    names = {lane: drum_name(p) for p, lane in paper.lanes.items()}  # two kicks share a lane and a label
    axes.set_yticks(
        [*octaves, *(paper.floor + 2 * lane + 0.5 for lane in names)],
        [*(f"C{p // 12 - 1}" for p in octaves), *names.values()],
        fontsize=7,
        color=INK,
    )
    axes.set_xticks([])
    axes.tick_params(length=0, pad=3)
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_bars(axes: Axes, paper: Paper, score: Score, start: int, end: int) -> None:
    """Beats, bar lines, bar numbers and meters of one row; fewer of them where they would make the row grey."""
    first, last = bar_of(score, [start, end - 1]).tolist()
    every = -(-(last - first + 1) // MAX_NUMBERS)
    if every == 1:
        beats = paper.beats[(paper.beats > start) & (paper.beats < end)]
        axes.vlines(beats, *paper.span, colors="#e2e2e8", linewidths=0.4, zorder=1)
    numbers = np.arange(first, last + 1, every)
    lines = bar_start(score, numbers)
    axes.vlines([*lines, end], *paper.span, colors=LINE, linewidths=0.8, zorder=2)
    top = paper.span[1]
    for number, tick in zip(numbers.tolist(), lines.tolist(), strict=True):
        axes.text(tick, top + 0.6, str(number + 1), fontsize=7, color=INK, va="bottom", ha="left")
    meters = real_meters(score)
    meters = meters[(meters["tick"] >= start) & (meters["tick"] < end)]
    for tick, numerator, denominator in meters[:MAX_NUMBERS].tolist():
        text, beside = f"{numerator}/{denominator}", (14, 3)  # points, to the right of the bar's number
        axes.annotate(text, (tick, top), beside, textcoords="offset points", fontsize=8, weight="bold", va="bottom")


def _draw_head(figure: Figure, score: Score, title: str, parts: list[Voice], total: float) -> None:
    """One line of facts, and the legend: colours, names and instruments, the lead first."""
    from matplotlib.patches import Patch

    facts = [title] if title else []
    if score.note_count:
        low, high = (60e6 / float(m) for m in (score.tempi["mspq"].max(), score.tempi["mspq"].min()))
        tempo = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
        seconds = round(score.duration_seconds)
        facts += [key_name(key_of(score)), f"\N{QUARTER NOTE} = {tempo}", f"{bar_count(score)} bars", f"{seconds // 60}:{seconds % 60:02}"]
    figure.text(LEFT / WIDTH, 1 - 0.12 / total, "   ".join(facts), fontsize=12, va="top", color="#22222a", parse_math=False)
    handles = [Patch(color=v.colour, label=v.label.replace("$", r"\$")) for v in parts[:16]]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=((LEFT - 0.1) / WIDTH, 1 - 0.3 / total),
        ncols=6,
        fontsize=8,
        frameon=False,
        handlelength=1.0,
        handleheight=0.8,
        columnspacing=1.5,
        borderpad=0.2,
    )
