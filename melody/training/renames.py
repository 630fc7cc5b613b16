"""Recipe keys that were called otherwise: files, bundles and saved runs of earlier versions keep working. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENAMED = {  # section: {old key: key}
    "train": {"reach": "interpolation"},
    "given": {"live": "causal"},
}


def with_new_names(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Nested plain values of a recipe under the keys of today. Where a file has both keys the newer one wins.

    >>> with_new_names({"train": {"reach": 0.2, "rate": 0.001}})
    {'train': {'interpolation': 0.2, 'rate': 0.001}}
    """
    out = dict(recipe)
    for section, names in RENAMED.items():
        entries = out.get(section)
        if isinstance(entries, Mapping):
            renamed = {names[key]: value for key, value in entries.items() if key in names}
            out[section] = renamed | {key: value for key, value in entries.items() if key not in names}
    return out
