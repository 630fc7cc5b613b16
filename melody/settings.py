"""Settings: dataclass fields that carry their help, their kind and their range. One declaration serves flags, checks and docs.

    @dataclass(frozen=True, kw_only=True)
    class Request:
        bars: int | None = setting(None, "Length in bars.", kind=int, low=1, high=10_000)

        def __post_init__(self) -> None:
            check_settings(self)

Knows no command line: whoever has flags makes them from ``settings_of``. Errors name the field as Python spells it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from melody.errors import CallError
from melody.files import shown

KINDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False", Path: "a path"}
SHOWN = 60  # characters of a wrong value that an error repeats


@dataclass(frozen=True)
class Setting:
    """What is known of one field."""

    help: str
    kind: type | None = None  # int, float, str, bool or Path; None: the class checks it itself
    low: float | None = None
    high: float | None = None
    above: bool = False  # whether ``low`` itself is left out
    below: bool = False  # whether ``high`` itself is left out
    choices: tuple[str, ...] = ()  # of a text: the values that there are
    repeated: bool = False  # whether it may be given several times, each a text
    group: str = ""  # heading under which it is listed

    @property
    def range(self) -> str:
        """How the range reads: "1 to 10,000", "0 or more", "one of: fp32, bf16"; nothing where there is none."""
        if self.choices:
            return f"one of: {', '.join(self.choices)}"
        if self.low is None:
            return ""
        low = f"above {self.low:,g}" if self.above else f"{self.low:,g}"
        least = low if self.above else f"{low} or more"
        if self.high is None:
            return least
        if self.below:
            return f"{least}, below {self.high:,}"
        return f"{low}, at most {self.high:,}" if self.above else f"{low} to {self.high:,}"

    def checked(self, name: str, value: Any) -> Any:
        """The value as its own kind. Raises CallError that names the field where it is of another one, or out of range."""
        if self.kind is not None and not _is_a(self.kind, value):
            wanted = KINDS[self.kind] if not self.choices else ""
            raise CallError(f"{name} is {value_shown(value)}, must be {', '.join(t for t in (wanted, self.range) if t)}", argument=name)
        if self.kind is Path:
            value = Path(value)
        if self.kind in (int, float):
            value = self.kind(value)
            if not self._inside(value):
                raise CallError(f"{name} is {_number_shown(value)}, must be {self.range or 'finite'}", argument=name)
        if self.choices and value not in self.choices:
            raise CallError(f"{name} is {value_shown(value)}, must be {self.range}", argument=name)
        return value

    def _inside(self, value: float) -> bool:
        if isinstance(value, float) and not math.isfinite(value):
            return False
        too_low = self.low is not None and (value <= self.low if self.above else value < self.low)
        too_high = self.high is not None and (value >= self.high if self.below else value > self.high)
        return not (too_low or too_high)


def _is_a(kind: type, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    wider: dict[type, Any] = {int: Integral, float: Real, Path: str | os.PathLike}  # numpy's numbers too, and names of files
    return isinstance(value, wider.get(kind, kind))


def setting(default: Any = MISSING, help: str = "", **facts: Any) -> Any:  # noqa: A002  # as argparse and cyclopts call it
    """A dataclass field with a ``Setting``; without ``default`` it has to be given."""
    return field(default=default, metadata={"setting": Setting(help, **facts)})


def optional(kind: type, name: str, help: str = "", **facts: Any) -> Any:  # noqa: A002  # as in ``setting``
    """A field that is put over the one of another dataclass: None by default, else of its kind and range, with its help or another one."""
    found = settings_of(kind)[name]
    return field(default=None, metadata={"setting": replace(found, help=help or found.help, **facts)})


def settings_of(kind: type) -> Mapping[str, Setting]:
    """The settings of a dataclass by name, in order; fields that are none are left out."""
    return {f.name: f.metadata["setting"] for f in fields(kind) if "setting" in f.metadata}


def check_settings(values: Any) -> None:
    """Check all settings of a (frozen) dataclass instance; None is let through where it is the default. Raises CallError."""
    for f in fields(values):
        found: Setting | None = f.metadata.get("setting")
        value = getattr(values, f.name)
        if found is not None and not (value is None and f.default is None):
            object.__setattr__(values, f.name, found.checked(f.name, value))


def _number_shown(value: Any) -> str:
    """A wrong number as an error may repeat it."""
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if abs(value) < 1 << 64 else value_shown(value)


def value_shown(value: Any) -> str:
    """A wrong value as an error may repeat it: short, printable, with its type where that is the point."""
    try:
        text = shown(repr(value))
    except ValueError:  # Python does not write out whole numbers of thousands of digits
        return "too large a number"
    text = text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
    return text if isinstance(value, str | int | float | None) else f"{text} ({type(value).__name__})"
