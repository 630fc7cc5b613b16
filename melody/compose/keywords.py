"""Keywords of the verbs that are settings of another class: those of ``Sampling``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

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


def sampling_of(sampling: Sampling | None, drawing: Drawing) -> Sampling:
    """A whole Sampling, or one made of its settings by name."""
    if sampling is not None and drawing:
        raise CallError(f"sampling and {min(drawing)} contradict each other; give one of them", argument="sampling")
    known = Sampling.__dataclass_fields__
    for name in drawing:
        if name not in known:
            raise TypeError(f"unexpected keyword {name!r}; known: {', '.join(known)}")
    return Sampling(**drawing) if sampling is None else sampling
