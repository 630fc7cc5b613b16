"""Figures of control.py: what a person wrote, as a request, and how what comes of it keeps to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from melody import edit, theory
from melody.compose import Generate, Request
from melody.compose.fitting import sounding_together
from melody.score import Score
from melody.score import Table as Notes
from melody.theory.chords import SHAPES
from melody.theory.form import bar_likeness
from melody.theory.lead_sheet import estimated_chords
from melody.theory.sections import Section

BARS = 16
FAMILY = dict(zip(theory.QUALITIES, (0, 1, 0, 0, 1, 2, 3, 4, 4, 2, 2), strict=True))
VOICES = 4
AMBIGUOUS = ("sus2", "sus4", "aug", "dim7")  # chords whose tones are those of another one too
FIFTH = 7  # semitones
Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class Case:
    """What a person wrote, 16 bars of it."""

    score: Score
    style: str
    chords: list[tuple[int, theory.Symbol]]  # by tick

    def request(self, seed: int, **more: Any) -> Request:
        """The piece asked for again."""
        voices = [t for t in self.score.tracks if len(t.notes)]
        voices = sorted(voices, key=lambda t: -len(t.notes))[:VOICES]
        lead = theory.lead_track(self.score)[0]
        first = [self.score.tracks[lead]] if lead is not None and len(voices) > 1 else []
        voices = first + [t for t in voices if not first or t is not first[0]]
        names = tuple("drums" if t.is_drum else str(t.program) for t in voices[:VOICES])
        meter = (int(self.score.meters["numerator"][0]), int(self.score.meters["denominator"][0]))
        tempo = float(np.clip(60e6 / float(self.score.tempi["mspq"][0]), 10, 500))
        return Generate(bars=BARS, style=self.style, voices=names, meter=meter, tempo=tempo, seed=seed, **more)


def case_of(score: Score, style: str) -> Case | None:
    """The first 16 bars from the first note's bar on; None where they are too few, or empty, or the meter changes."""
    if not score.note_count:
        return None
    first = min(int(t.notes["onset"][0]) for t in score.tracks if len(t.notes))
    bar = int(theory.bar_of(score, first))
    low, high = (int(t) for t in theory.bar_start(score, [bar, bar + BARS]))
    if theory.bar_count(score) < bar + BARS or len(score.tracks) > 16:
        return None
    cut = edit.cut(score, low, high)
    cut = replace(cut, tracks=tuple(t for t in cut.tracks if len(t.notes)))
    chords = estimated_chords(cut, "bar") if cut.note_count else []
    known = np.mean([s.root >= 0 for _, s in chords]) if chords else 0
    if len(cut.meters) > 1 or known < 0.9 or not any(not t.is_drum for t in cut.tracks) or cut.meters["numerator"][0] not in (2, 3, 4):
        return None
    return Case(cut, style, chords)


def sheet(case: Case, first: int = 0, bars: int = BARS) -> str:
    """The chords of some bars as text."""
    return " | ".join(theory.lead_sheet(case.score, case.chords, case.score.end_tick)[first : first + bars])


def spans(case: Case, first: int, bars: int) -> np.ndarray:
    """Edges of the half bars, in quarters of a bar line grid: ticks of the person's piece."""
    lines = theory.bar_start(case.score, np.arange(first, first + bars + 1))
    middle = (lines[:-1] + lines[1:]) // 2
    even = int(case.score.meters["numerator"][0]) % 2 == 0
    return np.sort(np.concatenate([lines, middle])) if even else lines


def asked_at(case: Case, ticks: np.ndarray) -> list[theory.Symbol]:
    """The chord asked for at some ticks."""
    at = np.searchsorted([tick for tick, _ in case.chords], ticks, side="right") - 1
    return [case.chords[max(0, i)][1] for i in at.tolist()]


def chord_figures(case: Case, score: Score, first: int = 0, bars: int = BARS) -> Figures:
    """Roots, families, melody."""
    edges = spans(case, first, bars)
    scale = score.ticks_per_quarter / case.score.ticks_per_quarter
    pitched = [t for t in score.tracks if not t.is_drum and len(t.notes)]
    if not pitched:
        return {"root": 0.0, "family": 0.0}
    found = theory.chords_between(np.rint(edges * scale).astype(np.int64), np.concatenate([t.notes for t in pitched]))
    wanted = asked_at(case, edges[:-1])
    same = np.array([w.root == r for w, r in zip(wanted, found.root.tolist(), strict=True)])
    known = np.array([w.root >= 0 and w.quality not in AMBIGUOUS for w in wanted])
    if not known.any():
        return {}
    kin = np.array(
        [q >= 0 and FAMILY[theory.QUALITIES[q]] == FAMILY.get(w.quality) for w, q in zip(wanted, found.quality.tolist(), strict=True)]
    )
    out = {"root": float(same[known].mean()), "family": float((same & kin)[known].mean())}
    lead = next((t for t in pitched if t.name == "Melody"), None)
    index = theory.lead_track(score)[0] if lead is None else None
    lead = lead or (score.tracks[index] if index is not None else None)
    if lead is not None and len(lead.notes):
        place = lead.notes["onset"] / scale
        near = np.abs(edges[None, :-1] - place[:, None])
        strong = near.min(1) <= case.score.ticks_per_quarter / 8
        chords = asked_at(case, edges[:-1][near.argmin(1)])
        on = [(int(p) - c.root) % 12 in SHAPES[c.quality][0] for p, c in zip(lead.notes["pitch"], chords, strict=True) if c.root >= 0]
        kept = [s for s, c in zip(strong.tolist(), chords, strict=True) if c.root >= 0]
        hits = [o for o, s in zip(on, kept, strict=True) if s]
        if hits:
            out["melody"] = float(np.mean(hits))
    return out


def pitched_notes(score: Score) -> Notes:
    """All notes but drums."""
    return np.concatenate([t.notes for t in score.tracks if not t.is_drum] or [score.tracks[0].notes[:0]])


def in_scale(case: Case, score: Score) -> float:
    """Share of the sounding time in the person's key."""
    notes = pitched_notes(score)
    inside = np.isin(notes["pitch"] % 12, theory.scale_of_mode(theory.key_of(case.score)).pitch_classes)
    return float(notes["duration"][inside].sum() / max(1, notes["duration"].sum()))


def density(score: Score, quarters: float) -> float:
    """Notes a quarter."""
    return sum(len(t.notes) for t in score.tracks) / quarters


def one_voice(score: Score) -> float:
    """Share of notes that begin alone in their part."""
    counts = [sounding_together(t.notes, score.ticks_per_quarter) == 1 for t in score.tracks if not t.is_drum and len(t.notes)]
    return float(np.concatenate(counts).mean()) if counts else 1.0


def narrower(case: Case) -> tuple[int, int]:
    """The person's range, a fifth less on either side, at least an octave and a half."""
    pitch = pitched_notes(case.score)["pitch"]
    low, high = int(pitch.min()) + FIFTH, int(pitch.max()) - FIFTH
    middle = (low + high) // 2
    return min(low, middle - 9), max(high, middle + 9)


def likeness(score: Score, sections: Sequence[Section]) -> tuple[list[float], list[float]]:
    """Likeness of returning sections to their first time, and of others to the first section, each bar to the bar in its place."""
    notes = pitched_notes(score)
    bars = max(1, theory.bar_count(score))
    bar = np.minimum(theory.bar_of(score, notes["onset"]), bars - 1)
    place = np.rint(2 * theory.position_in_bar(score, notes["onset"]) / score.ticks_per_quarter).astype(np.int64)
    like = bar_likeness(bar, place, notes["pitch"].astype(np.int64), bars, bars)
    back: list[float] = []
    others: list[float] = []
    for s in sections:
        source = s.source if s.source >= 0 else sections[0].start
        if s.start > source:
            mine = [float(like[b, s.start - source]) for b in range(s.start, min(bars, s.start + s.bars))]
            (back if s.source >= 0 else others).append(float(np.mean(mine or [0.0])))
    return back, others
