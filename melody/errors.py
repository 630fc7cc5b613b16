"""What a user can get wrong, as exceptions that read as one line.

The command line prints the message alone and leaves with ``status``; a library user catches ``MelodyError``.
A message names the thing and says what to do about it. Nothing here knows files, music or torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MelodyError(Exception):
    """The work failed: a bad file, a full disk, a piece that cannot be accompanied."""

    status = 1


class CallError(MelodyError):
    """The call was wrong: a flag out of range, two flags that contradict, an unknown name."""

    status = 2


def unknown(kind: str, name: str, known: Iterable[str]) -> CallError:
    """A ``CallError`` for a name that is not among ``known``, with the nearest one as a suggestion."""
    names = sorted(known)
    folded = {n.lower(): n for n in names}
    near = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.5)
    listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    hint = f"did you mean {folded[near[0]]!r}?" if near else f"known: {listed or 'none'}"
    return CallError(f"unknown {kind} {name!r}; {hint}")
