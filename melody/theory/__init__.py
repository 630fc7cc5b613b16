"""What a musician hears in a Score: its key, its bars and beats, its melody, its chords, its form.

Knows no file format, no model and no event. All functions read a Score (or note tables) and change nothing.

Conventions
    key          an int 0..23: the tonic's pitch class (C = 0), plus 12 when minor
    bar, beat    counted from 0; a bar starts at every change of meter, even when the bar before is cut short by it
    chroma       12 sums of sounding time in ticks, by pitch class, C first
"""

from melody.theory.bars import MeterMap, bar_count, bar_of, bar_start, bar_ticks, beat_ticks, meter_map, piece_end, position_in_bar
from melody.theory.beats import follows_file, track_beats
from melody.theory.chord_symbols import Symbol, parse_chord
from melody.theory.chords import QUALITIES, SHAPES, Chords, chords_between, chroma, estimate_chords, lowest_sounding, sounding_time
from melody.theory.downbeats import downbeat_shift
from melody.theory.drums import likely_drums
from melody.theory.form import bar_likeness, returns
from melody.theory.keys import estimate_key, key_name, key_of, key_scores, key_signature, key_transposed, parse_key, pitch_name, scale_of
from melody.theory.lead import lead_by_name, lead_by_rule, lead_track
from melody.theory.lead_sheet import chords_in, lead_sheet
from melody.theory.modes import Scale, parse_scale, scale_of_mode
from melody.theory.progressions import parse_progression, progressions
from melody.theory.sections import parse_form, sections_of

__all__ = [
    "QUALITIES",
    "SHAPES",
    "Chords",
    "MeterMap",
    "Scale",
    "Symbol",
    "bar_count",
    "bar_likeness",
    "bar_of",
    "bar_start",
    "bar_ticks",
    "beat_ticks",
    "chords_between",
    "chords_in",
    "chroma",
    "downbeat_shift",
    "estimate_chords",
    "estimate_key",
    "follows_file",
    "key_name",
    "key_of",
    "key_scores",
    "key_signature",
    "key_transposed",
    "lead_by_name",
    "lead_by_rule",
    "lead_sheet",
    "lead_track",
    "likely_drums",
    "lowest_sounding",
    "meter_map",
    "parse_chord",
    "parse_form",
    "parse_key",
    "parse_progression",
    "parse_scale",
    "piece_end",
    "pitch_name",
    "position_in_bar",
    "progressions",
    "returns",
    "scale_of",
    "scale_of_mode",
    "sections_of",
    "sounding_time",
    "track_beats",
]
