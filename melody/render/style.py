"""What the picture and the terminal share: a colour and a label for each track, the range of pitches, the drum lanes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from melody.programs import program_name
from melody.score import Score, Track
from melody.theory import lead_track

# Dark enough for white paper, light enough for a dark terminal; neighbours differ for colour-blind eyes too (after Okabe and
# Ito, Color Universal Design, 2008).
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f", "#6a3d9a", "#b2a300")

DRUM_NAMES = {
    35: "Kick", 36: "Kick", 37: "Side stick", 38: "Snare", 39: "Clap", 40: "Snare", 41: "Low tom", 42: "Hi-hat", 43: "Low tom",
    44: "Hi-hat foot", 45: "Mid tom", 46: "Open hat", 47: "Mid tom", 48: "High tom", 49: "Crash", 50: "High tom", 51: "Ride",
    52: "China", 53: "Ride bell", 54: "Tambourine", 55: "Splash", 56: "Cowbell", 57: "Crash", 59: "Ride", 69: "Cabasa",
    70: "Maracas", 75: "Claves", 76: "Woodblock", 80: "Triangle", 81: "Triangle",
}  # fmt: skip  # a table: one entry a line would fill a screen


@dataclass(frozen=True)
class Voice:
    """A track as it is drawn: what to call it and its colour. The lead comes first and is drawn last, on top."""

    track: Track
    label: str
    colour: str


def voices(score: Score) -> list[Voice]:
    """The sounding tracks, the lead first, then in the order of the piece, with a label and a colour each."""
    lead, _ = lead_track(score)
    order = sorted((i for i, t in enumerate(score.tracks) if len(t.notes)), key=lambda i: (i != lead, i))
    return [Voice(score.tracks[i], label(score.tracks[i]), COLOURS[n % len(COLOURS)]) for n, i in enumerate(order)]


def label(track: Track) -> str:
    """``"MELODY (Acoustic Grand Piano)"``: at most 40 printable characters of the name, and the General MIDI name."""
    name = "".join(c for c in track.name.strip() if unicodedata.category(c)[0] not in "CZ" or c == " ")[:40]
    instrument = program_name(track.program, track.is_drum)
    return f"{name} ({instrument})" if name and name.casefold() != instrument.casefold() else instrument


def pitch_range(score: Score, at_least: int = 12) -> tuple[int, int]:
    """Lowest and highest pitch of the pitched tracks, widened to ``at_least`` semitones; middle C's octave for none."""
    tables = [t.notes["pitch"] for t in score.tracks if len(t.notes) and not t.is_drum]
    if not tables:
        return 60, 60 + at_least
    pitches = np.concatenate(tables)
    low, high = int(pitches.min()), int(pitches.max())
    missing = max(at_least - (high - low), 0)
    return max(low - missing // 2, 0), min(high + (missing + 1) // 2, 127)


def drum_lanes(score: Score) -> dict[int, int]:
    """Drum pitch -> lane, 0 the lowest: drums of one name share a lane, lanes in order of their first pitch."""
    tables = [t.notes["pitch"] for t in score.tracks if t.is_drum and len(t.notes)]
    pitches = np.unique(np.concatenate(tables)).tolist() if tables else []
    names = list(dict.fromkeys(drum_name(p) for p in pitches))
    return {p: names.index(drum_name(p)) for p in pitches}


def drum_name(pitch: int) -> str:
    """The General MIDI drum at a pitch, briefly; ``"Drum 34"`` for the rest."""
    return DRUM_NAMES.get(pitch, f"Drum {pitch}")
