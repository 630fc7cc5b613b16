"""MusicXML -> Sheet: score-partwise and score-timewise, up to version 4.0.

Read: notes and rests of all voices and staves, ties, tuplets, keys, meters, tempi, dynamics as velocities, instruments, drums,
transposing instruments (they sound as they sound), chord symbols as markers. Passed over: grace and cue notes, repeats, ornaments, lyrics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element  # the tree only; safe_xml has the parser

from melody.errors import MelodyError
from melody.notation.harmony import chord_text
from melody.notation.sheet import DEFAULT_VELOCITY, Bar, Part, Sheet, Time

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
VELOCITIES = {"pppp": 10, "ppp": 20, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 120, "ffff": 126,
              "fp": 96, "sf": 105, "sfz": 112, "fz": 105, "sfp": 105, "rf": 100, "rfz": 100}  # fmt: skip  # a table
FULL = 90  # the velocity that MusicXML calls 100 %
BEATS = {"maxima": 32, "long": 16, "breve": 8, "whole": 4, "half": 2, "quarter": 1}  # quarter notes
UNITS: dict[str, Fraction] = {"eighth": Fraction(1, 2), "16th": Fraction(1, 4), "32nd": Fraction(1, 8), "64th": Fraction(1, 16)}
UNITS |= {name: Fraction(length) for name, length in BEATS.items()}
DRUMS_BY_PLACE = {"F4": 36, "D4": 44, "A4": 43, "C5": 38, "D5": 47, "E5": 50, "F5": 51, "G5": 42, "A5": 49, "B5": 49}
SNARE = 38
DRUM_CHANNEL = "10"
MAX_BARS = 1_000_000
MAX_DIVISIONS = 1 << 24
MAX_QUARTERS = 1 << 20  # of one bar, and of one note


def sheet(root: Element, max_notes: int) -> Sheet:
    """What the document says. Errors: ``MelodyError`` for another kind of document, or more notes than ``max_notes``."""
    if root.tag not in ("score-partwise", "score-timewise"):
        raise MelodyError(f"not MusicXML (its root is {root.tag[:40]})")
    infos = {info.get("id", ""): info for info in root.iter("score-part")}
    columns = _columns(root)
    readers = [_Reader(infos.get(name), max_notes) for name in columns]
    for reader, measures in zip(readers, columns.values(), strict=True):
        for measure in measures:
            reader.measure(measure)
    out = Sheet(bars=_bars(readers))
    starts = [Fraction(0)]
    for bar in out.bars:
        starts.append(starts[-1] + bar.length)
    for reader in readers:
        out.parts.append(reader.finished(starts))
        out.tempi += [(starts[bar] + at, bpm) for bar, at, bpm in reader.tempi]
        out.markers += [(starts[bar] + at, text) for bar, at, text in reader.chords]
    out.tempi.sort(key=lambda row: row[0])
    out.markers = sorted(dict.fromkeys(out.markers), key=lambda row: row[0])
    concert = [r for r in readers if not r.transposed and not r.part.is_drum] or readers[:1]
    out.keys = [(starts[bar] + at, fifths, minor) for bar, at, fifths, minor in (concert[0].keys if concert else [])]
    return out


def _columns(root: Element) -> dict[str, list[Element]]:
    """The measures of each part, by the part's id."""
    if root.tag == "score-partwise":
        return {part.get("id", str(i)): part.findall("measure") for i, part in enumerate(root.findall("part"))}
    found: dict[str, list[Element]] = {}
    for measure in root.findall("measure"):
        for part in measure.findall("part"):
            part.attrib |= {k: v for k, v in measure.attrib.items() if k != "id"}
            found.setdefault(part.get("id", ""), []).append(part)
    return found


def _bars(readers: list[_Reader]) -> list[Bar]:
    """The bars of all parts together: each as long as the longest part in it."""
    out: list[Bar] = []
    for number in range(max((len(r.bars) for r in readers), default=0)):
        here = [r.bars[number] for r in readers if number < len(r.bars)]
        first = here[0]
        length = max(bar.length for bar in here)
        out.append(Bar(length, first.beats, first.beat_type, any(bar.implicit for bar in here)))
    for number, bar in enumerate(out):
        inner = 0 < number < len(out) - 1
        if bar.length == 0 or inner and not bar.implicit and bar.length < bar.nominal and not _halves(out, number):
            bar.length = bar.nominal  # its rests were left out
    return out


def _halves(bars: list[Bar], number: int) -> bool:
    """Whether a short bar and the one before or after it make a whole one."""
    pairs = ((number - 1, number), (number, number + 1))
    return any(b < len(bars) and bars[a].length + bars[b].length == bars[number].nominal for a, b in pairs)


@dataclass
class _Note:
    bar: int
    onset: Time  # since the start of its bar
    duration: Time
    pitch: int
    velocity: int
    held: list[tuple[int, Time, Time]] = field(default_factory=list)  # what is tied to it: bar, onset, duration


@dataclass
class _Reader:
    """One part while it is read."""

    info: Element | None
    max_notes: int
    part: Part = field(default_factory=Part)
    bars: list[Bar] = field(default_factory=list)
    notes: list[_Note] = field(default_factory=list)
    keys: list[tuple[int, Time, int, bool]] = field(default_factory=list)
    tempi: list[tuple[int, Time, float]] = field(default_factory=list)
    chords: list[tuple[int, Time, str]] = field(default_factory=list)
    divisions: int = 1
    meter: tuple[int, int] = (4, 4)
    transposed: int = 0
    velocity: int = DEFAULT_VELOCITY
    open: dict[tuple[str, int], _Note] = field(default_factory=dict)
    unpitched: dict[str, int] = field(default_factory=dict)
    only_unpitched: bool = True

    def __post_init__(self) -> None:
        if self.info is None:
            return
        self.part.name = (self.info.findtext("part-name") or "").strip()
        for device in self.info.iter("midi-instrument"):
            if not self.part.program:
                self.part.program = min(max(_number(device.findtext("midi-program"), 1) - 1, 0), 127)
            self.part.is_drum |= (device.findtext("midi-channel") or "").strip() == DRUM_CHANNEL
            if (pitch := _number(device.findtext("midi-unpitched"), 0)) > 0:
                self.unpitched[device.get("id", "")] = min(pitch - 1, 127)

    def measure(self, measure: Element) -> None:
        """Read one bar."""
        if len(self.bars) >= MAX_BARS:
            raise MelodyError(f"more than {MAX_BARS:,} bars")
        at = end = before = Fraction(0)
        for child in measure:
            if child.tag == "attributes":
                self._attributes(child, at)
            elif child.tag == "note":
                chord = child.find("chord") is not None
                length = self._length(child)
                onset = before if chord else at
                if child.find("grace") is None and child.find("cue") is None:
                    self._note(child, onset, length)
                if not chord:
                    before, at = at, at + length
            elif child.tag == "backup":
                at = max(at - self._length(child), Fraction(0))
            elif child.tag == "forward":
                at += self._length(child)
            elif child.tag == "direction":
                self._direction(child, at + self._offset(child))
            elif child.tag == "sound":
                self._sound(child, at)
            elif child.tag == "harmony" and (text := chord_text(child)):
                self.chords.append((len(self.bars), max(at + self._offset(child), Fraction(0)), text))
            end = max(end, at)
            if end > MAX_QUARTERS:
                raise MelodyError("a bar without an end")
        self.bars.append(Bar(end, *self.meter, measure.get("implicit") == "yes"))

    def _length(self, element: Element) -> Time:
        """The duration of an element, in quarter notes."""
        if element.find("grace") is not None:
            return Fraction(0)
        return min(max(_fraction(element.findtext("duration")), Fraction(0)) / self.divisions, Fraction(MAX_QUARTERS))

    def _offset(self, direction: Element) -> Time:
        return _fraction(direction.findtext("offset")) / self.divisions

    def _attributes(self, element: Element, at: Time) -> None:
        here = len(self.bars)
        if (text := element.findtext("divisions")) is not None:
            self.divisions = min(max(_number(text, 1), 1), MAX_DIVISIONS)
        for key in element.findall("key"):
            if (fifths := key.findtext("fifths")) is not None and key.get("number", "1") == "1":
                self.keys.append((here, at, _number(fifths, 0), (key.findtext("mode") or "").strip() == "minor"))
        for time in element.findall("time"):
            beats, beat_type = time.findtext("beats"), time.findtext("beat-type")
            if beats and beat_type and time.get("number", "1") == "1":
                meter = sum(_number(b, 0) for b in beats.split("+")), _number(beat_type, 4)
                if 1 <= meter[0] <= 64 and meter[1] in (1, 2, 4, 8, 16, 32, 64):
                    self.meter = meter
        for transpose in element.findall("transpose"):
            self.transposed = _number(transpose.findtext("chromatic"), 0) + 12 * _number(transpose.findtext("octave-change"), 0)

    def _note(self, element: Element, onset: Time, length: Time) -> None:
        pitch = self._pitch(element)
        if pitch is None or length == 0:
            return
        ties = {tie.get("type") for tie in element.findall("tie")}
        key = (element.findtext("voice") or "", pitch)
        note = self._held(key, onset) if "stop" in ties else None
        if note is not None:
            note.held.append((len(self.bars), onset, length))
        else:
            note = _Note(len(self.bars), onset, length, pitch, self._loudness(element))
            self.notes.append(note)
            if len(self.notes) > self.max_notes:
                raise MelodyError(f"more than the limit of {self.max_notes:,} notes")
        if "start" in ties:
            self.open[key] = note

    def _held(self, key: tuple[str, int], onset: Time) -> _Note | None:
        """The note that is tied to one that starts here: of the same voice, else of any."""
        if (note := self.open.pop(key, None)) is not None:
            return note
        other = next((k for k in self.open if k[1] == key[1]), None)
        return self.open.pop(other) if other else None

    def _pitch(self, element: Element) -> int | None:
        if (pitch := element.find("pitch")) is not None:
            step = STEPS.get((pitch.findtext("step") or "").strip())
            if step is None:
                return None
            self.only_unpitched = False
            alter = math.floor(_fraction(pitch.findtext("alter")) + Fraction(1, 2))
            value = 12 * (_number(pitch.findtext("octave"), 4) + 1) + step + alter + self.transposed
            return value if 0 <= value <= 127 else None
        if (unpitched := element.find("unpitched")) is not None:
            name = element.find("instrument")
            known = self.unpitched.get(name.get("id", "")) if name is not None else None
            place = (unpitched.findtext("display-step") or "").strip() + (unpitched.findtext("display-octave") or "").strip()
            return DRUMS_BY_PLACE.get(place, SNARE) if known is None else known
        return None

    def _loudness(self, element: Element) -> int:
        text = element.get("dynamics")
        return self.velocity if text is None else _velocity(_fraction(text))

    def _direction(self, element: Element, at: Time) -> None:
        for mark in element.iter("dynamics"):
            for child in mark:
                self.velocity = VELOCITIES.get(child.tag, self.velocity)
        sounds = element.findall("sound")
        for sound in sounds:
            self._sound(sound, at)
        if not any(sound.get("tempo") for sound in sounds):
            for metronome in element.iter("metronome"):
                unit = UNITS.get((metronome.findtext("beat-unit") or "").strip())
                speed = float(_fraction(metronome.findtext("per-minute")))
                if unit and speed > 0:
                    dotted = Fraction(3, 2) if metronome.find("beat-unit-dot") is not None else 1
                    self.tempi.append((len(self.bars), max(at, Fraction(0)), speed * float(unit * dotted)))

    def _sound(self, element: Element, at: Time) -> None:
        if (tempo := float(_fraction(element.get("tempo")))) > 0:
            self.tempi.append((len(self.bars), max(at, Fraction(0)), tempo))
        if (text := element.get("dynamics")) is not None:
            self.velocity = _velocity(_fraction(text))

    def finished(self, starts: list[Time]) -> Part:
        """The part, once it is known where each bar starts."""
        self.part.is_drum |= self.only_unpitched and bool(self.notes)
        for note in self.notes:
            onset = starts[note.bar] + note.onset
            end = onset + note.duration
            for bar, at, duration in note.held:
                end = max(end, starts[bar] + at + duration)
            self.part.notes.append((onset, end - onset, note.pitch, note.velocity))
        return self.part


def _velocity(percent: Fraction) -> int:
    return min(max(round(percent * FULL / 100), 1), 127)


def _number(text: str | None, default: int) -> int:
    try:
        return int(_fraction(text)) if text else default
    except (ValueError, OverflowError):
        return default


def _fraction(text: str | None) -> Fraction:
    """A number as a fraction; 0 for none. Bounded, so that 1e999999 costs nothing."""
    text = (text or "").strip()
    if not text or len(text) > 24 or "e" in text.lower() or "/" in text:
        return Fraction(0)
    try:
        return Fraction(text)
    except ValueError:
        return Fraction(0)
