"""Requests as files, TOML or JSON: what the command line prints as a request with --json can be given back, and gives the same bytes.

    version = 1
    verb = "generate"
    bars = 16
    chords = "Am F C G"
    seed = 7

    [sampling]
    temperature = 0.9

A file names settings of its verb and nothing else: no tune, no model, no path.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from melody.compose.request import Request
from melody.compose.verbs import REQUESTS
from melody.errors import CallError, MelodyError, unknown
from melody.files import read_bytes, shown
from melody.generate.sampling import Sampling
from melody.settings import settings_of, value_shown

VERSION = 1
MAX_BYTES = 1 << 20
LEFT_OUT = ("tune", "drums", "sequence", "max_notes")  # of a tune, which is given beside


def plain_request(request: Request) -> dict[str, Any]:
    """A request as plain values, without what is as it would be anyway. Its tune is not among them.

    >>> from melody.compose import Generate
    >>> plain_request(Generate(bars=8, chords="Am F C G", seed=3))
    {'version': 1, 'verb': 'generate', 'seed': 3, 'chords': 'Am F C G', 'bars': 8}
    """
    verb = next(name for name, kind in REQUESTS.items() if type(request) is kind)
    values = {name: getattr(request, name) for name in names_of(type(request))}
    defaults = {f.name: f.default for f in fields(request)}
    said = {n: _plain(v) for n, v in values.items() if n != "seed" and v != defaults[n]}
    order = {"version": VERSION, "verb": verb, "seed": request.seed} | dict(
        sorted(said.items(), key=lambda one: list(values).index(one[0]))
    )
    drawn = {
        f.name: _plain(getattr(request.sampling, f.name)) for f in fields(Sampling) if getattr(request.sampling, f.name) != _default(f)
    }
    return order | ({"sampling": drawn} if drawn else {})


def _default(field: Any) -> Any:
    return field.default if field.default is not MISSING else field.default_factory()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return dict(value) if isinstance(value, Mapping) else value


def names_of(kind: type[Request]) -> list[str]:
    """The settings that a file may have for a verb, beside its sampling."""
    return [name for name in settings_of(kind) if name not in LEFT_OUT]


def read_settings(path: str | os.PathLike[str], verb: str | None = None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Verb, settings and sampling of a request file; of a report that holds one, that one. ``verb``: which it must be.

    Errors: ``CallError`` for unknown keys, another version or another verb; ``MelodyError`` for a file that cannot be read.
    """
    place = Path(path)
    found = _parsed(place)
    if isinstance(found.get("request"), dict):
        found = found["request"]
    version, named = found.pop("version", None), found.pop("verb", None)
    if version != VERSION:
        raise CallError(f"{shown(place)}: version is {value_shown(version)}, must be {VERSION}", argument="request")
    if named not in REQUESTS:
        raise unknown(f"verb in {shown(place)}", str(named), REQUESTS)
    if verb is not None and named != verb:
        raise CallError(f"{shown(place)} is a request for {named}; use melody {named}", argument="request")
    sampling = found.pop("sampling", {})
    if not isinstance(sampling, dict):
        raise CallError(f"{shown(place)}: sampling is {value_shown(sampling)}, must be a table", argument="request")
    for what, given, known in (("setting", found, names_of(REQUESTS[named])), ("sampling", sampling, list(Sampling.__dataclass_fields__))):
        for name in given:
            if name not in known:
                raise unknown(f"{what} in {shown(place)}", name, known)
    return named, found, sampling


def _parsed(place: Path) -> dict[str, Any]:
    data = read_bytes(place, MAX_BYTES)
    try:
        found = json.loads(data) if place.suffix.lower() == ".json" else tomllib.loads(data.decode())
    except (ValueError, RecursionError) as fault:
        raise MelodyError(
            f"{shown(place)}: is no {place.suffix.lower().strip('.') or 'TOML'} ({' '.join(str(fault).split())[:80]})"
        ) from None
    if not isinstance(found, dict):
        raise MelodyError(f"{shown(place)}: holds no table of settings")
    return found


def read_request(path: str | os.PathLike[str], tune: Any = None) -> Request:
    r"""The request of a file, about a tune where its verb needs one. Errors: as ``read_settings``, and those of the request itself.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(f"{folder}/ask.toml").write_text('version = 1\nverb = "generate"\nbars = 4\nkey = "D dorian"\n') and None
    ...     read_request(f"{folder}/ask.toml").key
    'D dorian'
    """
    verb, settings, sampling = read_settings(path)
    kind = REQUESTS[verb]
    if "tune" in kind.__dataclass_fields__:
        settings["tune"] = tune
    elif tune is not None:
        raise CallError(f"tune: {shown(Path(path))} is a request for {verb}, which takes none", argument="tune")
    missing = missing_of(kind, settings)
    if missing:
        raise CallError(f"{shown(Path(path))}: lacks {', '.join(missing)}", argument="request")
    return kind(**settings, sampling=Sampling(**sampling))


def missing_of(kind: type[Request], settings: Mapping[str, Any]) -> list[str]:
    """Settings that a verb needs and that are not among some."""
    return [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING and f.name not in settings]
