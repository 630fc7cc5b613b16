"""The General MIDI instruments: 128 names (programs 0..127), their families, and words people use for them.

Names and numbers: General MIDI System Level 1, MIDI Manufacturers Association, 1991. Knows no Score.

Conventions
    program    0..127 as in the bytes of a file; instrument lists that count from 1 are one higher
    drums      channel 10 in a file; here a flag beside the program
"""

from __future__ import annotations

import re

from melody.errors import CallError, unknown

FAMILIES = (
    "Piano",
    "Chromatic Percussion",
    "Organ",
    "Guitar",
    "Bass",
    "Strings",
    "Ensemble",
    "Brass",
    "Reed",
    "Pipe",
    "Synth Lead",
    "Synth Pad",
    "Synth Effects",
    "Ethnic",
    "Percussive",
    "Sound Effects",
)  # eight programs each

PROGRAMS = tuple(
    """
    Acoustic Grand Piano; Bright Acoustic Piano; Electric Grand Piano; Honky-tonk Piano; Electric Piano 1; Electric Piano 2;
    Harpsichord; Clavinet; Celesta; Glockenspiel; Music Box; Vibraphone; Marimba; Xylophone; Tubular Bells; Dulcimer;
    Drawbar Organ; Percussive Organ; Rock Organ; Church Organ; Reed Organ; Accordion; Harmonica; Tango Accordion;
    Acoustic Guitar (nylon); Acoustic Guitar (steel); Electric Guitar (jazz); Electric Guitar (clean); Electric Guitar (muted);
    Overdriven Guitar; Distortion Guitar; Guitar Harmonics; Acoustic Bass; Electric Bass (finger); Electric Bass (pick);
    Fretless Bass; Slap Bass 1; Slap Bass 2; Synth Bass 1; Synth Bass 2; Violin; Viola; Cello; Contrabass; Tremolo Strings;
    Pizzicato Strings; Orchestral Harp; Timpani; String Ensemble 1; String Ensemble 2; Synth Strings 1; Synth Strings 2;
    Choir Aahs; Voice Oohs; Synth Voice; Orchestra Hit; Trumpet; Trombone; Tuba; Muted Trumpet; French Horn; Brass Section;
    Synth Brass 1; Synth Brass 2; Soprano Sax; Alto Sax; Tenor Sax; Baritone Sax; Oboe; English Horn; Bassoon; Clarinet;
    Piccolo; Flute; Recorder; Pan Flute; Blown Bottle; Shakuhachi; Whistle; Ocarina; Lead 1 (square); Lead 2 (sawtooth);
    Lead 3 (calliope); Lead 4 (chiff); Lead 5 (charang); Lead 6 (voice); Lead 7 (fifths); Lead 8 (bass + lead);
    Pad 1 (new age); Pad 2 (warm); Pad 3 (polysynth); Pad 4 (choir); Pad 5 (bowed); Pad 6 (metallic); Pad 7 (halo);
    Pad 8 (sweep); FX 1 (rain); FX 2 (soundtrack); FX 3 (crystal); FX 4 (atmosphere); FX 5 (brightness); FX 6 (goblins);
    FX 7 (echoes); FX 8 (sci-fi); Sitar; Banjo; Shamisen; Koto; Kalimba; Bagpipe; Fiddle; Shanai; Tinkle Bell; Agogo;
    Steel Drums; Woodblock; Taiko Drum; Melodic Tom; Synth Drum; Reverse Cymbal; Guitar Fret Noise; Breath Noise; Seashore;
    Bird Tweet; Telephone Ring; Helicopter; Applause; Gunshot
    """.replace("\n", " ").split(";")
)
PROGRAMS = tuple(" ".join(name.split()) for name in PROGRAMS)

DRUMS = "drums"

ALIASES = {
    "piano": 0,
    "grand piano": 0,
    "keyboard": 0,
    "keys": 0,
    "electric piano": 4,
    "rhodes": 4,
    "vibes": 11,
    "organ": 19,
    "pipe organ": 19,
    "hammond": 16,
    "guitar": 24,
    "acoustic guitar": 24,
    "nylon guitar": 24,
    "classical guitar": 24,
    "steel guitar": 25,
    "electric guitar": 27,
    "jazz guitar": 26,
    "clean guitar": 27,
    "bass": 33,
    "bass guitar": 33,
    "electric bass": 33,
    "double bass": 32,
    "upright bass": 32,
    "string bass": 43,
    "slap bass": 36,
    "synth bass": 38,
    "pizzicato": 45,
    "harp": 46,
    "kettledrum": 47,
    "strings": 48,
    "string ensemble": 48,
    "orchestra": 48,
    "synth strings": 50,
    "choir": 52,
    "chorus": 52,
    "voice": 52,
    "voices": 52,
    "vocals": 52,
    "singer": 52,
    "horn": 60,
    "brass": 61,
    "sax": 65,
    "saxophone": 65,
    "cor anglais": 69,
    "panpipes": 75,
    "lead": 80,
    "synth": 80,
    "synth lead": 80,
    "pad": 88,
    "synth pad": 88,
    "steelpan": 114,
}
DRUM_WORDS = frozenset(["drums", "drum", "drum kit", "drumkit", "drum set", "percussion", "kit"])


def _folded(text: str) -> str:
    """Lower case, one space between words, no brackets or hyphens."""
    return " ".join(re.findall(r"[^\W_]+|\+", text.casefold()))


_BY_NAME = {_folded(name): number for number, name in enumerate(PROGRAMS)} | ALIASES


def program_name(program: int, is_drum: bool = False) -> str:
    """The General MIDI name of a program 0..127, or ``"Drums"``.

    >>> program_name(73), program_name(0, is_drum=True)
    ('Flute', 'Drums')
    """
    return "Drums" if is_drum else PROGRAMS[program]


def family_of(program: int) -> str:
    """The General MIDI family, of eight programs each, of a program 0..127.

    >>> family_of(73)
    'Pipe'
    """
    return FAMILIES[program // 8]


def parse_program(text: str) -> tuple[int, bool]:
    """(program, is_drum) for a number 0..127, a General MIDI name, a common word ("piano", "sax") or "drums".

    Raises ``CallError`` for a number out of range, and for an unknown name with the nearest one as a suggestion.

    >>> parse_program("sax"), parse_program("drums")
    ((65, False), (0, True))
    """
    name = _folded(text)
    if name in DRUM_WORDS:
        return 0, True
    if re.fullmatch(r"[+-]?\d+", text.strip(), re.ASCII):
        digits = text.strip()
        if len(digits) > 4 or not 0 <= int(digits) <= 127:
            raise CallError(f"program {digits[:20]} is not in 0..127, the General MIDI instruments counted from 0")
        return int(digits), False
    if name in _BY_NAME:
        return _BY_NAME[name], False
    # Part of a name is enough when only one program has it: "marimba (soft)" no, "calliope" yes.
    parts = [number for full, number in _BY_NAME.items() if name and f" {name} " in f" {full} "]
    if len(set(parts)) == 1:
        return parts[0], False
    raise unknown("instrument", text, [*PROGRAMS, *ALIASES, DRUMS])
