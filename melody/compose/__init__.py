"""Composer: generate, continue, accompany, infill and stream, each a thin use of the one engine."""

from melody.compose.composer import Composer, load
from melody.compose.request import Request
from melody.compose.request_file import read_request
from melody.compose.stream import StreamedNote
from melody.compose.tune import Tune
from melody.compose.verbs import REQUESTS, Accompany, Continue, Generate, Infill, Vary
from melody.generate.sampling import Sampling

__all__ = [
    "REQUESTS",
    "Accompany",
    "Composer",
    "Continue",
    "Generate",
    "Infill",
    "Request",
    "Sampling",
    "StreamedNote",
    "Tune",
    "Vary",
    "load",
    "read_request",
]
