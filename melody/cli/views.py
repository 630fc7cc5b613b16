"""What ``inspect`` knows of each kind of thing: its facts as plain values, and what to print of them (rich)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from melody import bundle, midi, notation, programs, render, sources, theory
from melody.cli.report import clock
from melody.compose.known import learned_programs
from melody.compose.tune import Tune, with_drums
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.files import shown
from melody.score import Score
from melody.theory.lead_sheet import lines_of_four
from melody.theory.sections import form_text

View = tuple[dict[str, Any], list[Any]]  # facts for --json, renderables
WIDEST = 120  # columns
MAX_LINES = 8  # of chords, four bars each
MAX_ROWS = 24  # tracks or styles that are listed


def midi_file(path: Path, drums: str | None = None, sequence: int | None = None) -> View:
    """Tracks, length, key, tempo, meter, and a piano roll. ``drums``, ``sequence``: as for ``Tune.of``."""
    tune = Tune(with_drums(notation.read(path, sequence=sequence), drums, path.name), path.name)
    score = tune.score
    lead, _ = theory.lead_track(score)
    tempi = sorted({round(60e6 / int(m), 2) for m in score.tempi["mspq"]})
    meters = list(dict.fromkeys(f"{row['numerator']}/{row['denominator']}" for row in score.meters))
    tracks = [_track(score, index, index == lead) for index in range(len(score.tracks))]
    chords, written = theory.chords_in(score, midi.markers(score))
    form = form_text(theory.sections_of(score))
    facts: dict[str, Any] = {
        "kind": "midi",
        "files": [str(path)],
        "notes": score.note_count,
        "seconds": round(score.duration_seconds, 3),
        "bars": theory.bar_count(score),
        "key": theory.key_name(theory.key_of(score)),
        "tempo": tempi if len(tempi) <= 2 else [tempi[0], tempi[-1]],
        "meters": meters,
        "ticks_per_quarter": score.ticks_per_quarter,
        "form": form,
        "chords": {"written": written, "bars": theory.lead_sheet(score, chords)},
        "tracks": tracks,
        "doubts": tune.doubts(),
    }
    tempo = " to ".join(f"{bpm:g}" for bpm in facts["tempo"])
    length = f"{facts['bars']} bars, {clock(facts['seconds'])}"
    head = f"{length}, {facts['key']}, {tempo} quarter notes a minute, {' '.join(meters[:8])}, {score.note_count:,} notes"
    table = _table("track", "name", "instrument", "notes", "range", "")
    for number, t in enumerate(tracks[:MAX_ROWS], start=1):
        table.add_row(str(number), shown(t["name"]), t["instrument"], f"{t['notes']:,}", t["range"], "the tune" if t["lead"] else "")
    shows: list[Any] = [Text(shown(path), style="bold"), Text(head), table]
    if len(tracks) > MAX_ROWS:
        shows.append(Text(f"and {len(tracks) - MAX_ROWS} more tracks"))
    if form:
        shows.append(Text(f"form {form}"))
    lines = lines_of_four(facts["chords"]["bars"])
    shows += [Text(f"chords {'by its markers' if written else 'by its notes'}")] * bool(lines) + [Text(line) for line in lines[:MAX_LINES]]
    shows += [Text(f"and {len(lines) - MAX_LINES} more lines: melody chords {shown(path)}")] * (len(lines) > MAX_LINES)
    return facts, [*shows, _roll(score)]


def archive(path: Path) -> View:
    """The MIDI files of an archive by style, and what in it is not read. Raises MelodyError if it cannot be listed."""
    found = list(sources.find([path]))
    if len(found) == 1 and found[0].entry is None:
        raise MelodyError(f"{shown(path)}: {found[0].fault}")
    faults = {s.path: s.fault or s.entry.fault for s in found if s.entry is not None and (s.fault or s.entry.fault)}
    read = [s for s in found if s.path not in faults]
    styles = dict(sorted(Counter(s.style for s in read).items(), key=lambda item: -item[1]))
    size = sum(s.entry.size for s in read if s.entry is not None)
    facts = {"kind": "archive", "files": [str(path)], "midi": len(read), "bytes": size, "styles": styles, "not_read": faults}
    table = _table("style", "pieces")
    for name, count in list(styles.items())[:MAX_ROWS]:
        table.add_row(shown(name), f"{count:,}")
    lines = [f"{shown(name)}: {fault}" for name, fault in list(faults.items())[:MAX_ROWS]]
    head = f"{len(read):,} MIDI files, {size:,} bytes unpacked; {len(faults):,} entries are not read"
    return facts, [Text(shown(path), style="bold"), Text(head), table, *map(Text, lines)]


def _track(score: Score, index: int, lead: bool) -> dict[str, Any]:
    track = score.tracks[index]
    pitches = track.notes["pitch"]
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (0, 0)
    return {
        "name": track.name,
        "program": track.program,
        "instrument": programs.program_name(track.program, track.is_drum),
        "drums": track.is_drum,
        "notes": len(track.notes),
        "range": f"{theory.pitch_name(low)}-{theory.pitch_name(high)}" if len(pitches) and not track.is_drum else "",
        "lead": lead,
    }


class _Roll:
    """A piano roll as wide as the console that prints it."""

    def __init__(self, score: Score) -> None:
        self.score = score

    def __rich_console__(self, console: Any, options: Any) -> Any:
        yield render.terminal(self.score, width=max(20, min(options.max_width, WIDEST)))


def first_notes(score: Score, count: int = 12) -> str:
    """How a piece begins, a line a track: quarter, pitch, length in quarters ("1.00 C4 0.50")."""
    quarter = score.ticks_per_quarter
    lines = []
    for track in score.tracks:
        notes = [
            f"{n['onset'] / quarter:.2f} {theory.pitch_name(int(n['pitch']))} {n['duration'] / quarter:.2f}" for n in track.notes[:count]
        ]
        lines.append(f"  {_printable(track.name) or 'track'}: " + ", ".join(notes))
    return "\n".join(lines)


def _roll(score: Score) -> Any:
    return _Roll(score)


def corpus(path: Path) -> View:
    """Pieces, notes, hours, styles and splits; every file is compared with its digest."""
    found = Corpus(path)
    verified = found.verify()
    styles = {s: [p for p in found.pieces if p.style == s] for s in found.styles}
    facts: dict[str, Any] = {
        "kind": "corpus",
        "files": [str(path)],
        "pieces": len(found),
        "notes": found.note_count(),
        "seconds": round(sum(p.seconds for p in found.pieces), 1),
        "splits": {name: len(found.split(name)) for name in ("train", "valid", "test")},
        "styles": {name: len(pieces) for name, pieces in styles.items()},
        "with_lead": sum(p.lead is not None for p in found.pieces),
        "verified": verified,
    }
    size = f"{facts['pieces']:,} pieces, {facts['notes']:,} notes, {facts['seconds'] / 3600:.1f} hours"
    head = f"{size}; a tune was found in {facts['with_lead']:,} pieces"
    table = _table("style", "pieces", "notes", "hours", "train", "valid", "test")
    for name, pieces in sorted(styles.items(), key=lambda item: -len(item[1]))[:MAX_ROWS]:
        splits = [str(sum(p.split == split for p in pieces)) for split in ("train", "valid", "test")]
        hours = sum(p.seconds for p in pieces) / 3600
        table.add_row(shown(name), f"{len(pieces):,}", f"{sum(p.note_count for p in pieces):,}", f"{hours:.1f}", *splits)
    checked = "every file is as it was written" if verified else "made by an older melody: there are no digests to compare its files with"
    return facts, [Text(shown(path), style="bold"), Text(head), table, Text(checked)]


def _drawing(found: bundle.Bundle) -> str:
    """How values are drawn by style and pass, as far as the card says."""
    table = found.training.get("sampling")
    if not isinstance(table, dict):
        return "as the model learned it"
    rows = [(style or "other styles", by_pass) for style, by_pass in sorted(table.items()) if isinstance(by_pass, dict)]
    return "; ".join(f"{style}: {_plain(by_pass)}" for style, by_pass in rows)


def model(name: str) -> View:
    """Shape, codec, training, data, licence and number of parameters of a bundle; its weights are checked."""
    found = bundle.read(name)
    training = {k: v for k, v in found.training.items() if k not in ("recipe", "programs", "sampling")}
    codec = {
        "clock": found.codec.clock,
        "grid": found.codec.grid,
        "velocity_bins": found.codec.velocity_bins,
        "version": found.codec.version,
        "styles": list(found.codec.styles),
    }
    facts: dict[str, Any] = {
        "kind": "model",
        "files": [str(found.folder)],
        "name": found.name,
        "parameters": _parameters(found),
        "model": dict(found.model),
        "codec": codec,
        "training": dict(found.training),
        "data": [dict(d) for d in found.data],
        "licence": found.licence,
        "sha256": found.sha256,
    }
    unit = "quarter note" if found.codec.clock == "beats" else "second"
    table = _table("", "")
    table.show_header = False
    rows = {
        "folder": str(found.folder),
        "parameters": f"{facts['parameters']:,}",
        "network": _plain(found.model),
        "codec": f"vocabulary {found.codec.version}, {found.codec.grid} steps a {unit}, {found.codec.velocity_bins} levels of velocity",
        "sampling": _drawing(found),
        "styles": ", ".join(found.codec.styles),
        "instruments": _instruments(found),
        "training": _plain(training),
        "data": "; ".join(_plain(d) for d in found.data),
        "licence": found.licence,
        "sha256": found.sha256,
    }
    for label, value in rows.items():
        table.add_row(label, _printable(value))
    return facts, [Text(_printable(found.name), style="bold"), table]


def _instruments(found: bundle.Bundle) -> str:
    """What the model's card says of instruments: those that it has learned, by notes seen, and how many it has only met."""
    learned = learned_programs(found)
    if learned is None:
        return "not said"
    table = found.training["programs"]
    said = []
    for p, notes in sorted(learned.items(), key=lambda item: -item[1]):
        nats = table[str(p)].get("nats")
        how_well = f", {nats:.2f} nats" if isinstance(nats, float) else ""
        said.append(f"{programs.program_name(min(p, 127), p > 127)} ({notes:,} notes{how_well})")
    met = len(table) - len(learned)
    return ", ".join(said) + (f"; {met} more were seen too little" if met else "")


def _parameters(found: bundle.Bundle) -> int:
    """Number of weights, by the header of the file: no torch needed."""
    from math import prod

    return sum(prod(shape) for shape in bundle.weight_shapes(found.folder / bundle.WEIGHTS).values())


def _plain(values: Any) -> str:
    """Nested plain values in one line: "layers 2, width 512"."""
    if isinstance(values, dict) or hasattr(values, "items"):
        return ", ".join(f"{k} {_plain(v)}" for k, v in values.items())
    return f"{values:.3f}" if isinstance(values, float) else str(values)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in ("notes", "pieces", "hours", "train", "valid", "test") else "left")
    return table
