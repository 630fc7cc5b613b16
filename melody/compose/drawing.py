"""How values are drawn where nothing else was asked for: by style and pass, as a bundle's card says ("sampling" in its training facts).

    "sampling": {"pop909": {"notes": {"temperature": 0.95, "top_p": 0.98, "fields": {"pitch": 0.9}}, "chords": {...}}, "": {...}}

The style "" stands for those that are not named. What a user asks for multiplies: temperature times temperature, field by field;
``top_p`` is the user's where it was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from melody.bundle import FACTS, Bundle
from melody.errors import CallError, MelodyError
from melody.files import shown
from melody.generate.sampling import Sampling

PASSES = ("form", "chords", "notes")


@dataclass(frozen=True, eq=False)
class Drawing:
    """What was asked for, of a bundle, in a style (None: any)."""

    bundle: Bundle
    style: str | None
    asked: Sampling

    def of(self, written: str) -> Sampling:
        """How a pass is drawn. Errors: ``MelodyError`` for a damaged card."""
        asked = self.asked
        if written != "notes":  # in an outline what comes back is meant to
            asked = replace(asked, repetition=0, guidance=1.0, fields={})
        try:
            table = self.bundle.training.get("sampling", {})
            said: Mapping[str, Any] = table.get(self.style or "", table.get("", {})).get(written, {})
            factors = {str(name): float(factor) for name, factor in said.get("fields", {}).items()}
            fields = {name: factors.get(name, 1.0) * asked.fields.get(name, 1.0) for name in factors | dict(asked.fields)}
            top_p = float(said.get("top_p", asked.top_p)) if asked.top_p == Sampling.top_p else asked.top_p
            return replace(asked, temperature=asked.temperature * float(said.get("temperature", 1.0)), top_p=top_p, fields=fields)
        except (CallError, TypeError, ValueError, AttributeError) as fault:
            why = f'damaged "sampling" ({str(fault)[:100]}); fetch or train it again'
            raise MelodyError(f"{shown(self.bundle.folder)}/{FACTS}: {why}") from None
