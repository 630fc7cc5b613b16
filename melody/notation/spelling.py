"""Names of pitches by the key: which of F#4 and Gb4 is written, and whether its sign has to be."""

from __future__ import annotations

NATURALS = "FCGDAEB"  # along the line of fifths, from -1
STEP_OF = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LOWEST = -3  # of the twelve names on the line of fifths, counted from the key's own: in C from Eb (-3) to G# (8)
SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}

Name = tuple[str, int, int]  # step, alter, octave


def spelled(pitch: int, fifths: int) -> Name:
    """Step, alter (-2..2) and octave of a MIDI pitch in a key of so many sharps or flats.

    >>> spelled(61, 0), spelled(61, -4), spelled(71, -7)
    (('C', 1, 4), ('D', -1, 4), ('C', -1, 5))
    """
    place = LOWEST + fifths + (pitch * 7 - LOWEST - fifths) % 12
    alter, index = divmod(place + 1, 7)
    step = NATURALS[index]
    return step, alter, (pitch - alter - STEP_OF[step]) // 12 - 1


class Accidentals:
    """Which signs have to be written in one bar of one staff."""

    def __init__(self, fifths: int) -> None:
        order = NATURALS if fifths > 0 else NATURALS[::-1]
        self._key = dict.fromkeys(order[: abs(fifths)], 1 if fifths > 0 else -1)
        self._seen: dict[tuple[str, int], int] = {}

    def needed(self, name: Name) -> str | None:
        """The sign of a note, or None where the key, or a note before it, says the same."""
        step, alter, octave = name
        before = self._seen.get((step, octave), self._key.get(step, 0))
        self._seen[step, octave] = alter
        return SIGNS[alter] if before != alter else None
