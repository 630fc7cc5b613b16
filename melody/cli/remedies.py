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
    Remedy.MEASURE_STYLES: "write it with: python benchmarks/best.py CORPUS --write --model {folder}",
    Remedy.OTHER_SPLIT: "try --split {split}",
    Remedy.LENGTH: "give --steps or --minutes",
    Remedy.FULL_PRECISION: "use --precision fp32",
    Remedy.SMALLER_BATCH: "use --batch {half} (now {batch}), then lower chunk (now {chunk}) or the width (now {width}) in the recipe",
    Remedy.RESUME: "add --resume to go on from its last save",
    Remedy.START_ANEW: "start the run anew with --force",
    Remedy.SEQUENCE: "choose one with --sequence 1 to {count}",
    Remedy.NEW_RUN: "start a new run (--from {folder} uses its weights)",
}
COMMANDS = {Remedy.INSTALL, Remedy.EXPORT, Remedy.TRAIN, Remedy.SMALLER_CHUNK}  # the same in every face


def in_flags(fault: MelodyError) -> str:
    """The line of an error with its remedy, and the argument that it names, as flags."""
    line, argument = fault.worded(FLAGS), str(fault.details.get("argument", ""))
    if argument and re.match(rf"{re.escape(argument)}\b", line):
        return f"--{argument.replace('_', '-')}{line[len(argument) :]}"
    return line
