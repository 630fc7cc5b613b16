"""User-facing exceptions. Every message is one line: the reason, and where there is something to do about it, the remedy.

A remedy is a key, because each face words it in its own way: Python says "pass force=True", the command line "add --force"
(cli/remedies.py). The command line prints the line alone and leaves with ``status``; a library user catches ``MelodyError``.
Nothing here knows files, music or torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import Enum, unique

MAX_NAME = 60  # characters of a wrong name that an error repeats


@unique
class Remedy(Enum):
    """What a person can do about an error, in Python's words; ``{names}`` are filled in from the error's details."""

    REPLACE = "pass force=True to replace it, or choose another path"
    OTHER_PATH = "choose another path"
    MAKE_FOLDER = "create it first, or choose another path"
    WAIT = "wait for it, or choose another folder"
    INSTALL = "install it with: pip install '{requirement}'"
    TORCH_ENGINE = 'use engine="torch"'
    ITS_MODEL = "load that model"
    EXPORT = "write it with: melody export {folder}"
    TRAIN = "train one with: melody train CORPUS -o RUN"
    MEASURE_STYLES = "write it with: melody typical {folder} CORPUS"
    INDEX_NOTES = "write it with melody originality, from the corpus that it learned from"
    OTHER_SPLIT = "try the split {split!r}"
    LENGTH = "set steps or minutes"
    FULL_PRECISION = 'use precision "fp32"'
    SMALLER_BATCH = "lower batch (now {batch}), then chunk (now {chunk}) or the model's width (now {width}) in the recipe"
    SMALLER_CHUNK = "lower chunk (now {chunk}) or the model's width (now {width}) in the recipe; batch is 1 already"
    MORE_NOTES = "allow more with max_notes, up to {most:,}"
    RESUME = "resume it from its last save"
    START_ANEW = "start the run anew, replacing what is there (force)"
    SEQUENCE = "choose one with sequence=1 to {count}"
    RESUME_OR_REPLACE = "pass resume=True to go on with it, or force=True to start anew"
    NO_RESUME = "start one without resume"
    BASE_MODEL = "name the model to start from with from_"
    NEW_RUN = "start a new run from the weights in {folder}"


class MelodyError(Exception):
    """The work failed: a bad file, a full disk, a piece that cannot be accompanied.

    >>> from melody import midi
    >>> try:
    ...     midi.read("nothing.mid")
    ... except MelodyError as fault:
    ...     print(fault)
    nothing.mid: no such file
    """

    status = 1

    def __init__(self, reason: str, remedy: Remedy | None = None, **details: object) -> None:
        """``reason``: what is wrong, naming the thing. ``details``: what the remedy's words have gaps for."""
        super().__init__(reason)
        self.reason, self.remedy, self.details = reason, remedy, details

    def __str__(self) -> str:
        return self.worded({})

    def worded(self, words: Mapping[Remedy, str]) -> str:
        """The line with the remedy in the words of another face; in Python's where ``words`` has none."""
        if self.remedy is None:
            return self.reason
        return f"{self.reason}; {words.get(self.remedy, self.remedy.value).format(**self.details)}"

    def noting(self, note: str) -> MelodyError:
        """The same error whose reason says something more, for example what was kept."""
        return type(self)(f"{self.reason}; {note}", self.remedy, **self.details)


class CallError(MelodyError):
    """The call was wrong: an argument out of range, two that contradict each other, an unknown name.

    >>> from melody.theory import parse_key
    >>> try:
    ...     parse_key("H minor")
    ... except CallError as fault:
    ...     print(fault, fault.status)
    unknown key 'H minor'; did you mean 'G minor'? 2
    """

    status = 2


def unknown(kind: str, name: str, known: Iterable[str]) -> CallError:
    """A ``CallError`` for a name that is not among ``known``, with the nearest one as a suggestion."""
    names = sorted(known)
    asked = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "..."
    folded = {n.lower(): n for n in names}
    near = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.5)
    listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    hint = f"did you mean {folded[near[0]]!r}?" if near else f"known: {listed or 'none'}"
    return CallError(f"unknown {kind} {asked!r}; {hint}")
