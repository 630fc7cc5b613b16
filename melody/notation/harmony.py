"""``harmony`` of MusicXML as chord symbols in text; what is no chord that one could type is left out."""

from __future__ import annotations

from xml.etree.ElementTree import Element  # the tree only; safe_xml has the parser

KINDS = {
    "major": "", "minor": "m", "augmented": "aug", "diminished": "dim", "dominant": "7", "major-seventh": "maj7", "minor-seventh": "m7",
    "diminished-seventh": "dim7", "augmented-seventh": "aug7", "half-diminished": "m7b5", "major-minor": "mmaj7", "major-sixth": "6",
    "minor-sixth": "m6", "dominant-ninth": "9", "major-ninth": "maj9", "minor-ninth": "m9", "dominant-11th": "11", "major-11th": "maj11",
    "minor-11th": "m11", "dominant-13th": "13", "major-13th": "maj13", "minor-13th": "m13", "suspended-second": "sus2",
    "suspended-fourth": "sus4", "power": "5",
}  # fmt: skip  # a table
ALTERS = {"-2": "bb", "-1": "b", "0": "", "1": "#", "2": "##", "": ""}


def chord_text(harmony: Element) -> str:
    """``"F#m7/A"``; "N" for no chord, "" for what cannot be said.

    >>> from xml.etree.ElementTree import fromstring
    >>> chord_text(fromstring("<harmony><root><root-step>B</root-step><root-alter>-1</root-alter></root><kind>minor</kind></harmony>"))
    'Bbm'
    """
    kind = (harmony.findtext("kind") or "").strip()
    if kind == "none":
        return "N"
    root, bass = _name(harmony.find("root"), "root"), _name(harmony.find("bass"), "bass")
    if not root or kind not in KINDS:
        return ""
    return f"{root}{KINDS[kind]}" + (f"/{bass}" if bass else "")


def _name(element: Element | None, what: str) -> str:
    if element is None:
        return ""
    step = (element.findtext(f"{what}-step") or "").strip()
    alter = (element.findtext(f"{what}-alter") or "").strip()
    return step + ALTERS[alter] if step in tuple("ABCDEFG") and alter in ALTERS else ""
