"""``melody play``: a MIDI file out of the loudspeaker."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing

EXAMPLES = """\
Examples:
  melody play piece.mid
  melody play piece.mid --soundfont other.sf2

Ctrl-C ends it. It needs a sound device, and a player of the system (such as aplay) or the extra play.\
"""

app = App(name="play", help_epilogue=EXAMPLES)


@app.default
def play(file: Path, /, *, soundfont: Path | None = None, synth: str | None = None, printing: Printing = Printing()) -> None:
    """Play a MIDI file through the loudspeakers.

    Parameters
    ----------
    file
        MIDI file.
    soundfont
        Another soundfont (.sf2 or .sf3) than the one that melody brings.
    synth
        midirenderer, fluidsynth or tones; by default the first of them that is available.
    """
    from melody import notation
    from melody import render as renderer
    from melody.render.sampler import RATE

    score = notation.read(file)
    with report.waiting(printing, f"playing {report.clock(score.duration_seconds)}"):
        player = renderer.play(renderer.audio(score, RATE, soundfont, synth), RATE)
    facts = {
        "file": str(file), "seconds": round(score.duration_seconds, 3), "synthesiser": renderer.synthesiser(synth), "player": player,
    }  # fmt: skip  # as one row
    report.result(printing, facts, [])
