"""``melody render``: a piece as a picture, as sound or as notation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Output, Printing
from melody.errors import CallError, MelodyError
from melody.files import claim, shown

EXAMPLES = """\
Examples:
  melody render piece.mid
  melody render piece.mid --png --wav
  melody render piece.mid -o roll.svg
  melody render piece.mid --musicxml
  melody render piece.mid --opus --soundfont other.sf2

Sound is at -16 LUFS. It comes from the soundfont that melody brings; --synth fluidsynth, or tones, is another way.\
"""

FORMS = ("png", "svg", "wav", "opus", "musicxml", "sheet.svg")
SOUND = ("wav", "opus")

app = App(name="render", help_epilogue=EXAMPLES)


@app.default
def render(
    file: Path,
    /,
    *,
    png: Flag = False,
    svg: Flag = False,
    wav: Flag = False,
    opus: Flag = False,
    musicxml: Flag = False,
    sheet: Flag = False,
    soundfont: Path | None = None,
    synth: str | None = None,
    output: Annotated[Output, Parameter(group="Output")] = None,
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Turn a piece into a picture, sound or notation.

    Parameters
    ----------
    file
        MIDI, MusicXML or ABC file.
    png
        A piano roll as a picture (the default).
    svg
        A piano roll as a vector drawing.
    wav
        Sound, 10 MB a minute.
    opus
        Sound, 1 MB a minute.
    musicxml
        Notation, for MuseScore and the like.
    sheet
        Notation, as a drawing (.sheet.svg).
    soundfont
        For sound: another soundfont (.sf2 or .sf3).
    synth
        For sound: midirenderer, fluidsynth or tones; by default the first of them that is available.
    output
        File to write; if there are several, each gets its own suffix; by default beside the MIDI file.
    force
        Replace files that exist.
    """
    if (soundfont or synth) and (png or svg or musicxml or sheet) and not (wav or opus):
        raise CallError("--soundfont and --synth are for sound; add --wav or --opus")
    asked = [form for form, wanted in zip(FORMS, (png, svg, wav, opus, musicxml, sheet), strict=True) if wanted]
    targets = [claim(target, force) for target in _targets(file, asked, output)]

    from melody import notation
    from melody import render as renderer

    score = notation.read(file)
    facts = {"files": [str(t) for t in targets], "notes": score.note_count, "seconds": round(score.duration_seconds, 3)}
    for target in targets:
        with report.waiting(printing, f"writing {shown(target)}"):
            if target.suffix.lower() == ".wav":
                facts["synthesiser"] = renderer.wav(score, target, soundfont=soundfont, synth=synth)
            elif target.suffix.lower() == ".opus":
                facts["synthesiser"] = renderer.opus(score, target, soundfont, synth)
            elif target.suffix.lower() == ".musicxml":
                notation.write(score, target, title=file.stem)
            elif _ending(target) == "sheet.svg":
                renderer.sheet(score, target, title=file.stem)
            else:
                renderer.roll(score, target, title=file.stem)
    tones = facts.get("synthesiser") == "simple tones"
    silent = sum(len(t.notes) for t in score.tracks if t.is_drum) if tones else 0
    if silent:
        facts["silent_notes"] = silent
        every = "all of the piece" if silent == score.note_count else f"{silent:,} of {score.note_count:,} notes"
        report.remark(printing, f"simple tones have no drums: {every} stay silent; install FluidSynth and pyfluidsynth to hear them")
    by = f" ({facts['synthesiser']})" if "synthesiser" in facts else ""
    report.result(printing, facts, [f"{shown(t)}{by if t.suffix.lower()[1:] in SOUND else ''}" for t in targets])


def _targets(file: Path, asked: list[str], output: Path | None) -> list[Path]:
    """One file a form; without a form, what the ending of ``output`` says, or a PNG."""
    if file.is_dir():
        raise MelodyError(f"{shown(file)}: is a folder, not a file")
    if output is None:
        return [file.with_suffix(f".{form}") for form in asked or ["png"]]
    if output.is_dir():
        return [output / f"{file.stem}.{form}" for form in asked or ["png"]]
    ending = _ending(output)
    if not asked:
        if ending not in FORMS:
            raise CallError(
                f"--output {shown(output)} does not end in .png, .svg, .wav, .opus or .musicxml; say what to make, for example --png"
            )
        return [output]
    if ending in FORMS and ending not in asked:
        raise CallError(f"--output {shown(output)} and --{asked[0].split('.')[0]} contradict each other")
    if ending in asked:
        return [output.with_suffix(f".{form}") if form != ending else output for form in asked]
    return [output.with_name(f"{output.name}.{form}") for form in asked]


def _ending(path: Path) -> str:
    """What a file's name says that it is: one of ``FORMS``, if any."""
    return "sheet.svg" if path.name.lower().endswith(".sheet.svg") else path.suffix.lower().removeprefix(".")
