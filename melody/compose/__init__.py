"""Composer: generate, continue, accompany, infill and stream, each a thin use of the one engine."""

from melody.compose.composer import Composer, load
from melody.compose.request import Accompany, Continue, Generate, Infill, Request
from melody.generate.sampling import Sampling

__all__ = ["Accompany", "Composer", "Continue", "Generate", "Infill", "Request", "Sampling", "load"]
