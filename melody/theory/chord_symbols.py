"""Chord symbols as people write them: "Am7", "G/B", "F#dim", "N"; and Roman numerals of a key: "ii7", "bVII", "V7/V".

A symbol becomes one of the chords that there are (``theory.QUALITIES``). Richer ones become the nearest of them, which keeps root, third
and seventh: a ninth is a seventh, a sixth chord its triad. ``Symbol.nearest`` says so.

Degrees of Roman numerals count in the scale of the key's mode, upper case for major and lower case for minor chords, as in pop and jazz.
In a minor key b3, b6 and b7 are the degrees that the scale has anyway, and a diminished chord on the sixth or seventh is raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from melody.errors import CallError
from melody.settings import value_shown
from melody.theory.chords import NO_CHORD, QUALITIES, ROOTS

MAX_SYMBOL = 24  # characters
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
FLAT_MAJORS, SHARP_MAJORS = frozenset((5, 10, 3, 8, 1)), frozenset((2, 9, 4, 11, 6))  # tonics of the major keys that are written with them
ROMAN = {"I": 0, "II": 1, "III": 2, "IV": 3, "V": 4, "VI": 5, "VII": 6}
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
NUMERAL = re.compile(r"([#b]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)")
LETTER = re.compile(r"([A-G])([#b]{0,2})(.*)")
NOTE_NAME = re.compile(r"([A-G])([#b]{0,2})")
ALTERED = re.compile(r"\(?(?:add|no|omit)?[#b+-]?(?:2|4|5|6|9|11|13)\)?")

# What may be written after the root, and the quality that is meant: exactly it, or the nearest that there is.
EXACT = {
    "": ("", "maj", "major", "M", "Δ"),
    "m": ("m", "min", "minor", "mi", "-"),
    "7": ("7", "dom7"),
    "maj7": ("maj7", "M7", "Maj7", "ma7", "j7", "Δ7", "^7", "^"),
    "m7": ("m7", "min7", "mi7", "-7"),
    "dim": ("dim", "°", "o", "mb5", "m(b5)"),
    "aug": ("aug", "+", "#5", "(#5)"),
    "sus4": ("sus4", "sus"),
    "sus2": ("sus2",),
    "m7b5": ("m7b5", "m7(b5)", "ø", "ø7", "min7b5", "-7b5", "h7"),
    "dim7": ("dim7", "°7", "o7"),
}
NEAREST = {
    "": ("5", "6", "69", "6/9", "add9", "add2", "add4", "add11", "2", "maj6", "6add9", "(add9)"),
    "m": ("m6", "min6", "-6", "m69", "m6/9", "madd9", "m(add9)", "mmaj7", "mM7", "m(maj7)", "minmaj7", "-maj7", "mmaj9", "m#5"),
    "7": ("9", "11", "13", "7alt", "alt", "9alt"),
    "maj7": ("maj9", "maj11", "maj13", "M9", "M13", "Maj9", "Δ9", "ma9"),
    "m7": ("m9", "m11", "m13", "min9", "min11", "-9", "-11"),
    "aug": ("aug7", "+7", "7#5", "7+", "maj7#5", "aug9", "+9"),
    "sus4": ("7sus4", "7sus", "9sus4", "9sus", "13sus4", "13sus", "sus24", "sus2sus4", "maj7sus4"),
    "sus2": ("7sus2",),
    "m7b5": ("m9b5", "m11b5", "ø9"),
}
MEANT = {text: (quality, True) for quality, texts in EXACT.items() for text in texts} | {
    text: (quality, False) for quality, texts in NEAREST.items() for text in texts
}


@dataclass(frozen=True)
class Symbol:
    """One chord: ``root`` and ``bass`` are pitch classes (-1: no chord sounds), ``quality`` is one of ``QUALITIES``.

    >>> Symbol(9, "m", 9).label(), Symbol(7, "", 11).label(), Symbol(-1, "", -1).label()
    ('Am', 'G/B', 'N')
    """

    root: int
    quality: str
    bass: int
    nearest: bool = False  # whether something richer was written

    @property
    def code(self) -> int:
        """0 for no chord, else 1 + 12 * quality + root."""
        return 0 if self.root < 0 else 1 + 12 * QUALITIES.index(self.quality) + self.root

    def label(self, flats: bool | None = None) -> str:
        """How it is written: with flats, with sharps (False), or with those that are usual where no key is known."""
        if self.root < 0:
            return NO_CHORD
        names = ROOTS if flats is None else FLATS if flats else SHARPS
        below = f"/{names[self.bass]}" if self.bass not in (self.root, -1) else ""
        return f"{names[self.root]}{self.quality}{below}"


NOTHING = Symbol(-1, "", -1)


def from_code(code: int, bass: int = -1) -> Symbol:
    """The symbol of a code and a bass (pitch class).

    >>> from_code(1 + 12 * 4 + 2, 0).label()
    'Dm7/C'
    """
    if code <= 0:
        return NOTHING
    return Symbol((code - 1) % 12, QUALITIES[(code - 1) // 12], bass if bass >= 0 else (code - 1) % 12)


def flat_key(key: int | None) -> bool | None:
    """Whether chords in a key (0..23) are written with flats; None where it does not say, as in C major.

    >>> flat_key(5), flat_key(2), flat_key(9 + 12)
    (True, False, None)
    """
    major = -1 if key is None or key < 0 else (key + 3 * (key >= 12)) % 12
    return True if major in FLAT_MAJORS else False if major in SHARP_MAJORS else None


def parse_chord(text: str, key: int | None = None, scale: tuple[int, ...] | None = None) -> Symbol:
    """A chord symbol, or a Roman numeral of a ``key`` (0..23) whose mode has a ``scale`` of seven steps. Errors: ``CallError``.

    >>> parse_chord("F#m7b5/A").label(), parse_chord("bVII", 9).label(), parse_chord("C13").label()
    ('F#m7b5/A', 'G', 'C7')
    """
    written = text.strip().replace("♯", "#").replace("♭", "b")
    if len(written) > MAX_SYMBOL:
        raise _wrong(text, "too long for a chord")
    if written in ("N", "N.C.", "NC", "n"):
        return NOTHING
    if found := NUMERAL.fullmatch(written):
        return _of_numeral(text, found, key, scale)
    name, slash, below = written.partition("/") if "6/9" not in written else (written, "", "")
    found = LETTER.fullmatch(name)
    if not found:
        raise _wrong(text, "a chord begins with A to G, or is a Roman numeral or N")
    root = _pitch_class(*found.groups()[:2])
    quality, nearest = _quality(text, found[3])
    bass = root
    if slash:
        under = NOTE_NAME.fullmatch(below)
        if not under:
            raise _wrong(text, "after the slash stands a note, as in G/B")
        bass = _pitch_class(*under.groups())
    return Symbol(root, quality, bass, nearest)


def _pitch_class(letter: str, accidentals: str) -> int:
    return (LETTERS[letter] + accidentals.count("#") - accidentals.count("b")) % 12


def _quality(text: str, written: str, minor: bool = False) -> tuple[str, bool]:
    """The quality that is meant, and whether it is only the nearest. ``minor``: of a numeral in lower case."""
    plain = written.replace(" ", "")
    if minor and (found := MEANT.get("m" + plain)):
        return found[0], not found[1]
    if found := MEANT.get(plain):
        return ("m" if minor and found[0] == "" else found[0]), not found[1]
    for end in range(len(plain) - 1, -1, -1):  # alterations and additions behind a quality that there is
        head, tail = plain[:end], plain[end:]
        if head in MEANT and re.fullmatch(f"(?:{ALTERED.pattern})+", tail):
            return _quality(text, head, minor)[0], True
    raise _wrong(text, f"{value_shown(written)} is no quality; known: m, 7, maj7, m7, dim, aug, sus4, sus2, m7b5, dim7 and richer ones")


def _of_numeral(text: str, found: re.Match[str], key: int | None, scale: tuple[int, ...] | None) -> Symbol:
    """The chord of a Roman numeral."""
    if key is None:
        raise CallError(f"the chord {value_shown(text)} is a Roman numeral and needs a key", argument="chords")
    accidental, numeral, rest = found.groups()
    written, slash, target = rest.partition("/")
    tonic, lower = key % 12, numeral.islower()
    if slash:  # of another degree: V7/V
        inner = NUMERAL.fullmatch(target)
        if not inner or "/" in inner[3]:
            raise _wrong(text, "after the slash of a numeral stands another one, as in V7/V")
        tonic, scale, key = parse_chord(target, key, scale).root, MAJOR_SCALE, 0
    quality, nearest = _quality(text, written, lower)
    steps = scale or ((0, 2, 3, 5, 7, 8, 10) if key >= 12 else MAJOR_SCALE)
    degree = ROMAN[numeral.upper()]
    step = (MAJOR_SCALE if accidental == "b" else steps)[degree] + {"#": 1, "b": -1, "": 0}[accidental]
    if not accidental and degree >= 5 and quality in ("dim", "dim7", "m7b5") and steps[degree] < MAJOR_SCALE[degree]:
        step += 1
    root = (tonic + step) % 12
    return Symbol(root, quality, root, nearest)


def _wrong(text: str, why: str) -> CallError:
    return CallError(f"unknown chord {value_shown(text)}; {why}", argument="chords")
