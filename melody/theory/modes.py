"""Keys with a mode: "D dorian", "A harmonic minor", "C pentatonic". The scale, and the key (0..23) that is nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

from melody.errors import CallError, unknown
from melody.theory.keys import key_name, key_signature, parse_key

# name: steps above the tonic, whether the tonic's chord is minor, fifths of its signature beside those of the major key on the tonic
MODES: dict[str, tuple[tuple[int, ...], bool, int]] = {
    "ionian": ((0, 2, 4, 5, 7, 9, 11), False, 0),
    "dorian": ((0, 2, 3, 5, 7, 9, 10), True, -2),
    "phrygian": ((0, 1, 3, 5, 7, 8, 10), True, -4),
    "lydian": ((0, 2, 4, 6, 7, 9, 11), False, 1),
    "mixolydian": ((0, 2, 4, 5, 7, 9, 10), False, -1),
    "aeolian": ((0, 2, 3, 5, 7, 8, 10), True, -3),
    "locrian": ((0, 1, 3, 5, 6, 8, 10), True, -5),
    "natural minor": ((0, 2, 3, 5, 7, 8, 10), True, -3),
    "harmonic minor": ((0, 2, 3, 5, 7, 8, 11), True, -3),
    "melodic minor": ((0, 2, 3, 5, 7, 9, 11), True, -3),
    "pentatonic": ((0, 2, 4, 7, 9), False, 0),
    "minor pentatonic": ((0, 3, 5, 7, 10), True, -3),
    "blues": ((0, 3, 4, 5, 6, 7, 9, 10), False, 0),
}
KEYS_IN = {False: (0, 2, 4, 5, 7, 9, 11), True: (0, 2, 3, 5, 7, 8, 10, 11)}  # minor: natural and harmonic


@dataclass(frozen=True)
class Scale:
    """A key of some mode: ``key`` 0..23 with the same tonic, pitch classes, and the fifths of its signature.

    >>> parse_scale("D dorian").pitch_classes
    (2, 4, 5, 7, 9, 11, 0)
    """

    key: int
    steps: tuple[int, ...]
    fifths: int
    mode: str = ""  # "" for plain major and minor

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """From the tonic up."""
        return tuple((self.key + step) % 12 for step in self.steps)

    @property
    def degrees(self) -> tuple[int, ...] | None:
        """The seven steps that Roman numerals count in; None for those of plain major and minor."""
        return self.steps if self.mode and len(self.steps) == 7 else None

    @property
    def name(self) -> str:
        """``"D dorian"``, ``"A minor"``."""
        return f"{key_name(self.key).split()[0]} {self.mode}" if self.mode else key_name(self.key)


def parse_scale(text: str) -> Scale:
    """A key as ``parse_key`` reads it, or a tonic and one of ``MODES``. Errors: ``CallError``.

    >>> parse_scale("Bb lydian").name, parse_scale("Am").name
    ('Bb lydian', 'A minor')
    """
    tonic, _, mode = " ".join(text.replace("_", " ").split()).partition(" ")
    if mode.lower() in ("", "major", "maj", "minor", "min", "m", "M"):
        return _plain(parse_key(text))
    try:
        root = parse_key(tonic)
    except CallError:
        raise unknown("key", text, [key_name(k) for k in range(24)]) from None
    if root >= 12 or mode.lower() not in MODES:
        raise unknown("mode of a key", mode, ["major", "minor", *MODES])
    steps, minor, beside = MODES[mode.lower()]
    fifths = (root * 7 + 5) % 12 - 5 + beside
    return Scale(root + 12 * minor, steps, (fifths + 6) % 12 - 6, mode.lower())


def scale_of_mode(key: int) -> Scale:
    """The scale of a plain key, 0..23; a minor one has both sevenths.

    >>> scale_of_mode(21).steps
    (0, 2, 3, 5, 7, 8, 10, 11)
    """
    return _plain(key)


def _plain(key: int) -> Scale:
    return Scale(key, KEYS_IN[key >= 12], key_signature(key)[0])
