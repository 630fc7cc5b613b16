"""``melody studio``: a page in the browser to hear, see and change music."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Printing

EXAMPLES = """\
Examples:
  melody studio
  melody studio song.mid
  melody studio --model runs/mine --port 9000 --no-browser

The page is served on this computer alone and works offline. Ctrl-C ends it. It needs the extra studio.\
"""

app = App(name="studio", help_epilogue=EXAMPLES)


@app.default
def studio(
    song: Path | None = None,
    /,
    *,
    model: str | None = None,
    engine: str | None = None,
    port: int | None = None,
    no_browser: Annotated[Flag, Parameter(name="--no-browser")] = False,
    printing: Printing = Printing(),
) -> None:
    """Open the studio: generate, see, hear and change music in the browser.

    Parameters
    ----------
    song
        MIDI file that the page opens, if it exists, and keeps up to date.
    model
        Name of a shipped model, or a model's folder.
    engine
        What runs the model: onnx (fast, without torch) or torch.
    port
        Port on this computer; by default 8337, or the next one that is free.
    no_browser
        Print the address and open nothing.
    """
    from melody.studio import serve

    def ready(address: str) -> None:
        report.result(printing, {"address": address}, [f"studio at {address}"])
        sys.stdout.flush()  # who started it through a pipe waits for the line

    serve(model, engine=engine, port=port, song=song, browser=not no_browser, ready=ready)
