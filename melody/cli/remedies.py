"""The remedies of errors (melody/errors.py) in the words of the command line: flags where Python has arguments."""

from __future__ import annotations

import re

from melody.errors import MelodyError, Remedy

FLAGS = {
    Remedy.REPLACE: "add --force to replace it, or choose another --output",
    Remedy.OTHER_PATH: "choose another --output",
    Remedy.MAKE_FOLDER: "create it first, or choose another --output",
    Remedy.WAIT: "wait for it, or choose another --output",
    Remedy.TORCH_ENGINE: "use --engine torch",
    Remedy.ITS_MODEL: "name that model with --model",
    Remedy.INDEX_NOTES: "write it with: melody originality --index CORPUS --model {folder}",
    Remedy.OTHER_SPLIT: "try --split {split}",
    Remedy.LENGTH: "give --steps or --minutes",
    Remedy.FULL_PRECISION: "use --precision fp32",
    Remedy.SMALLER_BATCH: "use --batch {half} (now {batch}), then lower chunk (now {chunk}) or the width (now {width}) in the recipe",
    Remedy.MORE_NOTES: "allow more with --max-notes, up to {most:,}",
    Remedy.RESUME: "add --resume to go on from its last save",
    Remedy.START_ANEW: "start the run anew with --force",
    Remedy.SEQUENCE: "choose one with --sequence 1 to {count}",
    Remedy.RESUME_OR_REPLACE: "add --resume to go on with it, or --force to start anew",
    Remedy.NO_RESUME: "start one without --resume",
    Remedy.BASE_MODEL: "name the model to start from with --from",
    Remedy.NEW_RUN: "start a new run (--from {folder} uses its weights)",
}
COMMANDS = {Remedy.INSTALL, Remedy.EXPORT, Remedy.TRAIN, Remedy.MEASURE_STYLES, Remedy.SMALLER_CHUNK}  # the same in every face


def in_flags(fault: MelodyError) -> str:
    """The line of an error with its remedy, and the arguments that it names, as flags.

    One argument stands at the beginning of the line or nowhere; of several each is where it first occurs.
    """
    line, named = fault.worded(FLAGS), fault.details.get("argument")
    start, names = (r"^", [named]) if isinstance(named, str) else (r"\b", list(named) if isinstance(named, tuple) else [])
    for name in names:
        flag = "--" + name.strip("_").replace("_", "-")
        line = re.sub(rf"{start}{re.escape(name)}(?!\w)", flag, line, count=1)
    return line
