"""Hear and see a Score: audio and WAV, a piano roll as PNG or SVG, a piano roll in the terminal.

matplotlib and FluidSynth are imported when first used; both are optional (``pip install melody[render,audio]``). Changes no Score.
"""

from melody.render.console import terminal
from melody.render.pianoroll import roll
from melody.render.synth import audio, synthesiser, wav

__all__ = ["audio", "roll", "synthesiser", "terminal", "wav"]
