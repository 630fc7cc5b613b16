"""``chords`` and ``progression``: the chords of what is written, as a person types them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from melody import midi, notation, theory
from melody.compose.steering.scene import Asked, Control, Scene
from melody.errors import CallError, MelodyError
from melody.files import read_bytes, shown
from melody.generate.harmony import Harmony, Pull
from melody.generate.limits import Limits
from melody.generate.plan import NO_STOP, Plan
from melody.settings import setting
from melody.theory.chord_symbols import Symbol
from melody.theory.lead_sheet import chords_in, lead_sheet
from melody.theory.modes import Scale
from melody.theory.progressions import MAX_TEXT, Progression, named_progression, parse_progression
from melody.theory.sections import Section

LEAD_BY_OUTLINE = (-0.4, -0.15, 0.0)  # how the melody is kept to chords that the model reads too
GUIDED = 2.5  # guidance beyond which weights grow with it
TEXT_FILES, MUSIC_FILES = (".txt", ".chords"), (".mid", ".midi", ".xml", ".musicxml", ".mxl")


@dataclass(frozen=True, kw_only=True)
class ChordSettings:
    """What can be said of chords."""

    chords: str | None = setting(
        None,
        'Chords of what is written, a bar each: "Am F C G"; or with bars and beats: "Am7 | F . G/B . | C"; Roman numerals of the key: '
        '"ii7 V7 I x4"; or a file of text, MIDI or MusicXML that has chords. Fewer than there are bars go round and round.',
        kind=str,
    )
    progression: str | None = setting(None, "Chords by name: pop, blues, circle, ... (the verb chords lists them).", kind=str)

    @cached_property
    def chord_text(self) -> str | None:
        """The chords as text, whatever they were given as."""
        if self.progression is not None:
            return named_progression(self.progression).chords
        return self.chords


def check(request: Any) -> None:
    """Read a file, parse what does not hang on a key. Errors: ``CallError``, ``MelodyError``."""
    if request.chords is not None and request.progression is not None:
        raise CallError("chords and progression contradict each other; give one of them", argument=("chords", "progression"))
    if request.chords is not None and Path(request.chords[:300]).suffix.lower() in (*TEXT_FILES, *MUSIC_FILES):
        object.__setattr__(request, "chords", chords_of_file(Path(request.chords)))
    if request.chord_text is not None:
        anyway = request.key is not None or request.progression is not None or hasattr(request, "tune")  # else numerals have no key
        parse_progression(request.chord_text, 0 if anyway else None)


def chords_of_file(path: Path) -> str:
    """The chords of a file as text: of text as they are; of a piece its markers, the track of chords, or an estimate of all its notes."""
    if path.suffix.lower() in TEXT_FILES:
        try:
            return read_bytes(path, 4 * MAX_TEXT).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise MelodyError(f"{shown(path)}: is no text in UTF-8") from None
    score = notation.read(path)
    own = [t for t in score.tracks if "chord" in t.name.casefold() and len(t.notes) and not t.is_drum]
    score = replace(score, tracks=tuple(own)) if own else score
    chords, written = chords_in(score, midi.markers(score, texts=True))
    if not chords:
        raise MelodyError(f"{shown(path)}: has no chords: neither markers nor notes")
    last = max(score.end_tick - 1, chords[-1][0]) if written else None
    return " | ".join(lead_sheet(score, chords, last))


def progression_of(request: Any, key: Scale | None) -> Progression | None:
    """The chords of a request in a key; None where none are asked for. Errors: ``CallError`` for numerals without a key."""
    if request.chord_text is None:
        return None
    if key is None and request.progression is not None:
        key = theory.parse_scale("A minor" if named_progression(request.progression).minor else "C")
    return parse_progression(request.chord_text, key.key if key else None, key.degrees if key else None)


def chord_bars(request: Any) -> int:
    """How many bars the chords of a request last once; 0 where there are none."""
    return 0 if request.chord_text is None else len(parse_progression(request.chord_text, 0).bars)


def meter_by_chords(request: Any) -> tuple[int, int] | None:
    """The meter that chords with dots suggest where none is asked for: three or four places in a bar; None where they say nothing."""
    if request.chord_text is None or request.meter is not None:
        return None
    places = max(len(bar) for bar in parse_progression(request.chord_text, 0).bars)
    return (places, 4) if places in (3, 4) else None


def key_by_chords(request: Any) -> int | None:
    """The key, 0..23, that the chords of a request suggest where none is asked for; None where there are none."""
    if request.chord_text is None:
        return None
    if request.progression is not None:
        return 21 if named_progression(request.progression).minor else 0
    progression = parse_progression(request.chord_text, None)
    weights = np.zeros(12)
    for symbol in progression.symbols:
        if symbol.root >= 0:
            weights[(symbol.root + np.array(theory.SHAPES[symbol.quality][0])) % 12] += 1
            weights[symbol.root] += 0.5
    first = next((s for s in progression.symbols if s.root >= 0), None)
    if first is not None:
        weights[first.root] += 1
    pitches = np.repeat(60 + np.arange(12), np.rint(2 * weights).astype(int))
    from melody.score import note_table

    count = len(pitches)
    return theory.estimate_key(note_table([0] * count, [1] * count, pitches, [64] * count))


def steer(request: Any, plan: Plan, asked: Asked, scene: Scene) -> tuple[Plan, Asked]:
    """The chords bar by bar, as outline and as weights."""
    progression = progression_of(request, scene.key)
    if progression is None:
        return plan, asked
    if plan.metre.config.clock != "beats":
        raise CallError("chords: this model counts in seconds and knows no bars; use another model", argument="chords")
    same = _bars_alike(asked.sections, len(progression.bars), scene.bars)
    onset: list[int] = []
    codes: list[int] = []
    basses: list[int] = []
    for bar in range(scene.bars):
        line = scene.metre.bar_start(scene.first + bar)
        index = int(scene.metre.bar(np.array([line]))[2][0])
        beat = int(scene.metre.beat[index])
        length = scene.metre.bar_length(scene.first + bar)
        begun: list[tuple[int, Symbol | None]] = [*progression.beats(same[bar], max(1, length // beat))]
        if (not begun or begun[0][0] > 0) and onset:
            begun.insert(0, (0, None))  # what holds is said again on the bar line
        for place, symbol in begun:
            onset.append(line + place * beat)
            codes.append(codes[-1] if symbol is None else symbol.code)
            basses.append(basses[-1] if symbol is None else symbol.bass)
    stop = scene.metre.bar_start(scene.first + scene.bars)
    asked = replace(asked, onset=np.array(onset), chord=np.array(codes), bass=np.array(basses))
    scale = plan.scale
    pull = (Pull(lead=LEAD_BY_OUTLINE) if scene.outlined else Pull()).times(max(1.0, plan.guidance / GUIDED))
    harmony = Harmony(asked.onset, asked.chord, asked.bass, stop, int(scene.metre.beat[0]), pull=pull, scale=scale)
    silence = min(plan.max_silence, scene.metre.bar_length(0)) if plan.max_silence < NO_STOP else NO_STOP
    return replace(plan, limits=replace(plan.limits or Limits(), harmony=harmony), max_silence=silence), asked


def _bars_alike(sections: Sequence[Section], cycle: int, bars: int) -> list[int]:
    """For each bar the one of the progression (from 0, round and round) that it has.

    A section that comes back has the chords of its first time, unless the progression is as long as all of them. A new one goes on where
    the last new one left it, or begins anew where every section holds the whole progression.
    """
    through, anew = cycle >= sum(s.bars for s in sections), all(s.bars >= cycle for s in sections)
    out: list[int] = []
    reached = 0
    for s in sections:
        for bar in range(s.bars):
            if not through and s.source >= 0 and s.source + bar < s.start:
                out.append(out[s.source + bar])
            else:
                out.append(bar if anew and not through else reached)
                reached += 1
    return (out + list(range(reached, reached + bars)))[:bars]


def remarks(request: Any) -> list[str]:
    """What is said of chords that were replaced by the nearest."""
    if request.chord_text is None:
        return []
    near = dict.fromkeys(s.label() for s in parse_progression(request.chord_text, 0).symbols if s.nearest)
    return [f"some chords are richer than what a model knows, and were played as the nearest: {', '.join(near)}"] if near else []


CONTROL = Control("chords", check, steer)
