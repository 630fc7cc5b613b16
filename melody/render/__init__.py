"""Hear and see a Score: audio, WAV and Opus, the loudspeaker, a piano roll as PNG or SVG, or in the
terminal, a page of notation.

matplotlib, FluidSynth, miniaudio and verovio are imported when first used; they are optional (``melody/extras.py``). Changes no Score.
"""

from melody.render.console import terminal
from melody.render.engraving import sheet
from melody.render.pianoroll import roll
from melody.render.player import play
from melody.render.recording import opus, wav
from melody.render.synth import SYNTHESISERS, audio, synthesiser

__all__ = ["SYNTHESISERS", "audio", "opus", "play", "roll", "sheet", "synthesiser", "terminal", "wav"]
