"""Keywords that the verbs of a Composer have in common, beside those that each spells out: drawing, steering, how a tune is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from melody.errors import CallError
from melody.generate.sampling import Sampling


class Drawing(TypedDict, total=False):
    """The settings of ``Sampling`` as keywords of the verbs."""

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    guidance: float
    repetition: int
    fields: Mapping[str, float]


class Steering(Drawing, total=False):
    """What can be asked of the music by every verb (``compose/steering/``), and how it is drawn."""

    chords: str | None
    progression: str | None
    density: str | float | None
    polyphony: int | None
    range: str | None
    part: str | int | Sequence[str | int]
    original: int | None
    passes: bool


class Sections(Steering, total=False):
    """The same with a form, for verbs that write bars of their own."""

    form: str | None
    returns: str


class OfTune(Steering, total=False):
    """What verbs about a tune take: how it is read."""

    drums: str | None
    sequence: int | None
    beats: str
    max_notes: int


class Continuing(OfTune, total=False):
    """The same with a form."""

    form: str | None
    returns: str


FURTHER = frozenset((Sections.__annotations__ | Continuing.__annotations__).keys() - Drawing.__annotations__.keys())


def settings_of(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keywords that are no drawing: settings of a request."""
    return {name: value for name, value in keywords.items() if name in FURTHER}


def sampling_of(sampling: Sampling | None, keywords: Mapping[str, Any]) -> Sampling:
    """A whole Sampling, or one made of its settings by name."""
    drawing = {name: value for name, value in keywords.items() if name not in FURTHER}
    if sampling is not None and drawing:
        raise CallError(f"sampling and {min(drawing)} contradict each other; give one of them", argument="sampling")
    known = Sampling.__dataclass_fields__
    for name in drawing:
        if name not in known:
            raise TypeError(f"unexpected keyword {name!r}; known: {', '.join((*known, *sorted(FURTHER)))}")
    return Sampling(**drawing) if sampling is None else sampling
