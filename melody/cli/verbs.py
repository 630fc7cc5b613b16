"""The command of a verb that writes music, made from its request: settings become flags, their help becomes help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from melody.cli.options import Count, Performing, Writing, flags_of
from melody.cli.pieces import write_pieces
from melody.compose.request import Request, WithTune
from melody.generate.sampling import Sampling

TuneFile = Annotated[Path, Parameter(help="MIDI, MusicXML or ABC file with the tune.")]


def writing_verb(name: str, request: type[Request], examples: str, stem: str) -> App:
    """The App of one verb. ``stem`` names the files that it writes: "generated" gives generated-7.mid."""
    music_flags, drawing_flags = flags_of(request, "Music", draws_seed=True), flags_of(Sampling, "Sampling")
    app = App(name=name, help=(request.__doc__ or "").split("\n")[0], help_epilogue=examples)

    def new(*, n: Any, music: Any, drawing: Any = drawing_flags(), performing: Any = Performing(), writing: Any = Writing()) -> None:
        write_pieces(request, stem, n, music, drawing, performing, writing)

    def about_a_tune(
        tune: Any, /, *, n: Any, music: Any, drawing: Any = drawing_flags(), performing: Any = Performing(), writing: Any = Writing()
    ) -> None:
        write_pieces(request, f"{tune.stem}-{stem}", n, music, drawing, performing, writing, tune)

    call: Any = about_a_tune if issubclass(request, WithTune) else new
    call.__kwdefaults__ = {**call.__kwdefaults__, "n": 1, "music": music_flags()}
    call.__annotations__ |= {
        "tune": TuneFile,
        "n": Count,
        "music": music_flags,
        "drawing": drawing_flags,
        "performing": Performing,
        "writing": Writing,
    }
    app.default(call)
    return app
