"""What the page can ask for, made of the requests themselves: a setting of a request is a control of the page.

A new verb in ``REQUESTS`` is a button, a new setting a control, without a line here. The tables below say which settings come first
(the others are behind "More"), which are chosen in the roll, and which values are worth a list.

No text of the page names a file, whatever a setting would take on the command line: those that could are refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from melody import theory
from melody.bundle import Bundle
from melody.codec.table import DRUMS as DRUM_KIT
from melody.compose import REQUESTS, Request, Sampling
from melody.compose.known import learned_programs
from melody.compose.request import WithTune
from melody.errors import CallError, unknown
from melody.programs import DRUMS, FAMILIES, PROGRAMS
from melody.settings import Setting, settings_of, value_shown
from melody.studio import limits
from melody.studio.song import Plain, from_page

LABELS = {"infill": "Rewrite", "bars": "Length in bars", "voices": "Instruments", "top_p": "Top p", "min_p": "Min p", "top_k": "Top k"}
ORDER = ("style", "chords", "form", "key", "tempo", "meter", "bars", "voices", "strength")  # of the music, then the seed
CHOSEN = {"from_bar", "to_bar", "track"}  # by what is selected in the roll
WITHOUT = {"sequence", "max_notes", "drums"}  # what is asked of files only
METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "9/8", "12/8")
FILE = re.compile(r"\.[a-z]{3,}|[/\\]\w*[/\\]|^[/~\\]", re.IGNORECASE)  # a suffix, or a path
LEARNED = "Learned by this model"
KINDS = {int: "whole", float: "number", bool: "switch"}  # anything else is text


def form(bundle: Bundle) -> Plain:
    """Verbs, settings, and the values that a model knows, as plain values for the page.

    >>> from melody import bundle
    >>> [verb["label"] for verb in form(bundle.read())["verbs"]][:2]
    ['Generate', 'Continue']
    """
    verbs: list[Plain] = []
    controls: dict[str, Plain] = {}
    for name, request in REQUESTS.items():
        found = {n: s for n, s in settings_of(request).items() if n not in WITHOUT and s.kind is not Path}
        hole, part = _hole(found), _part(found)
        shown = {}
        for setting_name, setting in found.items():
            selected = setting_name in CHOSEN or hole and (setting_name == "part" or setting_name == "bars" and setting.kind is not int)
            if not selected:
                place = "music" if setting_name in ORDER or setting_name == "seed" else "more"
                made = _control(setting_name, setting, place, _default(request, setting_name), bundle)
                shown[setting_name] = _shared(controls, made, name)
        verbs.append(
            {
                "name": name,
                "label": label(name),
                "help": (request.__doc__ or "").split("\n")[0],
                "tune": issubclass(request, WithTune),
                "hole": hole,
                "part": part,
                "settings": shown,
            }
        )
    drawing = [_control(n, s, "drawing", _default(Sampling, n), bundle) for n, s in settings_of(Sampling).items()]
    return {
        "model": bundle.name,
        "verbs": verbs,
        "settings": sorted(controls.values(), key=lambda control: _place(control["name"])),
        "drawing": drawing,
        "instruments": _instruments(bundle),
        "programs": list(PROGRAMS),
        "limits": {"bytes": limits.UPLOAD_BYTES, "candidates": limits.CANDIDATES},
    }


def _hole(found: Mapping[str, Setting]) -> str | None:
    """The setting that says which bars a verb works on: "from_bar" (and "to_bar"), "bars" as text ("5-8"), None where it works on all."""
    if "from_bar" in found:
        return "from_bar"
    return "bars" if "bars" in found and found["bars"].kind is not int else None


def _part(found: Mapping[str, Setting]) -> str | None:
    """The setting that names the one track that a verb works on, if it has one."""
    return "track" if "track" in found else "part" if "part" in found and _hole(found) else None


def _shared(controls: dict[str, Plain], made: Plain, verb: str) -> str:
    """The control of a setting: the one that is there, where it is the same, else one of the verb's own."""
    there = controls.setdefault(made["id"], made)
    alike = ("kind", "low", "high", "choices", "default")
    if any(there[fact] != made[fact] for fact in alike):
        made = controls[f"{verb}-{made['id']}"] = made | {"id": f"{verb}-{made['id']}", "label": f"{made['label']} ({label(verb)})"}
    return str(made["id"])


def label(name: str) -> str:
    """What the page calls a verb or a setting.

    >>> label("infill"), label("style")
    ('Rewrite', 'Style')
    """
    return LABELS.get(name, name.strip("_").replace("_", " ").capitalize())


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER) + (name == "seed")


def _default(kind: type, name: str) -> Any:
    value = next(f.default for f in fields(kind) if f.name == name)
    return None if value is MISSING or name == "seed" or not isinstance(value, int | float | str | bool) else value


def _control(name: str, setting: Setting, place: str, default: Any, bundle: Bundle) -> Plain:
    return {
        "id": name,
        "name": name,
        "label": label(name),
        "help": setting.help,
        "kind": "instruments" if name == "voices" else KINDS.get(setting.kind or str, "text"),
        "low": setting.low,
        "high": setting.high,
        "choices": list(setting.choices) or (sorted(bundle.codec.styles) if name == "style" else []),
        "suggestions": _suggestions(name),
        "default": default,
        "place": place,
    }


def _suggestions(name: str) -> list[str]:
    if name == "key":
        return [theory.key_name(key) for key in range(24)]
    return list(METERS) if name == "meter" else []


def _instruments(bundle: Bundle) -> list[Plain]:
    """All of General MIDI and drums: those that a model has learned first, the best known before the others."""
    known = learned_programs(bundle) or {}
    learned = sorted(known, key=lambda p: -known[p])
    further = [p for p in (DRUM_KIT, *range(128)) if p not in known]
    return [
        {
            "name": DRUMS if p == DRUM_KIT else PROGRAMS[p],
            "family": LEARNED if p in known else "Drums" if p == DRUM_KIT else FAMILIES[p // 8],
        }
        for p in (*learned, *further)
    ]


def requests_of(asked: Any) -> list[Request]:
    """The requests of one press of a button, one a candidate: their seeds follow each other. Errors: ``CallError``, ``MelodyError``.

    ``asked``: {"verb", "settings", "drawing", "candidates", "song"}, the song where the verb needs one.

    >>> [r.seed for r in requests_of({"verb": "generate", "settings": {"bars": 4, "seed": 7}, "candidates": 2})]
    [7, 8]
    """
    if not isinstance(asked, Mapping):
        raise CallError("a request must be an object", argument="verb")
    verb, candidates = asked.get("verb"), asked.get("candidates", 1)
    if not isinstance(verb, str) or verb not in REQUESTS:
        raise unknown("verb", str(verb), REQUESTS)
    if type(candidates) is not int or not 1 <= candidates <= limits.CANDIDATES:
        raise CallError(f"candidates is {value_shown(candidates)}, must be 1 to {limits.CANDIDATES}", argument="candidates")
    request = REQUESTS[verb]
    known = settings_of(request)
    given = _named(asked.get("settings", {}), {n for n in known if n not in WITHOUT}, "setting")
    seed = known["seed"].checked("seed", given.pop("seed", 0))
    drawing = Sampling(**_named(asked.get("drawing", {}), set(settings_of(Sampling)), "setting"))
    if issubclass(request, WithTune):
        given["tune"] = from_page(asked.get("song"))
    missing = [f.name for f in fields(request) if f.default is MISSING and f.default_factory is MISSING and f.name not in given]
    if missing:
        raise CallError(f"{missing[0]} is missing", argument=missing[0])
    return [request(**given, sampling=drawing, seed=seed + n) for n in range(candidates)]


def _named(values: Any, known: set[str], what: str) -> dict[str, Any]:
    """Values by name, those of them that are set."""
    if not isinstance(values, Mapping):
        raise CallError(f"{what}s must be an object", argument=what)
    for name in values:
        if name not in known:
            raise unknown(what, str(name), known)
        for text in value if isinstance(value := values[name], list) else [value]:
            if isinstance(text, str) and FILE.search(text):
                raise CallError(f"{name} is {value_shown(text)}: the page cannot name files; open them in the page instead", argument=name)
    return {name: value for name, value in values.items() if value is not None}
