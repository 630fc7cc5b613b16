"""Steering: what a person can say of the music that is written, each control a file, ``CONTROLS`` the table of all.

A control is settings (fields of every request: keywords, flags, request files), a check when the request is made, and a function
that changes the plan or what is asked of the outline. Most of all plans know nothing of who asked: limits, conditions, outlines.
"""

from melody.compose.steering import amounts, chords, form, parts
from melody.compose.steering.amounts import AmountSettings
from melody.compose.steering.chords import ChordSettings
from melody.compose.steering.form import FormSettings
from melody.compose.steering.parts import PartSettings
from melody.compose.steering.scene import Asked, Control, Scene

CONTROLS: tuple[Control, ...] = (form.CONTROL, parts.CONTROL, amounts.CONTROL, chords.CONTROL)  # in the order in which they steer

__all__ = ["CONTROLS", "AmountSettings", "Asked", "ChordSettings", "Control", "FormSettings", "PartSettings", "Scene"]
