"""ABC -> Sheet: the first tune of a text, by the ABC standard 2.1 (abcnotation, 2011), sections 3, 4 and 7.

Read: notes, rests, chords, ties, tuplets, broken rhythm, keys and modes, meters, tempo, voices, inline fields. Passed over: repeats,
grace notes, decorations, chord symbols, lyrics, slurs, macros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from melody.errors import MelodyError
from melody.notation.sheet import DEFAULT_VELOCITY, Bar, Part, Sheet, Time

NATURAL = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69, "B": 71}
SIGNS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
MODES = {"": 0, "maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}
ORDER = "FCGDAEB"
TUPLETS = {2: 3, 3: 2, 4: 3, 5: 2, 6: 2, 7: 2, 8: 3, 9: 2}  # notes: in the time of how many (5, 7, 9: 3 in compound meters)
ODD = (5, 7, 9)
MAX_LENGTH = 1 << 12  # quarter notes of one note
FIELD = re.compile(r"^\s*([A-Za-z]):(.*)$")
TOKEN = re.compile(
    r"""(?P<inline>\[[A-Za-z]:[^\]]*\])
    |(?P<skip>"[^"]*"|![^!\s]*!|\+[a-z]+\+|\{[^}]*\}|[\s~.HLMOPSTuvRyJ\\`*$;?@)]+)
    |(?P<bar>:*\|+[\]|:]*(?:[0-9][0-9,.-]*)?|\[\||::+|:\||\[[0-9][0-9,.-]*)
    |(?P<tuplet>\((?P<p>[2-9])(?::(?P<q>[0-9]?))?(?::(?P<r>[0-9]*))?)
    |(?P<slur>\()
    |(?P<chord>\[(?P<inside>[^\]|:]*)\](?P<chordlength>[0-9]*/*[0-9]*)(?P<chordtie>-?))
    |(?P<note>(?P<sign>\^\^?|__?|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>[0-9]*/*[0-9]*)(?P<tie>-?))
    |(?P<rest>[zx])(?P<restlength>[0-9]*/*[0-9]*)
    |(?P<barrest>[ZX])(?P<bars>[0-9]*)
    |(?P<broken>[<>]+)
    |(?P<hyphen>-)""",
    re.VERBOSE,
)


@dataclass
class _Voice:
    """One voice while it is read."""

    part: Part = field(default_factory=Part)
    at: Time = Fraction(0)
    bars: list[Bar] = field(default_factory=list)
    bar_start: Time = Fraction(0)
    signs: dict[tuple[str, int], int] = field(default_factory=dict)
    tied: dict[int, int] = field(default_factory=dict)  # pitch: number of the note that a tie leads on from
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, notes left
    broken: Fraction | None = None  # factor of the note to come
    last: list[int] = field(default_factory=list)  # numbers of the notes that a broken rhythm changes
    shift: int = 0  # semitones, of an octave mark or a clef


class _Reader:
    """One tune while it is read."""

    def __init__(self, max_notes: int) -> None:
        self.max_notes, self.count = max_notes, 0
        self.voices: dict[str, _Voice] = {}
        self.voice = self._voice("1")
        self.meter, self.unit, self.fifths = (4, 4), Fraction(0), 0
        self.unit_given = False
        self.key: dict[str, int] = {}
        self.out = Sheet()

    def _voice(self, name: str) -> _Voice:
        if len(self.voices) > 256:
            raise MelodyError("more than 256 voices")
        return self.voices.setdefault(name, _Voice())

    def field(self, letter: str, text: str) -> None:
        """An information field."""
        text = text.split("%")[0].strip()
        if letter == "M":
            self._meter(text)
        elif letter == "L" and (match := re.match(r"(\d{1,4})/(\d{1,4})", text)) and int(match[2]):
            self.unit, self.unit_given = Fraction(4 * int(match[1]), int(match[2])), True
        elif letter == "Q":
            self._tempo(text)
        elif letter == "K":
            self._key(text)
        elif letter == "V" and text:
            self.voice = self._voice(text.split()[0])
            if name := re.search(r'(?:name|nm)="([^"]*)"', text):
                self.voice.part.name = name[1]
        elif letter == "T" and not self.voices["1"].part.name:
            self.voices["1"].part.name = text

    def _meter(self, text: str) -> None:
        named = {"C": (4, 4), "C|": (2, 2)}
        match = re.match(r"\(?(\d{1,2}(?:\+\d{1,2})*)\)?/(\d{1,2})", text)
        if text in named:
            self.meter = named[text]
        elif match:
            beats = sum(int(n) for n in match[1].split("+"))
            if 1 <= beats <= 64 and int(match[2]) in (1, 2, 4, 8, 16, 32, 64):
                self.meter = beats, int(match[2])
        if not self.unit_given:
            self.unit = Fraction(1, 4) if 4 * self.meter[0] < 3 * self.meter[1] else Fraction(1, 2)

    def _tempo(self, text: str) -> None:
        match = re.search(r"(?:(\d{1,3})/(\d{1,3})\s*=\s*)?(\d{1,4}(?:\.\d{1,4})?)\s*(?:\"[^\"]*\")?\s*$", text)
        if match:
            beat = Fraction(4 * int(match[1]), int(match[2]) or 1) if match[1] else Fraction(1)
            self.out.tempi.append((self.voice.at, float(beat) * float(match[3])))

    def _key(self, text: str) -> None:
        match = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", text)
        if match:
            mode = match[3].lower()
            mode = mode if mode in MODES else mode[:3] if mode[:3] in MODES else ""
            fifths = FIFTHS[match[1]] + {"#": 7, "b": -7, "": 0}[match[2]] + MODES[mode]
            self.fifths = max(min(fifths, 7), -7)
            self.out.keys.append((self.voice.at, self.fifths, MODES[mode] == -3))
        elif text.startswith(("none", "HP", "Hp")) or not text:
            self.fifths = 2 if text.startswith("H") else 0
        letters = ORDER[: self.fifths] if self.fifths > 0 else ORDER[::-1][: -self.fifths]
        self.key = dict.fromkeys(letters, 1 if self.fifths > 0 else -1)
        if "octave=" in text and (octave := re.search(r"octave=(-?\d)", text)):
            self.voice.shift = 12 * int(octave[1])

    def line(self, text: str) -> None:
        """A line of music."""
        at = 0
        text = text.split("%")[0]
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                at += 1  # what no one knows is passed over
                continue
            at = match.end()
            kind = match.lastgroup and next(k for k in KINDS if match[k] is not None)
            if kind == "inline":
                self.field(match["inline"][1], match["inline"][3:-1])
            elif kind == "bar":
                self._bar_line()
            elif kind == "tuplet":
                self._tuplet(match)
            elif kind == "chord":
                self._chord(match)
            elif kind == "note":
                length = self._length(match["length"])
                self._sound([self._pitch(match)], length, tie=bool(match["tie"]))
            elif kind == "rest":
                self._sound([], self._length(match["restlength"]), tie=False)
            elif kind == "barrest":
                for _ in range(min(int(match["bars"][:3] or 1), 999)):
                    self.voice.at += Fraction(4 * self.meter[0], self.meter[1])
                    self._bar_line()
            elif kind == "broken":
                self._break(match["broken"])

    def _length(self, text: str) -> Time:
        above, slash, below = text.partition("/")
        number = Fraction(int(above[:4] or 1))
        if slash:
            extra = below.count("/")
            digits = below.replace("/", "")[:4]
            number /= max(int(digits), 1) if digits else 2 ** (min(extra, 8) + 1)
        return min(number * self.unit, Fraction(MAX_LENGTH))

    def _pitch(self, match: re.Match[str]) -> int:
        letter = match["letter"]
        name = letter.upper()
        octave = (letter.islower()) + match["octave"].count("'") - match["octave"].count(",")
        place = (name, octave)
        if match["sign"]:
            self.voice.signs[place] = SIGNS[match["sign"]]
        alter = self.voice.signs.get(place, self.key.get(name, 0))
        return min(max(NATURAL[name] + 12 * octave + alter + self.voice.shift, 0), 127)

    def _chord(self, match: re.Match[str]) -> None:
        pitches, inner, tie = [], Fraction(0), bool(match["chordtie"])
        for note in TOKEN.finditer(match["inside"]):
            if note["note"] is not None:
                pitches.append(self._pitch(note))
                inner = inner or self._length(note["length"])
                tie |= bool(note["tie"])
        self._sound(pitches, self._length(match["chordlength"]) * (inner / self.unit if inner else 1), tie=tie)

    def _sound(self, pitches: list[int], length: Time, *, tie: bool) -> None:
        """Notes together, or a rest."""
        voice = self.voice
        factor, left = voice.tuplet
        if left:
            length *= factor
            voice.tuplet = factor, left - 1
        if voice.broken is not None:
            length *= voice.broken
            voice.broken = None
        tied, voice.tied, voice.last = voice.tied, {}, []
        for pitch in dict.fromkeys(pitches):
            if (number := tied.get(pitch)) is not None:
                onset, duration, _, velocity = voice.part.notes[number]
                voice.part.notes[number] = (onset, duration + length, pitch, velocity)
            else:
                number = len(voice.part.notes)
                voice.part.notes.append((voice.at, length, pitch, DEFAULT_VELOCITY))
                self.count += 1
            voice.last.append(number)
            if tie:
                voice.tied[pitch] = number
        if self.count > self.max_notes:
            raise MelodyError(f"more than the limit of {self.max_notes:,} notes")
        voice.at += length
        self._before = length

    _before: Time = Fraction(0)

    def _break(self, signs: str) -> None:
        """``>`` makes the note before it longer and the one after it shorter, ``<`` the other way round."""
        share = Fraction(1, 2 ** min(len(signs), 4))
        mine = 2 - share if signs[0] == ">" else share
        change = self._before * (mine - 1)
        for number in self.voice.last:
            onset, duration, pitch, velocity = self.voice.part.notes[number]
            self.voice.part.notes[number] = (onset, duration + change, pitch, velocity)
        self.voice.at += change
        self.voice.broken = 2 - mine

    def _tuplet(self, match: re.Match[str]) -> None:
        count = int(match["p"])
        compound = self.meter[0] % 3 == 0 and self.meter[0] > 3
        time = int(match["q"]) if match["q"] else (3 if count in ODD and compound else TUPLETS[count])
        self.voice.tuplet = Fraction(max(time, 1), count), min(int(match["r"][:2]), 99) if match["r"] else count

    def _bar_line(self) -> None:
        voice = self.voice
        voice.signs.clear()
        if voice.at > voice.bar_start:
            voice.bars.append(Bar(voice.at - voice.bar_start, *self.meter, implicit=True))
            voice.bar_start = voice.at

    def finished(self) -> Sheet:
        """The tune."""
        for voice in self.voices.values():
            self.voice = voice
            self._bar_line()
        self.out.parts = [voice.part for voice in self.voices.values()]
        self.out.bars = max((voice.bars for voice in self.voices.values()), key=lambda bars: sum(bar.length for bar in bars))
        self.out.tempi.sort(key=lambda row: row[0])
        return self.out


KINDS = ("inline", "skip", "bar", "tuplet", "slur", "chord", "note", "rest", "barrest", "broken", "hyphen")


def sheet(data: bytes, max_notes: int) -> Sheet:
    """What the first tune of a text says. Errors: ``MelodyError`` for more notes than ``max_notes``."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    reader, in_tune, in_body = _Reader(max_notes), False, False
    reader.field("M", "C")
    for line in text.splitlines():
        if not in_body and in_tune and not line.strip():
            break
        match = FIELD.match(line)
        if match and match[1] not in ("w", "W") and not line.startswith("|"):
            if match[1] == "X":
                if in_tune:
                    break
                in_tune = True
            elif in_tune:
                reader.field(match[1], match[2])
                in_body |= match[1] == "K"
        elif in_body and not line.startswith("%") and not match:
            if not line.strip():
                break
            reader.line(line)
    return reader.finished()
