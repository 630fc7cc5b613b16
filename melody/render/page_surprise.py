"""What the model thinks, made visible: a piano roll whose notes are coloured by how little they were expected."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from melody.extras import require
from melody.files import replace_file, shown
from melody.render.charts import number, text
from melody.render.page import STYLE, heading, page, paragraph, piece, table
from melody.score import Score

WIDTH = 1040
SEMITONE = 6.0  # pixels
BARS = 8  # of a row
GAP, HEAD = 26, 16  # pixels under and above a row
MAX_NATS = 12.0  # nats at which the colour ends
SCALE = ((68, 119, 170), (102, 187, 170), (204, 187, 68), (238, 119, 51), (204, 51, 80))  # calm to glaring
LISTED = 15  # notes in the table of the most surprising ones


@dataclass(frozen=True)
class ShadedNote:
    """A note in steps, what the model paid for it, and what to say about it."""

    onset: int
    duration: int
    pitch: int
    nats: float
    title: str
    place: float = 0.0  # of ``nats``, what was paid for when it stands, in which part and at which pitch


def colour(nats: float) -> str:
    """Blue for what was expected, red for what was not: 0 to 12 nats, the colour by the square root."""
    place = min(1.0, (max(0.0, nats) / MAX_NATS) ** 0.5) * (len(SCALE) - 1)
    low = min(int(place), len(SCALE) - 2)
    mixed = (round(a + (b - a) * (place - low)) for a, b in zip(SCALE[low], SCALE[low + 1], strict=True))
    return "#" + "".join(f"{v:02x}" for v in mixed)


def surprise_roll(notes: Sequence[ShadedNote], bars: Sequence[int], alone: bool = False, place: bool = False) -> str:
    """The roll as SVG, eight bars a row. ``bars``: bar lines in steps, the last one the end; ``alone``: a file of its own.

    ``place``: coloured by time, part and pitch alone.
    """
    low, high = min(n.pitch for n in notes) - 1, max(n.pitch for n in notes) + 1
    rows = -(-(len(bars) - 1) // BARS)
    height = HEAD + (high - low + 1) * SEMITONE + GAP
    widest = max(bars[min(r * BARS + BARS, len(bars) - 1)] - bars[r * BARS] for r in range(rows))
    per_step = (WIDTH - 40) / max(1, widest)
    lines = np.array(bars)
    parts = []
    for r in range(rows):
        mine = lines[r * BARS : r * BARS + BARS + 1]
        top, right = r * height + HEAD, 34 + (mine[-1] - mine[0]) * per_step
        bottom = top + (high - low + 1) * SEMITONE
        parts.append(f'<rect class="card" x="34" y="{top:.1f}" width="{right - 34:.1f}" height="{bottom - top:.1f}"/>')
        octaves = [(p, top + (high - p + 1) * SEMITONE) for p in range(low, high + 1) if p % 12 == 0]
        parts += [f'<path class="axis" d="M34 {y:.1f}H{right:.1f}"/><text x="2" y="{y:.1f}">C{p // 12 - 1}</text>' for p, y in octaves]
        for b, line in enumerate(mine.tolist()):
            x = 34 + (line - mine[0]) * per_step
            label = f'<text x="{x:.1f}" y="{top - 4:.1f}">{r * BARS + b + 1}</text>' if b < len(mine) - 1 else ""
            parts.append(f'<path class="axis" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>{label}')
    for note in notes:
        r = min(max(0, int(np.searchsorted(lines, note.onset, side="right")) - 1) // BARS, rows - 1)
        start = lines[r * BARS]
        end = min(note.onset + note.duration, int(lines[min(r * BARS + BARS, len(lines) - 1)]))
        x, y = 34 + (note.onset - start) * per_step, r * height + HEAD + (high - note.pitch + 0.1) * SEMITONE
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(2.0, (end - note.onset) * per_step - 0.6):.1f}" height="{0.8 * SEMITONE:.1f}"'
        parts.append(f'<rect {shape} fill="{colour(note.place if place else note.nats)}"><title>{text(note.title)}</title></rect>')
    total = rows * height
    style = f"<style>{STYLE} svg {{ background: var(--paper); }}</style>" if alone else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total:.0f}" width="{WIDTH}" height="{total:.0f}">'
    return f"{head}{style}{''.join(parts)}</svg>"


def surprise_page(title: str, score: Score, notes: Sequence[ShadedNote], bars: Sequence[int], nats: Mapping[str, float]) -> str:
    """One HTML page: nats per note, the roll with a word on every note, the most surprising moments, and the piece to play."""
    swatches = "".join(
        f'<rect x="{40 + 60 * i}" y="4" width="60" height="12" fill="{colour(v)}"/><text x="{40 + 60 * i}" y="30">{v:g}</text>'
        for i, v in enumerate((0, 0.5, 1, 2, 3, 5, 8, 12))
    )
    legend = f'<svg viewBox="0 0 560 34" width="560" height="34"><text x="0" y="14">nats</text>{swatches}</svg>'
    most = sorted(notes, key=lambda n: -n.nats)[:LISTED]
    shown = piece(score, title)
    return page(
        f"Surprise: {title}",
        [
            paragraph(f"{len(notes):,} notes. The colour says how many nats a note cost the model; rest on it to read what was expected."),
            table(["", *nats], [["nats per note", *nats.values()]]),
            legend,
            f'<div class="wide">{surprise_roll(notes, bars)}</div>',
            heading("Time and pitch alone"),
            paragraph("The same without what was paid for lengths and loudness: the surprise of the tune, not of the playing."),
            f'<div class="wide">{surprise_roll(notes, bars, place=True)}</div>',
            heading("The most surprising notes"),
            table(["nats", "what stood there, and what was expected"], [[number(n.nats), n.title] for n in most]),
            heading("The piece"),
            shown,
        ],
    )


def surprise_picture(path: Path, title: str, notes: Sequence[ShadedNote], bars: Sequence[int]) -> None:
    """The roll as a PNG. A missing matplotlib raises MelodyError."""
    require("render", "a PNG of it (an .html or .svg needs nothing more)")
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    rows = list(itertools.pairwise([*bars[:-1:BARS], bars[-1]]))
    low, high = min(n.pitch for n in notes) - 1, max(n.pitch for n in notes) + 1
    figure = Figure(figsize=(14, 0.6 + len(rows) * (0.4 + 0.06 * (high - low))), layout="constrained")
    widest = max(b - a for a, b in rows)
    for axes, (start, end) in zip(np.atleast_1d(figure.subplots(len(rows), 1)), rows, strict=True):
        mine = [n for n in notes if start <= n.onset < end]
        spans = [(n.onset, min(n.onset + n.duration, end), n.pitch - 0.4, n.pitch + 0.4) for n in mine]
        boxes = [[(a, low_), (b, low_), (b, high_), (a, high_)] for a, b, low_, high_ in spans]
        axes.add_collection(PolyCollection(boxes, facecolors=[colour(n.nats) for n in mine], linewidths=0))
        axes.set_xlim(start, start + widest)
        axes.set_ylim(low - 0.5, high + 0.5)
        inside = [b for b in bars if start <= b <= end]
        axes.set_xticks(inside, [str(bars.index(b) + 1) for b in inside], fontsize=7)
        axes.set_yticks(octaves := [p for p in range(low, high + 1) if p % 12 == 0], [f"C{p // 12 - 1}" for p in octaves], fontsize=7)
        axes.grid(visible=True, linewidth=0.4)
    figure.suptitle(f"{shown(title)}: nats from blue (0) to red ({MAX_NATS:g})", fontsize=9)
    with replace_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
