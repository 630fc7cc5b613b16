"""Groove: how people play what is written, learned from drummers and pianists as a small table, put on a piece, or taken off it.

    humanise   timing and velocities as people have them, a swing, the groove of another piece; or the grid (``apply.py``, the verb's work)

Conventions
    order      of onsets, and of the velocities of a track, stays: what was louder is not softer afterwards
    time       in quarter notes; a piece without a beat is refused

The table is learned from the drum performances of Groove MIDI (Gillick, Roberts, Engel, Eck and Bamman, "Learning to Groove with Inverse
Sequence Transformations", ICML 2019; CC BY 4.0) and from POP909 (Wang and others, ISMIR 2020; MIT): means and deviations, no notes of them.
"""

from melody.groove.apply import Humanise, humanise

__all__ = ["Humanise", "humanise"]
