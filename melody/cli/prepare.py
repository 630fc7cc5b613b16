"""``melody prepare``: folders of MIDI files to a corpus."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Printing
from melody.errors import CallError, MelodyError
from melody.files import claim, shown
from melody.midi import Limits
from melody.sources import Limits as SourceLimits

EXAMPLES = """\
Examples:
  melody prepare ~/midi -o corpus
  melody prepare pop/ jazz/ songs.zip -o corpus --force

The name of the folder that a file lies in is its style. report.csv in the corpus says what was skipped, and why.\
"""

MAX_WORKERS = 256
MAX_LIMIT = 1 << 40  # of any limit

_L = TypeVar("_L", Limits, SourceLimits)

app = App(name="prepare", help_epilogue=EXAMPLES)


@Parameter(name="*", group="Limits")
@dataclass(frozen=True, kw_only=True)
class Limiting:
    """What a file or an archive may hold; one that holds more is skipped, with a line in the report."""

    max_bytes: int = Limits.max_bytes
    """Largest MIDI file."""
    max_notes: int = Limits.max_notes
    """Most notes in a piece."""
    max_tracks: int = Limits.max_tracks
    """Most tracks that have notes."""
    max_seconds: float = Limits.max_seconds
    """Latest onset, in seconds."""
    max_quarters: int = Limits.max_quarters
    """Latest onset, in quarter notes."""
    max_entries: int = SourceLimits.max_entries
    """Most entries of an archive."""
    max_unpacked: int = SourceLimits.max_unpacked
    """Most bytes that an archive unpacks to."""
    max_ratio: int = SourceLimits.max_ratio
    """Most bytes that one packed byte of an archive may unpack to."""


@app.default
def prepare(
    folders: Annotated[tuple[Path, ...], Parameter(required=True, negative_iterable="")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    least_notes: int = 1,
    workers: int = 0,
    styles: str = "folder",
    file_bars: Flag = False,
    limiting: Limiting = Limiting(),
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Turn a collection of MIDI files into a corpus, with a report.

    Parameters
    ----------
    folders
        Folders, MIDI files and archives; folders are read with all their subfolders.
    output
        Folder to write the corpus to.
    least_notes
        Skip pieces with fewer notes.
    workers
        Processes; 0: one a core.
    styles
        What names the styles: folder, or catalogue (for known collections what melody data list calls their music).
    file_bars
        Leave the bar lines of the files; otherwise they are put where listeners find them, and the report says by how much.
    force
        Replace a corpus that exists.
    """
    if not 0 <= workers <= MAX_WORKERS or least_notes < 1:
        raise CallError(f"--workers must be 0 (one a core) to {MAX_WORKERS}, and --least-notes 1 or more")
    for field in fields(limiting):
        value = getattr(limiting, field.name)
        if not 0 < value <= MAX_LIMIT:
            raise CallError(f"--{field.name.replace('_', '-')} is {value}, must be above 0 and at most {MAX_LIMIT:,}")
    for folder in folders:
        if not folder.exists():
            raise MelodyError(f"{shown(folder)}: no such file or folder")
    claim(output, force)
    if styles not in ("folder", "catalogue"):
        raise CallError(f"--styles is {shown(styles)}, must be folder or catalogue")
    if output.exists():
        _check_replaceable(output)

    from melody.corpus.prepare import PrepareConfig
    from melody.corpus.prepare import prepare as work

    with report.bar(printing, "reading") as progress:
        config = PrepareConfig(
            least_notes,
            workers=workers,
            styles=styles,
            find_bars=not file_bars,
            limits=_chosen(Limits, limiting),
            source_limits=_chosen(SourceLimits, limiting),
        )
        summary = work(folders, output, config, progress)
    changes = {"moved_bars": summary.moved_bars, "near_copies": summary.near_copies}
    counts = {"pieces": summary.pieces, "notes": summary.notes, "skipped": summary.skipped, "duplicates": summary.duplicates}
    facts = {"files": [str(output)], **counts, **changes, "report": str(summary.report), "styles": summary.styles, "splits": summary.splits}
    lines = [
        f"{shown(output)}: {summary.pieces} pieces, {summary.notes:,} notes",
        f"skipped {summary.skipped} files, {summary.duplicates} of them duplicates; the reasons are in {shown(summary.report)}",
        f"bar lines moved in {summary.moved_bars} pieces; {summary.near_copies} pieces went to the split of a near-copy",
        "styles: " + ", ".join(f"{shown(name)} {count}" for name, count in summary.styles.items()),
        "splits: " + ", ".join(f"{name} {count}" for name, count in summary.splits.items()),
        f"next: melody train {shown(output)} -o RUN",
    ]
    report.result(printing, facts, lines)


def _chosen(kind: type[_L], limiting: Limiting) -> _L:
    """Limits of one kind, from the flags that bear the names of its fields."""
    return kind(**{field.name: getattr(limiting, field.name) for field in fields(kind)})


def _check_replaceable(folder: Path) -> None:
    """--force replaces a whole folder, so it has to be a corpus: not somebody's music."""
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "index.json").is_file()):
        raise CallError(f"{shown(folder)} is not a corpus, and is not replaced; choose another --output")
