"""One part of a MusicXML file: its instruments, staves and clefs, and the notes of each bar as text."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from melody.notation.rhythm import MAX_VOICES, Chord, Value, voices, written
from melody.notation.spelling import Accidentals, spelled
from melody.programs import program_name
from melody.score import Table, Track

FULL = 90  # the velocity that MusicXML calls 100 %
MIDDLE_C = 60
KEYBOARDS = {*range(24), 46, *range(88, 96)}  # programs that are written on two staves where they need them
VIOLA = 41
CLEFS = {"treble": ("G", 2), "alto": ("C", 3), "bass": ("F", 4)}
BASS_BELOW = 57  # a staff whose middle note is lower has the bass clef
PLACES = {
    35: "E4", 36: "F4", 37: "C5", 38: "C5", 39: "C5", 40: "C5", 41: "G4", 42: "G5", 43: "A4", 44: "D4", 45: "B4", 46: "G5", 47: "D5",
    48: "E5", 49: "A5", 50: "F5", 51: "F5", 52: "C6", 53: "F5", 54: "B5", 55: "B5", 56: "E5", 57: "A5", 59: "F5",
}  # fmt: skip  # drum: place on the staff
CROSSES = {37, 42, 44, 46, 49, 51, 52, 53, 55, 57, 59}  # drums with a cross for a head
SNARE_PLACE = "C5"

Pieces = list[list[tuple[int, Chord]]]  # of each voice: step of the chord's bar and the chord


def escaped(text: str) -> str:
    """Text as XML holds it: no character that it forbids."""
    return escape("".join(c for c in text if c.isprintable()).encode("utf-8", "ignore").decode(), quote=False)


class PartWriter:
    """Writes one track. Its times are steps, its notes do not overlap on a pitch."""

    def __init__(self, identifier: str, name: str, channel: int, track: Track) -> None:
        self.id, self.name, self.channel, self.track = identifier, name, channel, track
        self.notes: Table = track.notes
        self.start = track.notes["onset"].tolist()
        self.end = (track.notes["onset"] + track.notes["duration"]).tolist()
        self.pitch = track.notes["pitch"].tolist()
        self.dynamics = [f"{v * 100 / FULL:.2f}" for v in range(128)]
        self.staves = self._staves()
        self.voices = [self._voices(np.array(staff, np.int64)) for staff in self.staves]
        self._at = [[0] * len(v) for v in self.voices]  # first chord of each voice that has not ended

    def _staves(self) -> list[list[int]]:
        """Indices of the notes of each staff: keyboards that go beyond one have two, parted at middle C."""
        every = list(range(len(self.notes)))
        upper = [i for i in every if self.pitch[i] >= MIDDLE_C]
        lower = [i for i in every if self.pitch[i] < MIDDLE_C]
        two = not self.track.is_drum and self.track.program in KEYBOARDS and min(len(upper), len(lower)) * 10 > len(every)
        return [upper, lower] if two else [every]

    def _voices(self, staff: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[list[Chord]]:
        """The voices of a staff over the whole piece, chords by the numbers of the part's notes."""
        if not len(staff):
            return [[]]
        numbers = staff.tolist()
        found = voices([(self.start[i], self.end[i]) for i in numbers])
        return [[Chord(c.start, c.end, tuple(numbers[n] for n in c.notes)) for c in voice] for voice in found]

    def head(self) -> Iterator[str]:
        """The part's entry in the list of parts."""
        yield f'<score-part id="{self.id}"><part-name>{escaped(self.name)}</part-name>'
        drums = sorted(set(self.pitch)) if self.track.is_drum else []
        names = [(f"{self.id}-I{p + 1}", f"Drum {p}", p) for p in drums] or [(f"{self.id}-I1", program_name(self.track.program), -1)]
        for identifier, name, _ in names:
            yield f'<score-instrument id="{identifier}"><instrument-name>{escaped(name)}</instrument-name></score-instrument>'
        for identifier, _, pitch in names:
            yield f'<midi-instrument id="{identifier}"><midi-channel>{self.channel}</midi-channel>'
            yield f"<midi-program>{self.track.program + 1}</midi-program>"
            yield f"<midi-unpitched>{pitch + 1}</midi-unpitched>" if pitch >= 0 else ""
            yield "</midi-instrument>"
        yield "</score-part>\n"

    def clefs(self) -> Iterator[str]:
        """The number of staves and their clefs, as attributes."""
        if len(self.staves) > 1:
            yield f"<staves>{len(self.staves)}</staves>"
        for number, staff in enumerate(self.staves, start=1):
            which = f' number="{number}"' if len(self.staves) > 1 else ""
            if self.track.is_drum:
                yield f"<clef{which}><sign>percussion</sign></clef>"
                continue
            middle = float(np.median([self.pitch[i] for i in staff])) if staff else MIDDLE_C
            name = "alto" if self.track.program == VIOLA else "bass" if middle < BASS_BELOW else "treble"
            sign, line = CLEFS[name]
            yield f"<clef{which}><sign>{sign}</sign><line>{line}</line></clef>"

    def bar(self, start: int, end: int, fifths: int) -> Iterator[str]:
        """The notes of one bar; bars are asked for in order."""
        length = end - start
        first = True
        for staff, found in enumerate(self.voices):
            signs = Accidentals(fifths)
            for number in range(len(found)):
                chords = self._inside(staff, number, start, end)
                if number and not chords:
                    continue
                if not first:
                    yield f"<backup><duration>{length}</duration></backup>\n"
                first = False
                voice = staff * MAX_VOICES + number + 1
                if not chords:
                    yield f'<note><rest measure="yes"/><duration>{length}</duration><voice>{voice}</voice>{self._staff(staff)}</note>\n'
                    continue
                for value in written(chords, length):
                    yield from self._symbol(value, start, voice, staff, fifths, signs, hidden=number > 0)

    def _inside(self, staff: int, number: int, start: int, end: int) -> list[Chord]:
        """The chords of a voice in a bar, cut at its lines, in steps since its start."""
        chords, at = self.voices[staff][number], self._at[staff][number]
        while at < len(chords) and chords[at].end <= start:
            at += 1
        self._at[staff][number] = at
        out = []
        while at < len(chords) and chords[at].start < end:
            chord = chords[at]
            out.append(Chord(max(chord.start, start) - start, min(chord.end, end) - start, chord.notes))
            at += 1
        return out

    def _staff(self, staff: int) -> str:
        return f"<staff>{staff + 1}</staff>" if len(self.staves) > 1 else ""

    def _symbol(self, value: Value, start: int, voice: int, staff: int, fifths: int, signs: Accidentals, *, hidden: bool) -> Iterator[str]:
        """A rest, or the notes of a chord."""
        shape = f"<type>{value.type}</type>" + ("<dot/>" if value.dotted else "")
        modified = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
        group = modified if value.triplet else ""
        marks = ('<tuplet type="start"/>' if value.opens else "") + ('<tuplet type="stop"/>' if value.closes else "")
        place = self._staff(staff)
        if not value.notes:
            shown = ' print-object="no"' if hidden else ""
            notations = f"<notations>{marks}</notations>" if marks else ""
            yield f"<note{shown}><rest/><duration>{value.length}</duration><voice>{voice}</voice>{shape}{group}{place}{notations}</note>\n"
            return
        for nth, note in enumerate(sorted(value.notes, key=lambda n: self.pitch[n])):
            stops = self.start[note] < start + value.start
            starts = self.end[note] > start + value.start + value.length
            ties = ('<tie type="stop"/>' if stops else "") + ('<tie type="start"/>' if starts else "")
            tied = ties.replace("<tie ", "<tied ") + (marks if nth == 0 else "")
            chord = "<chord/>" if nth else ""
            what, sign, head = self._named(note, fifths, signs)
            dynamics = self.dynamics[int(self.notes["velocity"][note])]
            notations = f"<notations>{tied}</notations>" if tied else ""
            yield (
                f'<note dynamics="{dynamics}">{chord}{what}<duration>{value.length}</duration>{ties}{self._instrument(note)}'
                f"<voice>{voice}</voice>{shape}{'' if stops else sign}{group}{head}{place}{notations}</note>\n"
            )

    def _instrument(self, note: int) -> str:
        return f'<instrument id="{self.id}-I{self.pitch[note] + 1}"/>' if self.track.is_drum else ""

    def _named(self, note: int, fifths: int, signs: Accidentals) -> tuple[str, str, str]:
        """Pitch, accidental and head of a note."""
        pitch = self.pitch[note]
        if self.track.is_drum:
            place = PLACES.get(pitch, SNARE_PLACE)
            head = "<notehead>x</notehead>" if pitch in CROSSES else ""
            return f"<unpitched><display-step>{place[0]}</display-step><display-octave>{place[1]}</display-octave></unpitched>", "", head
        name = spelled(pitch, fifths)
        needed = signs.needed(name)
        sign = f"<accidental>{needed}</accidental>" if needed else ""
        alter = f"<alter>{name[1]}</alter>" if name[1] else ""
        return f"<pitch><step>{name[0]}</step>{alter}<octave>{name[2]}</octave></pitch>", sign, ""
